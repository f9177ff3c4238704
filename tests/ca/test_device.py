"""Sign-ins on another device (trust 8.2): a real provider, a real authority, real stores."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest

from daypass.ca import device
from daypass.ca.authority import Issuance
from daypass.ca.device import DeviceAsk, Progress
from daypass.ca.ports import DeviceCaps
from daypass.config import ProviderSection
from daypass.errors import (
    Conflict,
    DaypassError,
    Invalid,
    NotFound,
    Throttled,
    Unauthenticated,
)
from daypass.model import Credential, Request
from daypass.wire import Certificate
from daypass.wire.binding import login_act, login_nonce
from tests.ca.elsewhere import (
    HOME,
    TERMINAL,
    Browser,
    begun,
    refused,
    signed_in,
    until,
)
from tests.ca.heart import CA_ID, ENGINEERS, REDIRECT, Heart, heart
from tests.parts.certified_op import CertifiedOp
from tests.parts.op import Answer, Op

Play = Callable[..., None]
TOKEN = "/token"


# -- the way it goes ------------------------------------------------------------------------------------------


def test_a_machine_gets_the_certificate_that_a_person_signed_in_for_elsewhere(play: Play) -> None:
    async def scenario(ca: Heart) -> None:
        terminal, browser = await begun(ca, lifetime=3600), Browser(ca.devices)
        assert (await terminal.poll()).state is Progress.WAITING
        asked = await browser.type(terminal)
        assert (asked.machine, asked.address, asked.provider) == ("alice@build-7", TERMINAL, "127.0.0.1")
        assert (asked.fingerprint, asked.lifetime) == (terminal.key.fingerprint, 3600)
        assert abs(asked.started_at - time.time()) < 60
        assert await browser.type(terminal) == asked
        url = await browser.say(yes=True)
        assert url == await browser.say(yes=True), "a second click leads to the same place"
        assert (await terminal.poll()).state is Progress.SEEN
        done = await browser.come_back(**await browser.allow(terminal))
        assert (done.login, done.machine) == ("alice", "alice@build-7")
        polled = await terminal.poll()
        assert polled.state is Progress.ISSUED and polled.issued is not None
        cert = Certificate.parse(polled.issued.certificate)
        cert.verify_signature()
        assert (cert.public_key, cert.principals) == (terminal.key, ("role:engineers:alice",))
        assert cert.valid_before == done.valid_before <= time.time() + 3601 + ca.clock.later

    play(scenario)


def test_a_lost_answer_is_given_again_and_a_page_may_be_loaded_again(play: Play) -> None:
    async def scenario(ca: Heart) -> None:
        terminal, browser = await begun(ca), Browser(ca.devices)
        fields = await browser.allow(terminal)
        done = await browser.come_back(**fields)
        polled = await terminal.poll()
        for _ in range(3):
            assert await terminal.poll() == polled
            assert await browser.come_back(**fields) == done
        assert (await ca.acts()).count("certificate.issue") == 1
        assert ca.op.hits[TOKEN] == 1

    play(scenario)


def test_the_ledger_says_who_asked_and_who_signed_in_before_anything_is_released(play: Play) -> None:
    async def scenario(ca: Heart) -> None:
        terminal, _, _ = await signed_in(ca)
        rows = await ca.store.ledger(0, 100)
        assert [row.act for row in rows][-2:] == ["certificate.issue", "device.issue"]
        issue, entry = (json.loads(row.entry) for row in rows[-2:])
        assert entry["actor"] == issue["actor"] == "idp:alice-1"
        assert (entry["machine"], entry["address"], entry["browser_address"]) == ("alice@build-7", TERMINAL, HOME)
        assert (entry["serial"], entry["public_key"]) == (issue["serial"], terminal.key.fingerprint)
        polled = await terminal.poll()
        assert polled.issued is not None and polled.issued.serial == entry["serial"]

    play(scenario)


def test_the_provider_is_asked_to_bind_the_token_to_this_key_and_this_browser(play: Play) -> None:
    async def scenario(ca: Heart) -> None:
        salt, browser = b"s" * 32, Browser(ca.devices)
        terminal = await begun(ca, salt=salt)
        await browser.type(terminal)
        query = dict(parse_qsl(urlsplit(await browser.say(yes=True)).query))
        assert query["nonce"] == login_nonce(CA_ID, terminal.key.blob, b"login", salt)
        assert (query["redirect_uri"], query["state"]) == (REDIRECT, browser.state)
        assert (query["code_challenge_method"], len(query["code_challenge"])) == ("S256", 43)
        assert query["code_challenge"] != query["state"]

    play(scenario)


def test_a_role_alone_is_another_act_for_which_the_person_signs_in_anew(play: Play) -> None:
    async def scenario(ca: Heart) -> None:
        salt, browser = b"s" * 32, Browser(ca.devices)
        terminal = await begun(ca, salt=salt, role="db-admin")
        assert (await browser.type(terminal)).role == "db-admin"
        query = dict(parse_qsl(urlsplit(await browser.say(yes=True)).query))
        assert query["nonce"] == login_nonce(CA_ID, terminal.key.blob, login_act("db-admin"), salt)
        assert query["prompt"] == "login"

    play(scenario)


def test_it_works_at_a_certified_provider_with_a_client_of_its_own(certified_op: CertifiedOp, tmp_path: Path) -> None:
    """npm's oidc-provider checks client secret, redirect address and PKCE as the standards say."""
    client, secret = certified_op.pages
    section = ProviderSection(
        name="idp", issuer=certified_op.issuer, client_id="daypass", web_client_id=client, web_client_secret=secret
    )

    async def go() -> None:
        async with heart(Op(certified_op.issuer), tmp_path / "ca.sqlite", providers=[section]) as ca:
            terminal, _, done = await signed_in(ca)
            polled = await terminal.poll()
            assert done.login == "alice" and polled.state is Progress.ISSUED

    asyncio.run(go())


