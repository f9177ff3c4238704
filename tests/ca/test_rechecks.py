"""A provider asked again during the day: only its clear word ends a sign-in, and no trouble of its or ours does."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from daypass.ca.rechecks import LEASE, Rechecks, pause
from daypass.config import ProviderSection, RecheckSection
from daypass.model import Secret
from tests.ca.heart import ENGINEERS, Heart, heart
from tests.parts.op import DISCOVERY, DOWN, Answer, Op, redirect

EVERY = 900
LATER = EVERY * 1.1 + 1  # seconds after which it is due
TOKEN, INTROSPECT = "/token", "/introspect"
TAKEN_BACK = Answer(status=400, body=b'{"error": "invalid_grant"}')


def section(op: Op, by: str = "refresh") -> ProviderSection:
    recheck = RecheckSection(every=f"{EVERY}s", by=by)
    return ProviderSection(name="idp", issuer=op.issuer, client_id=op.client_id, max_age="", recheck=recheck)


Play = Callable[..., None]


@pytest.fixture
def again(op: Op, tmp_path: Path) -> Play:
    """A scenario at a CA whose provider is asked again."""
    op.metadata["introspection_endpoint"] = f"{op.issuer}{INTROSPECT}"

    def run(scenario: Callable[[Heart], Any], by: str = "refresh") -> None:
        async def go() -> None:
            async with heart(op, tmp_path / "ca.sqlite", providers=[section(op, by)], roles=[ENGINEERS]) as ready:
                await scenario(ready)

        asyncio.run(go())

    return run


def good(token: str = "", **more: object) -> Answer:
    told = {"access_token": "a", "token_type": "Bearer", **more} | ({"refresh_token": token} if token else {})
    return Answer(body=json.dumps(told).encode())


def rechecks(ca: Heart) -> Rechecks:
    assert ca.authority.rechecks is not None
    return ca.authority.rechecks


async def look(ca: Heart, later: float = LATER) -> int:
    ca.clock.later += later
    return await rechecks(ca).look()


async def revoked(ca: Heart, serial: int) -> bool:
    record = await ca.store.on_record(serial)
    assert record is not None
    return record.revoked_at is not None


async def signed_in(ca: Heart, **more: Any) -> int:
    issuance, _ = await ca.sign_in(**({"refresh": "hunter2"} | more))
    return issuance.certificates[0].serial


def asked(op: Op, path: str = TOKEN) -> list[str]:
    return [each.form.get("refresh_token", each.form.get("token", "")) for each in op.asked.get(path, [])]


def test_a_sign_in_that_stands_is_asked_of_with_the_token_that_came_last(again: Play, op: Op) -> None:
    async def scenario(ca: Heart) -> None:
        serial = await signed_in(ca)
        assert await look(ca, 0) == 0
        op.answers[TOKEN] = good("rotated")
        assert await look(ca) == 1
        op.answers[TOKEN] = good()
        assert await look(ca) == 1
        assert await look(ca) == 1
        assert asked(op) == ["hunter2", "rotated", "rotated"]
        form = op.asked[TOKEN][0].form
        assert (form["grant_type"], form["client_id"]) == ("refresh_token", "daypass")
        assert not await revoked(ca, serial)

    again(scenario)


def test_no_token_lies_open_anywhere(again: Play, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    async def scenario(ca: Heart) -> None:
        await signed_in(ca)
        files = await asyncio.to_thread(lambda: [each.read_bytes() for each in tmp_path.iterdir()])
        assert any(b"alice@example.com" in each for each in files)
        assert not any(b"hunter2" in each for each in files)

    caplog.set_level("DEBUG")
    again(scenario)
    assert "hunter2" not in caplog.text


def test_what_the_provider_takes_back_ends_and_nothing_else(again: Play, op: Op) -> None:
    async def scenario(ca: Heart) -> None:
        hers, at_home = await signed_in(ca), await signed_in(ca, refresh="")
        bobs = await signed_in(ca, refresh="", sub="bob-1", email="bob@example.com", preferred_username="bob")
        op.answers[TOKEN] = TAKEN_BACK
        assert await look(ca) == 1
        assert [await revoked(ca, each) for each in (hers, at_home, bobs)] == [True, False, False]
        (ending,) = await ca.store.endings(0, 10)
        assert (ending.source, ending.actor, ending.serials) == ("recheck", "recheck:idp", (hers,))
        assert (ending.gone, ending.held) == (False, False)
        assert await look(ca, LATER + LEASE) == 0

    again(scenario)


TROUBLE = [
    DOWN,
    Answer(status=500, body=b""),
    Answer(status=503, body=b'{"error": "invalid_grant"}'),
    Answer(status=429, body=b""),
    Answer(status=403, body=b'{"error": "invalid_grant"}'),
    Answer(status=400, body=b'{"error": "temporarily_unavailable"}'),
    Answer(status=401, body=b'{"error": "invalid_client"}'),
    Answer(status=400, body=b'{"error": "unauthorized_client"}'),
    Answer(status=400, body=b'{"error": "invalid_scope"}'),
    Answer(status=400, body=b'{"error": ["invalid_grant"]}'),
    Answer(status=400, body=b'"invalid_grant"'),
    Answer(status=200, body=b'{"error": "invalid_grant"}'),
    Answer(status=200, body=b"<html>sign in to the airport</html>"),
    Answer(status=200, body=b'{"active": false}'),
    Answer(status=200, body=b"{" * 100_000),
    redirect("https://id.example.com/invalid_grant"),
]


@pytest.mark.parametrize("by", ["refresh", "introspection"])
def test_no_trouble_ends_anybody_s_access(again: Play, op: Op, by: str) -> None:
    async def scenario(ca: Heart) -> None:
        serial = await signed_in(ca)
        path = TOKEN if by == "refresh" else INTROSPECT
        for answer in TROUBLE:
            if by == "refresh" or answer.body != b'{"active": false}':
                op.answers[path] = answer
                assert await look(ca) == 1
        op.answers[DISCOVERY] = DOWN
        assert await look(ca) == 1
        assert not await revoked(ca, serial)
        del op.answers[DISCOVERY]
        op.answers[path] = good("rotated", active=True)
        assert await look(ca) == 1
        assert not await revoked(ca, serial)

    again(scenario, by)


def test_introspection_that_says_inactive_ends_it(again: Play, op: Op) -> None:
    """Whatever went before: to ask changes nothing there."""

    async def scenario(ca: Heart) -> None:
        serial = await signed_in(ca)
        op.answers[INTROSPECT] = DOWN
        await look(ca)
        op.answers[INTROSPECT] = Answer(body=b'{"active": false}')
        await look(ca)
        assert asked(op, INTROSPECT) == ["hunter2", "hunter2"]
        assert await revoked(ca, serial)

    again(scenario, "introspection")


async def noted(ca: Heart, act: str) -> dict[str, Any]:
    (found,) = [json.loads(each.entry) for each in await ca.store.ledger(0, 1000) if each.act == act]
    return dict(found)


def test_a_token_that_a_lost_answer_may_have_used_up_ends_nobody_s_access(again: Play, op: Op) -> None:
    """oidc-provider and others answer a token that was used before as they answer for an account that is gone."""

    async def scenario(ca: Heart) -> None:
        serial = await signed_in(ca)
        op.answers[TOKEN] = Answer(status=502, body=b"")
        await look(ca)
        op.answers[TOKEN] = TAKEN_BACK
        await look(ca)
        assert not await revoked(ca, serial)
        assert (await noted(ca, "recheck.lost"))["actor"] == "recheck:idp"
        assert await look(ca, LATER + LEASE) == 0

    again(scenario)


def test_so_does_one_of_a_process_that_died_in_between(again: Play, op: Op) -> None:
    async def scenario(ca: Heart) -> None:
        serial = await signed_in(ca)
        ca.clock.later += LATER
        now = int(ca.clock.now())
        assert len(await ca.store.due_rechecks(now, now + LEASE, 10)) == 1
        op.answers[TOKEN] = TAKEN_BACK
        assert await look(ca, 0) == 0
        assert await look(ca, LEASE + 1) == 1
        assert not await revoked(ca, serial)
        await noted(ca, "recheck.lost")

    again(scenario)


def test_a_good_word_clears_the_doubt(again: Play, op: Op) -> None:
    async def scenario(ca: Heart) -> None:
        serial = await signed_in(ca)
        for answer in (Answer(status=502, body=b""), good("rotated"), TAKEN_BACK):
            op.answers[TOKEN] = answer
            await look(ca)
        assert await revoked(ca, serial)

    again(scenario)


def test_somebody_else_s_token_vouches_for_nobody(again: Play, op: Op) -> None:
    async def scenario(ca: Heart) -> None:
        serial = await signed_in(ca)
        op.answers[TOKEN] = good(id_token=op.mint())
        await look(ca)
        op.answers[TOKEN] = good(id_token=op.mint(sub="bob-1"))
        await look(ca)
        assert (await noted(ca, "recheck.other"))["provider"] == "idp"
        assert not await revoked(ca, serial)
        assert await look(ca) == 0

    again(scenario)


def test_a_section_without_it_keeps_nothing_and_asks_nothing(again: Play, op: Op) -> None:
    async def scenario(ca: Heart) -> None:
        await signed_in(ca)
        await ca.publish(providers=[replace(section(op), recheck=None)])
        await ca.authority.force.look()
        await signed_in(ca, sub="bob-1", email="bob@example.com", preferred_username="bob")
        assert await look(ca) == 1
        assert await look(ca, LATER + LEASE) == 0
        assert asked(op) == []

    again(scenario)


def test_a_sign_in_succeeds_where_its_token_can_not_be_kept(again: Play, tmp_path: Path) -> None:
    async def scenario(ca: Heart) -> None:
        (tmp_path / "ca.key").write_text("no key")
        serial = await signed_in(ca)
        assert not await revoked(ca, serial)
        assert await look(ca) == 0

    again(scenario)


def test_a_token_that_was_put_into_another_sign_in_s_row_is_dropped(again: Play, op: Op) -> None:
    async def scenario(ca: Heart) -> None:
        await signed_in(ca)
        (first,) = await ca.store.due_rechecks(int(ca.clock.now() + LATER), int(ca.clock.now() + LATER), 10)
        await ca.store.settle_recheck(first, first.sealed[:-1] + b"x", int(ca.clock.now()))
        assert await look(ca) == 1
        assert (asked(op), await look(ca, LATER + LEASE)) == ([], 0)

    again(scenario)


@pytest.mark.parametrize(("failures", "seconds"), [(0, 60), (1, 60), (2, 120), (3, 240), (5, 900), (10**6, 900)])
def test_after_trouble_it_asks_sooner_than_usual_and_ever_less_often(failures: int, seconds: int) -> None:
    assert pause(failures, EVERY) == seconds


def test_a_token_shows_nothing_of_itself() -> None:
    assert "hunter2" not in repr(Secret("hunter2"))
