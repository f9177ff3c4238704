"""A provider's logouts and security events become endings, once each, durable, and of its own people alone."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from msgspec.structs import replace

from daypass.config import EndingsSection, ProviderSection, SignalsSection
from daypass.errors import Denied, NotFound, Unauthenticated
from daypass.model import Issued, OnceId, sign_in
from daypass.provisioners.logout import LOGOUT
from tests.ca.heart import ENGINEERS, Heart
from tests.parts.op import Op, run_op
from tests.parts.transmitter import CAEP, RISC, event_token
from tests.provisioners import test_events

Play = Callable[..., None]
AUDIENCE = "https://ca.example.com/signals"
TIMES = iter(range(10_000))


@pytest.fixture
def provider(op: Op) -> Iterator[dict[str, Any]]:
    """The configuration of the scenarios."""
    section = ProviderSection(
        name="idp", issuer=op.issuer, client_id=op.client_id, max_age="", logout=True,
        signals=SignalsSection(audience=AUDIENCE),
    )  # fmt: skip
    yield {"providers": [section]}


def goodbye(op: Op, *, without: tuple[str, ...] = (), **change: Any) -> str:
    now = int(time.time())
    unwanted = ("email", "email_verified", "groups", "preferred_username", "auth_time", *without)
    honest: dict[str, Any] = {"iat": now, "exp": now + 120, "jti": f"out-{next(TIMES)}", "events": {LOGOUT: {}}}
    return op.mint(without=unwanted, header={"typ": "logout+jwt"}, **{**honest, **change})


def event(op: Op, uri: str, sub_id: dict[str, Any] | None = None, **change: Any) -> str:
    return event_token(
        op.key, uri, **{"iss": op.issuer, "aud": AUDIENCE, "sub_id": sub_id or test_events.alice(op), **change}
    )


async def holds(heart: Heart, *issued: Issued) -> list[bool]:
    found = [await heart.store.on_record(each.serial) for each in issued]
    return [each is not None and each.revoked_at is None for each in found]


async def signed_in(heart: Heart, **claims: object) -> Issued:
    return (await heart.sign_in(**claims))[0].certificates[0]


async def locked(heart: Heart, word: str = "alice") -> bool:
    (person,) = await heart.store.find_people(word)
    return person.locked_at is not None


def test_a_logout_by_sid_ends_that_sign_in_and_no_other(play: Play, provider: dict[str, Any]) -> None:
    async def scenario(heart: Heart) -> None:
        one, two = await signed_in(heart, sid="s-1"), await signed_in(heart, sid="s-2")
        await heart.authority.inbound.logout("idp", goodbye(heart.op, sid="s-1"))
        assert await holds(heart, one, two) == [False, True]
        assert not await locked(heart)

    play(scenario, **provider)


def test_a_logout_by_sub_ends_all_and_they_may_sign_in_again(play: Play, provider: dict[str, Any]) -> None:
    async def scenario(heart: Heart) -> None:
        one, two = await signed_in(heart, sid="s-1"), await signed_in(heart, sid="s-2")
        bob = await signed_in(heart, sub="bob-1", email="bob@example.com")
        await heart.authority.inbound.logout("idp", goodbye(heart.op))
        assert await holds(heart, one, two, bob) == [False, False, True]
        heart.clock.later += 2
        again = await signed_in(heart, sid="s-3", iat=int(heart.clock.now()), auth_time=int(heart.clock.now()))
        assert await holds(heart, again) == [True]

    play(scenario, **provider)


def test_a_logout_that_comes_again_ends_nothing_that_came_after_it(play: Play, provider: dict[str, Any]) -> None:
    async def scenario(heart: Heart) -> None:
        await signed_in(heart)
        token = goodbye(heart.op)
        await heart.authority.inbound.logout("idp", token)
        heart.clock.later += 2
        after = await signed_in(heart, iat=int(heart.clock.now()), auth_time=int(heart.clock.now()))
        await heart.authority.inbound.logout("idp", token)
        assert await holds(heart, after) == [True]
        assert len(await heart.store.endings(0, 10)) == 1

    play(scenario, **provider)


def test_a_logout_of_nobody_on_record_is_an_alarm_once(play: Play, provider: dict[str, Any]) -> None:
    async def scenario(heart: Heart) -> None:
        for token in (goodbye(heart.op, sub="carol-1"), goodbye(heart.op, sid="never-seen")):
            await heart.authority.inbound.logout("idp", token)
            await heart.authority.inbound.logout("idp", token)
        entries = [row.entry for row in await heart.store.ledger(0, 100) if row.act == "provider.unmatched"]
        assert len(entries) == 2
        assert b"never-seen" not in b"".join(entries)

    play(scenario, **provider)


def test_a_logout_of_a_session_whose_certificates_are_over_is_no_alarm(play: Play, provider: dict[str, Any]) -> None:
    async def scenario(heart: Heart) -> None:
        await signed_in(heart, sid="s-1")
        await heart.authority.inbound.logout("idp", goodbye(heart.op, sid="s-1"))
        await heart.authority.inbound.logout("idp", goodbye(heart.op, sid="s-1"))
        assert "provider.unmatched" not in await heart.acts()

    play(scenario, **provider)


@pytest.mark.parametrize("uri", [f"{CAEP}session-revoked", f"{RISC}credential-compromise"])
def test_an_event_ends_all_that_a_person_has(play: Play, provider: dict[str, Any], uri: str) -> None:
    async def scenario(heart: Heart) -> None:
        mine, theirs = await signed_in(heart), await signed_in(heart, sub="bob-1", email="bob@example.com")
        await heart.authority.inbound.events("idp", event(heart.op, uri))
        assert await holds(heart, mine, theirs) == [False, True]
        assert not await locked(heart)
        (ended,) = await heart.store.endings(0, 10)
        assert (ended.source, ended.actor, ended.gone) == ("signal", "signal:idp", False)

    play(scenario, **provider)


@pytest.mark.parametrize(("session", "left"), [("s-1", [False, True]), ("of another application", [False, False])])
def test_a_revoked_session_is_that_one_where_it_is_known_here(
    play: Play, provider: dict[str, Any], session: str, left: list[bool]
) -> None:
    async def scenario(heart: Heart) -> None:
        one, two = await signed_in(heart, sid="s-1"), await signed_in(heart, sid="s-2")
        subject: dict[str, Any] = {
            "format": "complex",
            "user": test_events.alice(heart.op),
            "session": {"format": "opaque", "id": session},
        }
        await heart.authority.inbound.events("idp", event(heart.op, f"{CAEP}session-revoked", subject))
        assert await holds(heart, one, two) == left

    play(scenario, **provider)


def test_a_revoked_session_of_a_first_sign_in_that_is_on_its_way_gives_nothing(
    play: Play, provider: dict[str, Any]
) -> None:
    async def scenario(heart: Heart) -> None:
        subject = {"format": "complex", "session": {"format": "opaque", "id": "s-9"}}
        await heart.authority.inbound.events("idp", event(heart.op, f"{CAEP}session-revoked", subject))
        assert "provider.unmatched" in await heart.acts()
        with pytest.raises(Unauthenticated):
            await signed_in(heart, sid="s-9")
        assert await signed_in(heart, sid="s-10")

    play(scenario, **provider)


@pytest.mark.parametrize("address", ["alice@EXAMPLE.com", "Alice@example.com"])
def test_a_person_is_known_by_their_address_at_this_provider_too(
    play: Play, provider: dict[str, Any], address: str
) -> None:
    async def scenario(heart: Heart) -> None:
        mine = await signed_in(heart)
        subject: dict[str, Any] = {"format": "email", "email": address}
        await heart.authority.inbound.events("idp", event(heart.op, f"{CAEP}session-revoked", subject))
        assert await holds(heart, mine) == [False]

    play(scenario, **provider)


def test_a_disabled_account_is_locked_and_enabled_by_the_same_word(play: Play, provider: dict[str, Any]) -> None:
    async def scenario(heart: Heart) -> None:
        mine, now = await signed_in(heart), int(time.time())
        await heart.authority.inbound.events("idp", event(heart.op, f"{RISC}account-disabled", toe=now - 9))
        assert await holds(heart, mine) == [False]
        assert await locked(heart)
        with pytest.raises(Denied):
            await signed_in(heart, iat=now + 2)
        (ended,) = await heart.store.endings(0, 10)
        assert ended.gone
        await heart.authority.inbound.events("idp", event(heart.op, f"{RISC}account-enabled", toe=now - 5))
        assert not await locked(heart)

    play(scenario, **provider)


def test_an_event_that_has_been_overtaken_changes_nothing(play: Play, provider: dict[str, Any]) -> None:
    async def scenario(heart: Heart) -> None:
        now = int(time.time())
        await signed_in(heart)
        enabled = event(heart.op, f"{RISC}account-enabled", toe=now - 20)
        await heart.authority.inbound.events("idp", event(heart.op, f"{RISC}account-disabled", toe=now - 10))
        await heart.authority.inbound.events("idp", enabled)  # late, and replayed
        await heart.authority.inbound.events("idp", enabled)
        assert await locked(heart)

    play(scenario, **provider)


def test_an_operators_unlock_is_not_undone_by_the_same_event_again(play: Play, provider: dict[str, Any]) -> None:
    async def scenario(heart: Heart) -> None:
        await signed_in(heart)
        disabled = event(heart.op, f"{RISC}account-disabled")
        await heart.authority.inbound.events("idp", disabled)
        await heart.authority.endings.unlock("alice", reason="wrong one", actor="uid:0")
        await heart.authority.inbound.events("idp", disabled)
        assert not await locked(heart)

    play(scenario, **provider)


def test_an_operators_lock_is_not_the_providers_to_undo(play: Play, provider: dict[str, Any]) -> None:
    async def scenario(heart: Heart) -> None:
        await signed_in(heart)
        await heart.authority.endings.lock("alice", reason="left", actor="uid:0")
        await heart.authority.inbound.events("idp", event(heart.op, f"{RISC}account-enabled"))
        assert await locked(heart)

    play(scenario, **provider)


def test_somebody_elses_subject_is_refused_and_an_alarm(play: Play, provider: dict[str, Any]) -> None:
    async def scenario(heart: Heart) -> None:
        mine = await signed_in(heart)
        foreign: dict[str, Any] = {"format": "iss_sub", "iss": "https://elsewhere.example", "sub": "alice-1"}
        token = event(heart.op, f"{RISC}account-disabled", foreign)
        for _ in range(2):
            with pytest.raises(Denied):
                await heart.authority.inbound.events("idp", token)
        assert await holds(heart, mine) == [True]
        assert (await heart.acts()).count("provider.foreign") == 1

    play(scenario, **provider)


def test_one_provider_ends_nothing_of_anothers_people(play: Play, provider: dict[str, Any], op: Op) -> None:
    (idp,) = provider["providers"]
    with run_op() as stranger:
        other = replace(idp, name="other", issuer=stranger.issuer)

        async def scenario(heart: Heart) -> None:
            mine, inbound = await signed_in(heart, sid="s-1"), heart.authority.inbound
            as_ours: dict[str, Any] = {"iss": op.issuer, "key": stranger.key}
            for token in (goodbye(op), goodbye(stranger, **as_ours), goodbye(stranger, **as_ours, sid="s-1")):
                with pytest.raises(Unauthenticated):
                    await inbound.logout("other", token)
            await inbound.logout("other", goodbye(stranger))  # its own alice-1, and its own session
            await inbound.logout("other", goodbye(stranger, sid="s-1"))
            with pytest.raises(Denied):
                await inbound.events("other", event(stranger, f"{RISC}account-disabled", test_events.alice(op)))
            by_mail: dict[str, Any] = {"format": "email", "email": "alice@example.com"}
            await inbound.events("other", event(stranger, f"{RISC}account-disabled", by_mail))
            assert await holds(heart, mine) == [True]
            assert not await locked(heart)
            with pytest.raises(NotFound):
                await inbound.logout("nobody", goodbye(op))

        play(scenario, providers=[idp, other], roles=[replace(ENGINEERS, provider="idp")])


@pytest.mark.parametrize("kind", ["stream-updated", "verification", "something-new"])
def test_an_event_about_the_stream_is_taken(play: Play, provider: dict[str, Any], kind: str) -> None:
    async def scenario(heart: Heart) -> None:
        uri = f"https://schemas.openid.net/secevent/ssf/event-type/{kind}"
        subject: dict[str, Any] = {"format": "opaque", "id": "stream-1"}
        token = event(heart.op, uri, subject, events={uri: {"state": "x", "status": "paused\x1b[2J"}})
        await heart.authority.inbound.events("idp", token)
        assert ("provider.stream" in await heart.acts()) == (kind == "stream-updated")
        assert not await heart.store.endings(0, 10)

    play(scenario, **provider)


@pytest.mark.parametrize("by", ["sub", "sid"])
def test_what_is_issued_while_a_logout_comes_in_is_over_too(play: Play, provider: dict[str, Any], by: str) -> None:
    async def scenario(heart: Heart) -> None:
        await signed_in(heart, iat=int(time.time()) - 60)
        (alice,) = await heart.store.find_people("alice")
        for turn in range(4):
            heart.clock.later += 2
            now = int(heart.clock.now())
            named: dict[str, Any] = {"sid": f"s-{turn}"} if by == "sid" else {}
            token = goodbye(heart.op, iat=now, exp=now + 60, **named)
            issuing = heart.sign_in(iat=now, auth_time=now, exp=now + 300, sid=f"s-{turn}")
            jobs = [issuing, heart.authority.inbound.logout("idp", token)]
            await asyncio.gather(*(jobs if turn % 2 else reversed(jobs)), return_exceptions=True)
            theirs = await heart.store.certificates_of(alice.id, now)
            signed = {each.signin for each in theirs if each.revoked_at is None}
            assert by == "sid" or not signed
            assert sign_in(heart.op.issuer, f"s-{turn}", OnceId("", "")) not in signed

    play(scenario, **provider)


def test_events_about_too_many_people_at_once_leave_sessions_to_an_operator(
    play: Play, provider: dict[str, Any]
) -> None:
    async def scenario(heart: Heart) -> None:
        people = [f"p{number}" for number in range(4)]
        held = [await signed_in(heart, sub=sub, email=f"{sub}@example.com") for sub in people]
        for sub in people:
            about = {**test_events.alice(heart.op), "sub": sub}
            await heart.authority.inbound.events("idp", event(heart.op, f"{CAEP}session-revoked", about))
        assert await holds(heart, *held) == [False] * 4
        assert len(await heart.store.held()) == 4
        assert (await heart.acts()).count("ending.held") == 1

    play(scenario, **provider, endings=EndingsSection(held_above=2))