# -- codes ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "change", [str, str.lower, lambda code: code.replace("-", ""), lambda code: f" {code[:4]} {code[5:]}\t"]
)
def test_a_code_is_taken_however_it_is_typed(play: Play, change: Callable[[str], str]) -> None:
    async def scenario(ca: Heart) -> None:
        terminal = await begun(ca)
        assert await ca.devices.typed(change(terminal.begun.user_code), "b" * 43, HOME)

    play(scenario)


@pytest.mark.parametrize("typed", ["", "BCDF", "BCDF-GHJA", "BCDF-GHJKL", "B" * 100_000, "\0" * 8, "\ud800" * 8])
def test_what_can_not_be_a_code_is_a_wrong_one(play: Play, typed: str) -> None:
    async def scenario(ca: Heart) -> None:
        await refused(NotFound, ca.devices.typed(typed, "b" * 43, HOME), "device.code")

    play(scenario)


def test_wrong_codes_are_limited_for_each_network_and_time_lifts_the_limit(play: Play) -> None:
    async def scenario(ca: Heart) -> None:
        terminal = await begun(ca)
        for number in range(20):
            await refused(NotFound, ca.devices.typed("BBBB-BBBB", "b" * 43, f"2001:db8::{number:x}"), "device.code")
        right = terminal.begun.user_code
        slow = await refused(Throttled, ca.devices.typed(right, "b" * 43, "2001:db8::ffff"), "device.guesses")
        assert 590 < (slow.retry_after or 0) <= 600
        assert await ca.devices.typed(right, "b" * 43, "2001:db8:0:1::1"), "others are not held up"
        ca.clock.later += 600
        terminal = await begun(ca)
        assert await ca.devices.typed(terminal.begun.user_code, "c" * 43, "2001:db8::1")

    play(scenario)


def test_wrong_codes_of_everybody_are_limited_too(play: Play) -> None:
    async def scenario(ca: Heart) -> None:
        for number in range(1000):
            await refused(
                NotFound, ca.devices.typed("?", "b" * 43, f"10.0.{number >> 8}.{number & 255}"), "device.code"
            )
        await refused(Throttled, ca.devices.typed("?", "b" * 43, HOME), "device.guesses")

    play(scenario)


def test_guesses_that_come_at_once_are_all_counted(play: Play) -> None:
    async def scenario(ca: Heart) -> None:
        guesses = [ca.devices.typed("BBBB-BBBB", "b" * 43, HOME) for _ in range(50)]
        answers = await asyncio.gather(*guesses, return_exceptions=True)
        assert [type(each) for each in answers].count(Throttled) == 30

    play(scenario)


def test_right_codes_count_for_nothing(play: Play) -> None:
    async def scenario(ca: Heart) -> None:
        for _ in range(25):
            await Browser(ca.devices).type(await begun(ca))

    play(scenario)


def test_a_right_code_in_a_busy_browser_is_no_wrong_one(play: Play) -> None:
    async def scenario(ca: Heart) -> None:
        browser = Browser(ca.devices)
        await browser.type(await begun(ca))
        for _ in range(25):
            await refused(Conflict, browser.type(await begun(ca)), "device.browser")

    play(scenario)


# -- asking too often, too much, or what can't be -------------------------------------------------------------


def test_polling_too_fast_is_throttled_and_costs_nothing(play: Play) -> None:
    async def scenario(ca: Heart) -> None:
        terminal = await begun(ca)
        await terminal.poll()
        slow = await refused(Throttled, ca.devices.poll(terminal.begun.device_code), "device.slow-down")
        assert slow.retry_after == terminal.begun.interval == 2
        assert (await terminal.poll()).state is Progress.WAITING

    play(scenario)


def test_an_unknown_device_code_is_told_so_and_not_remembered(play: Play) -> None:
    async def scenario(ca: Heart) -> None:
        for code in ("x", "", "\ud800"):
            for _ in range(2):
                await refused(Unauthenticated, ca.devices.poll(code), "device.expired")

    play(scenario)


