"""What every provisioner does. A new kind is one more file in `kinds/`."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterator

import pytest
from msgspec.structs import replace
from tests.provisioners.kinds import CA_URL, KINDS, NOW, OTHER_KEY, Desk, Made, open_kind

from daypass.errors import DaypassError, Denied, Invalid, Unauthenticated, Unavailable
from daypass.model import MAX_TOKEN, Credential, Kind, Secret

REFUSED = (Unauthenticated, Denied, Invalid)
OTHER_CA = b"D" * 32
JUNK = [
    "",
    ".",
    "..",
    "...",
    "a.b.c",
    "e30.e30.e30",
    "\0",
    "é.é.é",
    "\udc80",
    "[" * 9000,
    "e30." + "W1tb" * 3000 + ".e30",
]
HUGE = 1_000_000  # characters
TIMELESS = {"join"}  # what says nothing of when it was made
ASKS_NOBODY = {
    "join",
    "jwk",
    "pam",
    "port22",
    "sshpop",
    "x5c",
}  # nothing but this machine and its database is behind it


@pytest.fixture(scope="module")
def runner() -> Iterator[asyncio.Runner]:
    with asyncio.Runner() as runner:
        yield runner


@pytest.fixture(scope="module", params=KINDS)
def opened(request: pytest.FixtureRequest, runner: asyncio.Runner) -> Iterator[Desk]:
    with open_kind(request.param, runner) as desk:
        yield desk


@pytest.fixture
def desk(opened: Desk) -> Iterator[Desk]:
    yield opened
    opened.clock.time = NOW


def refusal(desk: Desk, credential: Credential) -> DaypassError:
    with pytest.raises(REFUSED) as refused:
        desk.show(credential)
    assert refused.value.code != refused.value.default_code, "every refusal has a code of its own"
    return refused.value


def test_an_honest_credential_says_who_it_is(desk: Desk) -> None:
    credential = desk.make(Made())
    assert desk.provisioner.recognises(credential.token.reveal())
    proof = desk.show(credential)
    assert proof.identity.provider == proof.once.provider == desk.provisioner.name
    assert proof.identity.issuer and proof.identity.subject
    assert (proof.identity.kind is Kind.HOST) == (proof.enrolment is not None)
    assert proof.expires_at > NOW


def test_its_use_is_the_same_however_often_it_is_shown_and_another_s_is_another(desk: Desk) -> None:
    credential = desk.make(Made())
    assert desk.show(credential).once == desk.show(credential).once
    assert desk.show(desk.make(Made())).once != desk.show(credential).once


def test_it_passes_until_its_end_and_its_use_is_remembered_that_long(desk: Desk) -> None:
    credential = desk.make(Made())
    desk.clock.time = NOW + desk.life - 1
    assert desk.show(credential).expires_at > desk.clock.time
    desk.clock.time = NOW + desk.life
    assert isinstance(refusal(desk, credential), Unauthenticated)


def test_it_does_not_pass_before_its_time(desk: Desk) -> None:
    if desk.early is None:
        assert desk.provisioner.type in TIMELESS
        return
    credential = desk.make(Made())
    desk.clock.time = NOW - desk.early
    assert desk.show(credential)
    desk.clock.time -= 1
    assert isinstance(refusal(desk, credential), Unauthenticated)


def test_one_that_was_made_for_another_key_is_refused_or_its_holder_has_to_hold_that_key(desk: Desk) -> None:
    theirs = desk.make(Made(key=OTHER_KEY))
    if "key" not in desk.unbound:
        refusal(desk, replace(theirs, keys=desk.make(Made()).keys))
    elif theirs.possessed:
        refusal(desk, replace(theirs, possessed=False))


def test_one_for_another_ca_is_refused(desk: Desk) -> None:
    if "ca" not in desk.unbound:
        refusal(desk, desk.make(Made(ca_id=OTHER_CA, ca_url="https://ca.elsewhere.example")))
        assert desk.show(desk.make(Made(ca_url=CA_URL)))


def test_one_for_another_act_is_refused(desk: Desk) -> None:
    if "act" not in desk.unbound:
        for act in (b"act of another kind", b"\xa3\0"):  # an administrative one is a hash
            refusal(desk, replace(desk.make(Made()), act=act))


def test_one_by_somebody_unknown_is_refused(desk: Desk) -> None:
    assert isinstance(refusal(desk, desk.make(Made(known=False))), Unauthenticated)


def test_none_that_was_changed_on_its_way_passes(desk: Desk) -> None:
    credential = desk.make(Made())
    changed = list(desk.tampered(credential.token.reveal()))
    assert changed
    for token in changed:
        assert token != credential.token.reveal()
        refusal(desk, replace(credential, token=Secret(token)))


def test_what_is_no_token_is_refused_and_not_taken_for_one(desk: Desk) -> None:
    credential = desk.make(Made())
    for junk in JUNK:
        assert not desk.provisioner.recognises(junk)
        assert isinstance(refusal(desk, replace(credential, token=Secret(junk))), (Unauthenticated, Invalid))


def test_what_is_too_long_is_refused_before_it_is_read(desk: Desk) -> None:
    credential = desk.make(Made())
    honest = credential.token.reveal()
    for long in (honest + "A" * MAX_TOKEN, honest + "A" * HUGE, "A" * HUGE, "." * HUGE, f"{honest}.{honest * 300}"):
        desk.provisioner.recognises(long)
        refusal(desk, replace(credential, token=Secret(long)))


def test_nothing_secret_is_in_a_log_or_an_error(desk: Desk, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    good, unknown = desk.make(Made()), desk.make(Made(known=False))
    proof, error = desk.show(good), refusal(desk, unknown)
    said = f"{caplog.text}{error!r}{error.message}{error.hint}{proof!r}{good!r}"
    for credential in (good, unknown):
        assert not [each for each in desk.secrets(credential.token.reveal()) if each in said]


def test_an_operator_who_tries_it_sees_that_it_works(desk: Desk) -> None:
    findings = desk.test()
    assert findings
    assert all(each.ok and each.what for each in findings), findings


@pytest.mark.parametrize("kind", KINDS)
def test_one_whose_backend_is_down_says_so_and_heals_by_itself(kind: str, runner: asyncio.Runner) -> None:
    with open_kind(kind, runner) as desk:
        if desk.outage is None:
            assert desk.provisioner.type in ASKS_NOBODY
            return
        desk.outage(True)
        credential = desk.make(Made())
        with pytest.raises(Unavailable) as down:
            desk.show(credential)
        assert desk.provisioner.name in down.value.message
        assert down.value.hint
        bad = [each for each in desk.test() if not each.ok]
        assert bad and all(each.what and each.hint for each in bad)
        desk.outage(False)
        desk.clock.ticks += desk.mends
        assert desk.show(credential).identity.subject
        assert all(each.ok for each in desk.test())
