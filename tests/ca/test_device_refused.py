"""Sign-ins on another device that end without a certificate: every no, and who hears it."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from daypass.ca.device import Progress
from daypass.errors import (
    Conflict,
    DaypassError,
    Denied,
    Invalid,
    Misconfigured,
    NotFound,
    Unauthenticated,
    Unavailable,
)
from daypass.wire.binding import login_nonce
from tests.ca.elsewhere import (
    Browser,
    begun,
    both_refused,
    refused,
    signed_in,
)
from tests.ca.heart import CA_ID, Heart
from tests.parts.op import DISCOVERY, DOWN, Answer, Op
from tests.store.ends import revoke

Play = Callable[..., None]
TOKEN = "/token"


# -- no, in every way -----------------------------------------------------------------------------------------


def test_a_person_says_no_and_the_terminal_hears_it(play: Play) -> None:
    async def scenario(ca: Heart) -> None:
        for change_of_mind in (False, True):
            terminal, browser = await begun(ca), Browser(ca.devices)
            await browser.type(terminal)
            if change_of_mind:
                await browser.say(yes=True)
            assert await browser.say(yes=False) == ""
            await refused(Denied, terminal.poll(), "device.denied")
            await refused(NotFound, browser.say(yes=True), "device.gone")
            await refused(NotFound, browser.say(yes=False), "device.gone")
        assert ca.op.hits[TOKEN] == 0

    play(scenario)


ERRORS = [
    ("access_denied", Denied),
    ("login_required", Denied),
    ("temporarily_unavailable", Unavailable),
    ("server_error", Unavailable),
    ("invalid_scope", Misconfigured),
]


@pytest.mark.parametrize(("error", "kind"), ERRORS)
def test_what_the_provider_says_instead_of_a_code_is_told_on_both_sides(
    play: Play, error: str, kind: type[DaypassError]
) -> None:
    async def scenario(ca: Heart) -> None:
        terminal, browser = await begun(ca), Browser(ca.devices)
        await browser.allow(terminal)
        fields = {"state": browser.state, "iss": ca.op.issuer, "error": error, "error_description": "not\x1b you\n"}
        told = await both_refused(terminal, browser, fields, kind, f"provider.{error}")
        assert "not you" in told.message and told.message.isprintable()

    play(scenario)


def test_what_the_policy_refuses_is_told_on_both_sides(op: Op, play: Play) -> None:
    op.claims["groups"] = ["interns"]

    async def scenario(ca: Heart) -> None:
        terminal, browser = await begun(ca), Browser(ca.devices)
        fields = await browser.allow(terminal)
        await both_refused(terminal, browser, fields, Denied, "policy.no-role")

    play(scenario)


NONCE_OF_ANOTHER = "dp1.another"
TOKENS: list[tuple[dict[str, Any], type[DaypassError], str]] = [
    ({"nonce": NONCE_OF_ANOTHER}, Unauthenticated, "oidc.nonce"),
    ({"nonce": "step"}, Unauthenticated, "oidc.nonce"),
    ({"aud": "other"}, Unauthenticated, "token.unknown"),
    ({"iss": "https://other.example"}, Unauthenticated, "provider.no-id-token"),
    ({"exp": 1}, Unauthenticated, "oidc.expired"),
    ({"auth_time": None}, Unauthenticated, "oidc.auth-time"),
    ({"email_verified": False}, Denied, "policy.login-name"),
]


@pytest.mark.parametrize(("claims", "kind", "code"), TOKENS)
def test_a_token_that_is_not_the_one_asked_for_yields_nothing(
    play: Play, claims: dict[str, Any], kind: type[DaypassError], code: str
) -> None:
    async def scenario(ca: Heart) -> None:
        terminal, browser = await begun(ca, salt=b"s" * 32), Browser(ca.devices)
        fields = await browser.allow(terminal)
        nonce = login_nonce(CA_ID, terminal.key.blob, b"login", b"s" * 32)
        ca.op.answers[TOKEN] = token_answer(ca.op, **{"nonce": nonce} | claims)
        await both_refused(terminal, browser, fields, kind, code)
        assert "certificate.issue" not in await ca.acts()

    play(scenario)


def token_answer(op: Op, **claims: Any) -> Answer:
    return Answer(body=json.dumps({"id_token": op.mint(**claims)}).encode())


ANSWERS: list[tuple[dict[str, str | None], type[DaypassError], str]] = [
    ({"code": "made-up"}, Denied, "provider.invalid_grant"),
    ({"code": ""}, Invalid, "provider.answer"),
    ({"code": None}, Invalid, "provider.answer"),
    ({"iss": None}, Unauthenticated, "provider.issuer"),
    ({"iss": "https://evil.example"}, Unauthenticated, "provider.issuer"),
    ({"iss": "https://evil.example", "error": "access_denied"}, Unauthenticated, "provider.issuer"),
]


@pytest.mark.parametrize(("change", "kind", "code"), ANSWERS)
def test_an_answer_that_is_none_ends_it(
    play: Play, change: dict[str, str | None], kind: type[DaypassError], code: str
) -> None:
    """Mix-up (RFC 9207), and a code that was not given for this verifier."""

    async def scenario(ca: Heart) -> None:
        terminal, browser = await begun(ca), Browser(ca.devices)
        fields = {**await browser.allow(terminal), **change}
        given = {name: value for name, value in fields.items() if value is not None}
        await both_refused(terminal, browser, given, kind, code)

    play(scenario)


def test_a_provider_that_is_down_for_the_token_ends_it_and_one_that_is_down_before_does_not(play: Play) -> None:
    async def scenario(ca: Heart) -> None:
        terminal, browser = await begun(ca), Browser(ca.devices)
        await browser.type(terminal)
        ca.op.answers[DISCOVERY] = DOWN
        await refused(Unavailable, browser.say(yes=True), "oidc.provider")
        del ca.op.answers[DISCOVERY]
        fields = await browser.allow(terminal)
        ca.op.answers[TOKEN] = DOWN
        await both_refused(terminal, browser, fields, Unavailable, "oidc.provider")

    play(scenario)


@pytest.mark.parametrize("state", [None, "", "x", "\ud800"])
def test_an_answer_to_another_browsers_sign_in_is_not_taken_and_spoils_nothing(play: Play, state: str | None) -> None:
    """Cross-site request forgery (RFC 6749 section 10.12): an attacker's code in the victim's browser."""

    async def scenario(ca: Heart) -> None:
        terminal, browser = await begun(ca), Browser(ca.devices)
        fields = await browser.allow(terminal)
        forged = {name: value for name, value in fields.items() if name != "state"}
        other = Browser(ca.devices).state if state is None else state
        await refused(Unauthenticated, browser.come_back(**forged, state=other), "device.state")
        await refused(Unauthenticated, browser.come_back(**forged), "device.state")
        assert (await browser.come_back(**fields)).login == "alice"

    play(scenario)


def test_another_browser_has_no_part_in_it(play: Play) -> None:
    async def scenario(ca: Heart) -> None:
        terminal, browser, stranger = await begun(ca), Browser(ca.devices), Browser(ca.devices)
        fields = await browser.allow(terminal)
        await refused(NotFound, stranger.type(terminal), "device.code")
        await refused(NotFound, stranger.say(yes=True), "device.gone")
        await refused(NotFound, stranger.say(yes=False), "device.gone")
        await refused(NotFound, stranger.come_back(**{**fields, "state": stranger.state}), "device.gone")
        assert (await browser.come_back(**fields)).login == "alice"

    play(scenario)


def test_nothing_is_issued_before_the_person_has_said_yes(play: Play) -> None:
    async def scenario(ca: Heart) -> None:
        terminal, browser = await begun(ca), Browser(ca.devices)
        await refused(NotFound, browser.say(yes=True), "device.gone")
        await browser.type(terminal)
        fields = {"state": browser.state, "code": "x", "iss": ca.op.issuer}
        await refused(NotFound, browser.come_back(**fields), "device.gone")
        assert (await terminal.poll()).state is Progress.SEEN
        assert ca.op.hits[TOKEN] == 0

    play(scenario)


def test_a_browser_that_is_busy_with_one_request_gets_no_other(play: Play) -> None:
    async def scenario(ca: Heart) -> None:
        first, second, browser = await begun(ca), await begun(ca), Browser(ca.devices)
        await browser.type(first)
        await refused(Conflict, browser.type(second), "device.browser")

    play(scenario)


def test_a_revoked_certificate_does_not_go_out_again(play: Play) -> None:
    async def scenario(ca: Heart) -> None:
        terminal, _, _ = await signed_in(ca)
        polled = await terminal.poll()
        assert polled.issued is not None
        await revoke(ca.store, [polled.issued.serial], reason="lost", actor="root", now=int(ca.clock.now()))
        await refused(Denied, terminal.poll(), "device.revoked")

    play(scenario)


def test_a_certificate_that_has_expired_does_not_go_out(play: Play) -> None:
    """Expiry is looked at when it is used: the shortest certificate ends before its request does."""

    async def scenario(ca: Heart) -> None:
        terminal, _, _ = await signed_in(ca, lifetime=300)
        ca.clock.later += 290
        assert (await terminal.poll()).state is Progress.ISSUED
        ca.clock.later += 10
        await refused(Denied, terminal.poll(), "device.revoked")

    play(scenario)


def test_a_fault_of_ours_is_told_without_its_details(play: Play, monkeypatch: pytest.MonkeyPatch) -> None:
    async def scenario(ca: Heart) -> None:
        terminal, browser = await begun(ca), Browser(ca.devices)
        fields = await browser.allow(terminal)

        def broken(*_: object) -> int:
            raise KeyError("secret detail")

        monkeypatch.setattr(ca.authority, "_recording", broken)
        with pytest.raises(KeyError):
            await browser.come_back(**fields)
        heard = await refused(Denied, terminal.poll(), "internal")
        assert "secret" not in f"{heard.message}{heard.hint}"

    play(scenario)
