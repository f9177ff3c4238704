"""Endings by whoever asks: what each selector hits, what is refused, who comes back and by whose word (trust 6)."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable
from typing import Any

import pytest

from daypass.ca.asked_ends import Asked
from daypass.ca.calls import Caller
from daypass.ca.ending_ports import Source
from daypass.ca.over import require_not_over, signed_in
from daypass.ca.ports import Owner, Question
from daypass.config import EndingsSection
from daypass.errors import Conflict, DaypassError, Denied, Invalid, NotFound, Unauthenticated
from daypass.model import Credential, OnceId, Request, sign_in
from daypass.wire import Certificate, CertType
from tests.ca.conftest import Play
from tests.ca.heart import Heart, new_key

WHY: dict[str, Any] = {"reason": "left", "actor": "uid:0"}
ALICE: dict[str, Any] = {"sub": "alice-1", "email": "alice@example.com", "sid": "one"}
BOB: dict[str, Any] = {"sub": "bob-1", "email": "bob@example.com"}


async def serial_of(ca: Heart, **claims: Any) -> int:
    return (await ca.sign_in(**claims))[0].certificates[0].serial


async def live(ca: Heart, word: str) -> list[int]:
    person = await ca.authority.persons.find(word)
    held = await ca.store.certificates_of(person.id, int(ca.clock.now()))
    return sorted(each.serial for each in held if each.revoked_at is None)


Select = Callable[[Heart, int], Asked]
SELECTORS: dict[str, tuple[Select, bool]] = {
    "a person": (lambda _ca, _: Asked(person="alice"), True),
    "a serial": (lambda _ca, serial: Asked(serials=(serial,)), False),
    "a sign-in": (lambda ca, _: Asked(signin=sign_in(ca.op.issuer, "one", OnceId("", ""))), False),
    "a role": (lambda _ca, _: Asked(role="engineers"), True),
    "a role of one": (lambda _ca, _: Asked(role="engineers", person="alice"), True),
}


@pytest.mark.parametrize(("select", "all_of_hers"), SELECTORS.values(), ids=SELECTORS.keys())
def test_each_selector_hits_what_it_names_and_a_dry_run_only_tells(
    play: Play, select: Select, all_of_hers: bool
) -> None:
    async def scenario(ca: Heart) -> None:
        bobs = await serial_of(ca, **BOB)
        first, second = await serial_of(ca, **ALICE), await serial_of(ca, **(ALICE | {"sid": "two"}))
        asked, before = select(ca, first), await ca.acts()
        expected = {first, second} if all_of_hers else {first}
        expected |= {bobs} if asked == Asked(role="engineers") else set()
        dry = await ca.authority.endings.revoke(asked, reason="", actor="uid:0", dry=True)
        assert (set(dry.ended.serials), dry.ended.id, await ca.acts()) == (expected, "", before)
        hit = await ca.authority.endings.revoke(asked, **WHY)
        assert set(hit.ended.serials) == expected == {each.serial for each in hit.certificates}
        assert set(await live(ca, "alice")) == {first, second} - expected
        record = await ca.store.ending(hit.ended.id)
        assert record is not None and record.reason == "left"
        assert record.gone == (bool(asked.person) and not asked.role), "hosts look for what a person has left"
        with pytest.raises(NotFound):
            await ca.authority.endings.revoke(Asked(serials=(first, 99)), **WHY)

    play(scenario)


def test_a_key_is_named_by_its_fingerprint(play: Play) -> None:
    async def scenario(ca: Heart) -> None:
        issued, _ = await ca.sign_in(**ALICE)
        key = Certificate.parse(issued.certificates[0].certificate).public_key
        hit = await ca.authority.endings.revoke(Asked(key=key.fingerprint), **WHY)
        assert hit.ended.serials == (issued.certificates[0].serial,)
        with pytest.raises(NotFound):
            await ca.authority.endings.revoke(Asked(key=key.fingerprint), **WHY)

    play(scenario)


WRONG: dict[str, tuple[Asked, str]] = {
    "nothing": (Asked(), "revoke.what"),
    "two things": (Asked(person="alice", host="x"), "revoke.what"),
    "a person beside serials": (Asked(person="alice", serials=(1,)), "revoke.what"),
    "no fingerprint": (Asked(key="SHA256:abc"), "revoke.key"),
    "no sign-in": (Asked(signin="x' OR 1=1"), "revoke.signin"),
    "no role": (Asked(role='a","b'), "revoke.role"),
    "too many serials": (Asked(serials=tuple(range(1, 1002))), "revoke.serials"),
}


@pytest.mark.parametrize(("asked", "code"), WRONG.values(), ids=WRONG.keys())
def test_what_names_nothing_clearly_ends_nothing(play: Play, asked: Asked, code: str) -> None:
    async def scenario(ca: Heart) -> None:
        await ca.sign_in(**ALICE)
        before = await ca.acts()
        with pytest.raises(Invalid) as caught:
            await ca.authority.endings.revoke(asked, **WHY)
        assert caught.value.code == code and await ca.acts() == before

    play(scenario)


@pytest.mark.parametrize("reason", ["", "  ", "a\nb", "x" * 257, "\x1b[2J"])
def test_a_reason_is_one_line(play: Play, reason: str) -> None:
    async def scenario(ca: Heart) -> None:
        await ca.sign_in(**ALICE)
        for act in (ca.authority.endings.lock, ca.authority.endings.unlock):
            with pytest.raises(Invalid) as caught:
                await act("alice", reason=reason, actor="uid:0")
            assert caught.value.code == "revoke.reason"

    play(scenario)


def test_who_signed_in_before_gets_nothing_after_and_a_new_sign_in_does(play: Play) -> None:
    async def scenario(ca: Heart) -> None:
        await ca.sign_in(**ALICE)
        _, later = await unused(ca)
        await ca.authority.endings.revoke(Asked(person="alice"), **WHY)
        with pytest.raises(Unauthenticated) as caught:
            await ca.issue(later)
        assert caught.value.code == "token.over"
        ca.clock.later += 2
        now = int(ca.clock.now())
        assert (await ca.sign_in(**ALICE, iat=now, exp=now + 300, auth_time=now))[0].login == "alice"

    play(scenario)


def test_an_ended_session_gives_nothing_and_others_of_the_person_s_go_on(play: Play) -> None:
    async def scenario(ca: Heart) -> None:
        other = await serial_of(ca, **(ALICE | {"sid": "two"}))
        _, later = await unused(ca)
        over = sign_in(ca.op.issuer, "one", OnceId("", ""))
        await ca.authority.endings.by_provider(
            Source.LOGOUT, "idp", reason="logout", about="session", signins=(over,), once=OnceId("idp", "j1")
        )
        with pytest.raises(Unauthenticated):
            await ca.issue(later)  # whose session nobody had heard of before
        assert await live(ca, "alice") == [other]
        assert (await ca.sign_in(**(ALICE | {"sid": "three"})))[0].login == "alice"

    play(scenario)


def test_no_administrative_act_either_by_a_sign_in_from_before(play: Play) -> None:
    """Whose access ended is no operator by what they signed before."""

    async def scenario(ca: Heart) -> None:
        await ca.sign_in(**ALICE)
        _, shown = await unused(ca)
        proof = await ca.authority._authenticate(shown)
        await ca.authority.endings.revoke(Asked(person="alice"), **WHY)
        view = await ca.store.view(Question(proof.identity, proof.once, signin=signed_in(proof)))
        with pytest.raises(Unauthenticated):
            require_not_over(proof, view)

    play(scenario)


async def unused(ca: Heart) -> tuple[Request, Credential]:
    key, salt = new_key(), os.urandom(32)
    credential = Credential(ca.token(key, salt, **ALICE), (key,), salt=salt)
    return Request(CertType.USER, (key,)), credential


def test_a_provider_s_lock_is_undone_by_its_own_word_or_an_operator_s(play: Play) -> None:
    async def scenario(ca: Heart) -> None:
        endings, number = ca.authority.endings, await known(ca, **ALICE)
        said: dict[str, Any] = {"reason": "inactive", "about": "alice", "persons": (number,), "out": True}
        ended = await endings.by_provider(Source.SCIM, "idp", **said, once=OnceId("scim:idp", "1"))
        with pytest.raises(Denied):
            await ca.sign_in(**ALICE)
        assert not await endings.back(Source.SCIM, "other", number, reason="active")
        assert not await endings.back(Source.SIGNAL, "idp", number, reason="enabled")
        assert await endings.back(Source.SCIM, "idp", number, reason="active")
        ca.clock.later += 2
        now = int(ca.clock.now())
        assert (await ca.sign_in(**ALICE, iat=now, auth_time=now))[0].login == "alice"
        again = await endings.by_provider(Source.SCIM, "idp", **said, once=OnceId("scim:idp", "1"))
        assert (again.id, again.again) == (ended.id, True), "a retry of what is over locks nobody"
        await endings.by_provider(Source.SCIM, "idp", **said, once=OnceId("scim:idp", "2"))
        assert (await endings.unlock("alice", **WHY)).locked_at is None
        with pytest.raises(Conflict):
            await endings.unlock("alice", **WHY)

    play(scenario)


def test_who_is_back_signs_in_anew(play: Play) -> None:
    """What was signed before they were out is nobody's way in after: it may be in a thief's hands."""

    async def scenario(ca: Heart) -> None:
        await ca.sign_in(**ALICE)
        request, shown = await unused(ca)
        await ca.authority.endings.lock("alice", **WHY)
        await ca.authority.endings.unlock("alice", **WHY)
        with pytest.raises(Unauthenticated, match="this sign-in is over"):
            await ca.authority.issue(request, shown)

    play(scenario)


async def known(ca: Heart, **claims: Any) -> int:
    login = (await ca.sign_in(**claims))[0].login
    return (await ca.authority.persons.find(login)).id


def test_a_flood_stops_certificates_at_once_and_sessions_wait_and_one_command_undoes_it(play: Play) -> None:
    async def scenario(ca: Heart) -> None:
        endings = ca.authority.endings
        people = [await known(ca, sub=f"s{n}", email=f"p{n}@example.com") for n in range(8)]
        ended = await asyncio.gather(
            *(
                endings.by_provider(
                    Source.SCIM,
                    "idp",
                    reason="inactive",
                    about=str(n),
                    persons=(n,),
                    out=True,
                    once=OnceId("scim:idp", str(n)),
                )
                for n in people
            )
        )
        assert all(len(each.serials) == 1 for each in ended)
        assert set(await ca.store.held()) == {each.id for each in ended}
        acts = await ca.acts()
        assert (acts.count("ending.held"), acts.count("person.lock")) == (1, 8)
        (freed,) = await endings.release(ended[0].id, actor="uid:0")
        assert freed == ended[0].id
        back = await endings.unlock_all(ended[1].id, **WHY)
        assert [each.id for each in back] == [people[1]]
        assert len(await endings.release("", actor="uid:0")) == 6, "and not of who is back"
        with pytest.raises(Conflict):
            await endings.release("", actor="uid:0")
        with pytest.raises(NotFound):
            await endings.unlock_all("e0", **WHY)

    play(scenario, endings=EndingsSection(held_above=3))


def test_an_ending_undone_for_all_leaves_whom_an_operator_locked_since(play: Play) -> None:
    async def scenario(ca: Heart) -> None:
        endings, number = ca.authority.endings, await known(ca, **ALICE)
        ended = await endings.by_provider(
            Source.SCIM, "idp", reason="inactive", about="alice", persons=(number,), out=True
        )
        await endings.lock("alice", **WHY)
        with pytest.raises(Conflict):
            await endings.unlock_all(ended.id, **WHY)

    play(scenario)


def test_the_unknown_end_nothing_by_a_provider_s_word(play: Play) -> None:
    async def scenario(ca: Heart) -> None:
        before = await ca.acts()
        with pytest.raises(NotFound):
            await ca.authority.endings.by_provider(Source.SCIM, "idp", reason="x", about="x", persons=(7,))
        with pytest.raises(ValueError, match="no provider"):
            await ca.authority.endings.by_provider(Source.OPERATOR, "idp", reason="x", about="x")
        assert await ca.acts() == before

    play(scenario)


def test_one_s_own_end_everywhere_by_the_day_pass_and_nobody_else_s(play: Play) -> None:
    async def scenario(ca: Heart) -> None:
        serials = {await serial_of(ca, **ALICE), await serial_of(ca, **(ALICE | {"sid": "two"}))}
        bobs = await serial_of(ca, **BOB)
        person = await ca.authority.persons.find("alice")
        caller = Caller(Owner(person.id, ca.op.issuer, "alice-1", "alice", False), min(serials))
        ended = await ca.authority.calls.leave(caller, "left the laptop on a train")
        assert set(ended.serials) == serials and await live(ca, "bob") == [bobs]
        record = await ca.store.ending(ended.id)
        assert record is not None and (record.source, record.gone) == (Source.SELF, False)
        with pytest.raises(DaypassError):
            await ca.authority.calls.leave(caller, "a\nb")

    play(scenario)
