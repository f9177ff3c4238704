"""Which sessions end, and when: one table for a session's own end, one for the list of what is revoked."""

from __future__ import annotations

from typing import Any

import pytest
from tests.host.fake_ca import FakeCa, public

from daypass.api import HostBundle, HostSession, SessionEnd
from daypass.errors import Invalid
from daypass.host.sessions.due import ends, revoked, with_end
from daypass.model import HostRole
from daypass.wire import Krl
from daypass.wire.krl import CertificateSection

HOUR, SINCE = 3600, 1_800_000_000
CA = FakeCa()
OURS = public(CA.user_ca)


def session(serial: int = 7, ca: str = OURS.fingerprint, **changes: Any) -> HostSession:
    given: dict[str, Any] = {
        "id": f"s{serial}",
        "account": "deploy",
        "address": "192.0.2.7",
        "since": SINCE,
        "way": "certificate",
    }
    return HostSession(**(given | {"ca": ca, "serial": serial} | changes))


def role(name: str, stay: int, *accounts: str, own: bool = False) -> HostRole:
    return HostRole(name, "restrict", accounts, own_account=own, max_session=stay)


def bundle(*roles: HostRole, ends: tuple[SessionEnd, ...] = ()) -> HostBundle:
    CA.bundle = {"roles": [*roles], "session_ends": [*ends]}
    return CA._bundle()


STAYS: list[tuple[str, tuple[HostRole, ...], int]] = [
    ("no role has an end", (role("a", 0, "deploy"),), 0),
    ("one role", (role("a", HOUR, "deploy"),), SINCE + HOUR),
    ("the longest of two", (role("a", HOUR, "deploy"), role("b", 2 * HOUR, "deploy")), SINCE + 2 * HOUR),
    ("one of two has none", (role("a", HOUR, "deploy"), role("b", 0, "deploy")), 0),
    ("of another account", (role("a", HOUR, "deploy"), role("b", 0, "root")), SINCE + HOUR),
    ("one's own account", (role("a", HOUR, own=True),), SINCE + HOUR),
    ("nobody is admitted any more", (), 0),
]


@pytest.mark.parametrize(("roles", "end"), [row[1:] for row in STAYS], ids=[row[0] for row in STAYS])
def test_a_session_ends_after_the_longest_stay_of_the_roles_that_admit_there(
    roles: tuple[HostRole, ...], end: int
) -> None:
    assert with_end(session(), bundle(*roles)).end == end


def test_who_came_by_a_key_stays_as_long_as_they_like() -> None:
    assert ends(session(way="key"), bundle(role("a", HOUR, "deploy"))) is None


def test_what_the_bundle_says_of_one_session_counts_for_it_alone_and_whatever_it_came_by() -> None:
    word = SessionEnd(session="s7", at=SINCE + 60, reason="the change is over")
    said = bundle(role("a", HOUR, "deploy"), ends=(word,))
    assert ends(session(way="key"), said) == (SINCE + 60, "the change is over")
    assert with_end(session(), said).end == SINCE + 60
    assert with_end(session(8), said).end == SINCE + HOUR


def krl(*ranges: tuple[int, int]) -> bytes:
    return Krl(1, SINCE, "test", (CertificateSection(OURS, ranges),)).encode()


REVOKED: list[tuple[str, bytes, list[list[int]], set[str]]] = [
    ("nothing", Krl(1, SINCE, "test").encode(), [], set()),
    ("it alone", krl((7, 7)), [], {"s7"}),
    ("a range", krl((1, 7)), [], {"s7"}),
    ("both", krl((7, 8)), [], {"s7", "s8"}),
    ("neighbours", krl((6, 6), (9, 100)), [], set()),
    ("one waits for an operator", krl((7, 8)), [[8, 9]], {"s7"}),
    ("a spared range that is none", krl((7, 7)), [[7]], {"s7"}),
]


@pytest.mark.parametrize(("listed", "spared", "gone"), [row[1:] for row in REVOKED], ids=[row[0] for row in REVOKED])
def test_a_session_ends_if_the_list_has_its_serial(listed: bytes, spared: list[list[int]], gone: set[str]) -> None:
    """Under its CA's key: the same serial of another CA's, and a session without one, go on."""
    others = [session(7, "SHA256:" + "x" * 43, id="other"), session(0, id="none"), session(7, "", id="key")]
    assert revoked([session(7), session(8), *others], listed, spared) == gone


def test_a_list_that_can_not_be_read_is_an_error_and_ends_nobody() -> None:
    bitmap = krl((7, 7)).replace(b"\x20\x00\x00\x00\x08", b"\x22\x00\x00\x00\x08")
    with pytest.raises(Invalid, match="0x22"):
        revoked([session(7)], bitmap, [])
