"""When certificates are renewed, and how."""

from __future__ import annotations

import msgspec

from daypass.host.renewal import next_renewal, renew_due
from daypass.host.state import CertificateState, State

DAY = 86400


def state(*times: tuple[int, int], host: str = "h-1", serial: int = 5) -> State:
    certificates = [
        CertificateState(path=__file__, serial=serial, begins=first, expires=last) for first, last in times
    ]
    return State(
        url="", ca_id="", roots=[], host_id=host, name="web-1", trust_version=1, bundle_version=1, bundle_expires=0,
        krl_version=1, enrolled_at=0, certificates=certificates,
    )  # fmt: skip


def test_it_is_due_when_two_thirds_are_over_and_well_before_the_end() -> None:
    found = state((1000 * DAY, 1030 * DAY))
    assert not renew_due(found, 1020 * DAY - 1)
    assert renew_due(found, 1022 * DAY)


def test_the_first_that_ends_decides() -> None:
    assert next_renewal(state((0, 30 * DAY), (0, 3 * DAY))) < 2.2 * DAY


def test_a_host_keeps_its_moment_and_no_two_have_the_same() -> None:
    moments = [next_renewal(state((0, 30 * DAY), host=f"h-{number}")) for number in range(1000)]
    assert moments == [next_renewal(state((0, 30 * DAY), host=f"h-{number}")) for number in range(1000)]
    assert len(set(moments)) > 990
    assert 20 * DAY <= min(moments) < 20.1 * DAY
    assert 21.4 * DAY < max(moments) <= 21.5 * DAY


def test_what_has_ended_is_due_and_a_host_without_certificates_never() -> None:
    assert renew_due(state((0, 10)), 99)
    assert not renew_due(state(), 99)


def test_a_lost_one_is_due_at_once() -> None:
    (held,) = state((1000 * DAY, 1030 * DAY)).certificates
    lost = msgspec.structs.replace(held, path="/nowhere/cert.pub")
    assert renew_due(msgspec.structs.replace(state(), certificates=[lost]), 1001 * DAY)