def test_a_request_lives_ten_minutes_whatever_becomes_of_it(play: Play) -> None:
    async def scenario(ca: Heart) -> None:
        waiting, browser = await begun(ca), Browser(ca.devices)
        fields = await browser.allow(await begun(ca))
        done, _, _ = await signed_in(ca)
        assert waiting.begun.expires_in == 600
        ca.clock.later += 600
        for terminal in (waiting, done):
            await refused(Unauthenticated, terminal.poll(), "device.expired")
        await refused(NotFound, Browser(ca.devices).type(waiting), "device.code")
        await refused(NotFound, browser.say(yes=True), "device.gone")
        await refused(NotFound, browser.come_back(**fields), "device.gone")
        assert ca.op.hits[TOKEN] == 1

    play(scenario)


def test_who_comes_back_too_late_from_the_provider_leaves_no_certificate_to_fetch(play: Play) -> None:
    async def scenario(ca: Heart) -> None:
        terminal, browser = await begun(ca), Browser(ca.devices)
        fields = await browser.allow(terminal)
        ca.op.answers[TOKEN] = Answer(seconds=0.5)
        coming = asyncio.create_task(browser.come_back(**fields))
        await until(lambda: ca.op.hits[TOKEN])
        ca.clock.later += 600
        with pytest.raises(Unauthenticated):
            await coming
        await refused(Unauthenticated, terminal.poll(), "device.expired")
        assert "device.issue" not in await ca.acts()

    play(scenario)


def test_a_request_that_expires_while_its_certificate_is_made_gives_none_out(
    play: Play, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def scenario(ca: Heart) -> None:
        terminal, browser = await begun(ca), Browser(ca.devices)
        fields = await browser.allow(terminal)
        conclusion = ca.devices._conclusion
        issue = conclusion._issue

        async def slow(request: Request, credential: Credential) -> Issuance:
            issuance = await issue(request, credential)
            ca.clock.later += 601
            return issuance

        monkeypatch.setattr(conclusion, "_issue", slow)
        await refused(Unauthenticated, browser.come_back(**fields), "device.expired")
        await refused(Unauthenticated, terminal.poll(), "device.expired")
        assert "device.issue" not in await ca.acts()

    play(scenario)


def test_one_network_has_so_many_requests_and_ipv6_counts_by_the_64(
    play: Play, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(device, "CAPS", DeviceCaps(network=2, overall=3))

    async def scenario(ca: Heart) -> None:
        for number in range(2):
            await begun(ca, f"2001:db8::{number}")
        await refused(Throttled, begun(ca, "2001:db8::9"), "device.many")
        await begun(ca, "2001:db8:0:1::1")
        await refused(Throttled, begun(ca, "192.0.2.1"), "device.many")

    play(scenario)


ASKS: list[tuple[dict[str, Any], type[DaypassError], str]] = [
    ({"machine": ""}, Invalid, "device.machine"),
    ({"machine": "  "}, Invalid, "device.machine"),
    ({"machine": "x" * 65}, Invalid, "device.machine"),
    ({"machine": "a\nb"}, Invalid, "device.machine"),
    ({"machine": "a\u202eb"}, Invalid, "device.machine"),
    ({"machine": "\ud800"}, Invalid, "device.machine"),
    ({"salt": b"s" * 31}, Invalid, "device.salt"),
    ({"lifetime": 0}, Invalid, "device.lifetime"),
    ({"lifetime": 2**63}, Invalid, "device.lifetime"),
    ({"provider": "other"}, NotFound, "device.provider"),
]


@pytest.mark.parametrize(("change", "kind", "code"), ASKS)
def test_what_can_not_be_asked_for(play: Play, change: dict[str, Any], kind: type[DaypassError], code: str) -> None:
    async def scenario(ca: Heart) -> None:
        with pytest.raises(kind) as caught:
            await begun(ca, **change)
        assert caught.value.code == code

    play(scenario)


def test_with_several_providers_one_has_to_be_named(op: Op, play: Play) -> None:
    sections = [
        ProviderSection(name=name, issuer=op.issuer, client_id=client)
        for name, client in (("one", "x"), ("two", "daypass"))
    ]
    role = type(ENGINEERS)(name="engineers", provider="two", groups=["engineers"], accounts=["{login}"])

    async def scenario(ca: Heart) -> None:
        told = await refused(Invalid, begun(ca), "device.provider")
        assert "one, two" in (told.hint or "")
        _, _, done = await signed_in(ca, provider="two")
        assert done.login == "alice"

    play(scenario, providers=sections, roles=[role])


def test_an_ask_is_for_a_key_and_shows_it(play: Play) -> None:
    """The salt is the client's: two asks for one key get two nonces."""

    async def scenario(ca: Heart) -> None:
        first = await begun(ca)
        again = await ca.devices.begin(DeviceAsk(first.key, b"t" * 32, "alice@build-7"), TERMINAL)
        assert again.user_code != first.begun.user_code and again.device_code != first.begun.device_code

    play(scenario)
