"""The report of each ending is kept: when all have answered, or after a quarter of an hour and then once more."""

from __future__ import annotations

import asyncio
from typing import Any

import msgspec
import pytest

from daypass.ca.ack_ports import Closed, Looked, Remains, Said
from daypass.ca.ending_ports import Ending, Unlock
from daypass.ca.fleet import AGE
from daypass.ca.proof import Progress
from daypass.ca.proofs import KEPT_AFTER
from daypass.errors import Conflict, NotFound
from daypass.model import Issued
from tests.ca.heart import ENGINEERS, Heart
from tests.ca.test_acks import GONE, person_of, session
from tests.ca.test_host_calls import Play, admitted, enrolled, play

__all__ = ["play"]


async def ended(ca: Heart, **changes: Any) -> tuple[str, Issued]:
    """Somebody's access, by an operator; the list that says so is made."""
    issued = (await ca.sign_in())[0].certificates[0]
    ending = Ending(**(GONE | {"persons": (await person_of(ca, issued.serial),)} | changes))
    made = await ca.store.end(ending, now=int(ca.clock.now()))
    ca.clock.later += AGE
    await ca.authority.streams.look()
    return made.id, issued


async def version(ca: Heart, ending: str) -> int:
    found = await ca.store.ending(ending)
    assert found is not None
    assert found.user_krl is not None
    return found.user_krl


async def ack(ca: Heart, by: Any, krl: int, **told: Any) -> None:
    host = await admitted(ca, by)
    await ca.authority.acks.take(host, Said(host=host.id, bundle_version=1, krl_version=krl, **told))


async def report(ca: Heart, ending: str) -> Progress | None:
    found = await ca.store.ending(ending)
    assert found is not None
    return None if found.report is None else msgspec.json.decode(found.report, type=Progress)


def test_it_is_kept_when_all_have_answered_and_stays_as_it_was(play: Play) -> None:
    async def scenario(ca: Heart) -> None:
        one, other = await enrolled(ca), await enrolled(ca, "web-2.example.com")
        ending, issued = await ended(ca)
        krl = await version(ca, ending)
        for host in (one, other):
            await ca.authority.proofs.keep()
            assert await report(ca, ending) is None
            closed = Closed(session=session(issued), closed_at=ca.clock.now(), reason="revoked")
            await ack(ca, host, krl, sessions=(), closed=(closed,))
        await ca.authority.proofs.keep()
        found = await report(ca, ending)
        assert found is not None
        assert (found.state, found.applied, found.closed_count) == ("ended", 2, 2)
        await enrolled(ca, "web-3.example.com")
        assert await ca.authority.proofs.of(await ca.authority.proofs.find(ending)) == found
        assert (await ca.acts()).count("ending.report") == 1

    play(scenario, roles=[ENGINEERS])


def test_who_stays_away_is_in_the_report_and_out_of_the_next_when_they_come_back(play: Play) -> None:
    async def scenario(ca: Heart) -> None:
        host = await enrolled(ca)
        ending, issued = await ended(ca)
        ca.clock.later += KEPT_AFTER
        await ca.authority.proofs.keep(late=False)
        found = await report(ca, ending)
        assert found is not None
        assert [(each.host, each.until) for each in found.unreached] == [("web-1.example.com", issued.valid_before)]
        await ca.authority.proofs.keep()
        await ack(ca, host, await version(ca, ending), sessions=())
        await ca.authority.proofs.keep(late=False)
        assert await report(ca, ending) == found, "only now and then are those looked at again"
        await ca.authority.proofs.keep()
        found = await report(ca, ending)
        assert found is not None
        assert (found.state, found.complete) == ("ended", True)
        assert (await ca.acts()).count("ending.report") == 2

    play(scenario, roles=[ENGINEERS])


def test_whoever_waits_sees_each_step_and_the_end(play: Play) -> None:
    async def scenario(ca: Heart) -> None:
        hosts = [await enrolled(ca, f"web-{n}.example.com") for n in (1, 2)]
        ending, issued = await ended(ca)
        krl, seen = await version(ca, ending), list[tuple[int, int, str]]()
        await ack(ca, hosts[0], krl, sessions=(session(issued),))
        async for found in ca.authority.proofs.follow(ending, 60):
            seen.append((found.applied, found.open_count, found.state))
            if found.applied == 1:
                await ack(ca, hosts[1], krl)
            elif found.open_count:
                closed = Closed(session=session(issued), closed_at=ca.clock.now(), reason="revoked")
                await ack(ca, hosts[0], krl, sessions=(), closed=(closed,))
        assert seen == [(1, 1, "waiting"), (2, 1, "open"), (2, 0, "ended")]
        assert await report(ca, ending) is not None, "and it is kept by then"

    play(scenario, roles=[ENGINEERS])


def test_nobody_waits_longer_than_they_wanted(play: Play) -> None:
    async def scenario(ca: Heart) -> None:
        await enrolled(ca)
        ending, _ = await ended(ca)
        async with asyncio.timeout(30):
            found = [each async for each in ca.authority.proofs.follow(ending, 0)]
        assert [each.state for each in found] == ["waiting"]
        with pytest.raises(NotFound):
            await ca.authority.proofs.find("e' OR 1=1")

    play(scenario, roles=[ENGINEERS])


def test_a_session_is_found_by_whose_it_is_and_ended_once(play: Play) -> None:
    async def scenario(ca: Heart) -> None:
        host = await enrolled(ca)
        issued = (await ca.sign_in())[0].certificates[0]
        opened = session(issued), session(issued, id="1" * 12, way="key", serial=0, ca="")
        await ack(ca, host, 1, sessions=opened)
        sessions = ca.authority.open_sessions
        for asked, wanted in (({}, 2), ({"person": "alice"}, 1), ({"role": "engineers"}, 1), ({"role": "x"}, 0)):
            assert len(await sessions.every(**asked)) == wanted
        name, one = await sessions.end("0" * 12, "", reason="left open", actor="uid:0")
        assert (name, one.account) == ("web-1.example.com", "alice")
        (found,) = await sessions.every(person="alice")
        assert found.end
        assert not await sessions.is_over(name, "0" * 12, 0)
        liar = await enrolled(ca, "liar.example.com")
        await ack(ca, liar, 1, sessions=opened[:1])
        await ack(ca, host, 1, sessions=opened[1:])
        assert await sessions.is_over(name, "0" * 12, 0), "whatever another host says"
        await ack(ca, liar, 1, sessions=())
        for word, kind in (("0" * 12, NotFound), ("../x", NotFound)):
            with pytest.raises(kind):
                await sessions.end(word, "", reason="", actor="uid:0")
        await ack(ca, await enrolled(ca, "web-2.example.com"), 1, sessions=opened[1:])
        with pytest.raises(Conflict):
            await sessions.end("1" * 12, "", reason="", actor="uid:0")
        assert (await sessions.end("1" * 12, "web-2.example.com", reason="", actor="uid:0"))[0] == "web-2.example.com"

    play(scenario, roles=[ENGINEERS])


def test_what_stayed_behind_is_in_the_report_until_it_was_dealt_with(play: Play) -> None:
    async def scenario(ca: Heart) -> None:
        host = await enrolled(ca)
        ending, _ = await ended(ca, gone=True)
        krl, left = await version(ca, ending), Remains(account="alice", kind="cron", what="@daily x")
        for found, states in (((left,), ["remains"]), ((left,), ["remains"]), ((), ["remains", "ended"])):
            looked = Looked(ending=ending, time=int(ca.clock.now()), remains=found)
            await ack(ca, host, krl, sessions=(), looked=(looked,))
            await ca.authority.proofs.keep()
            rows = await ca.store.ledger(0, 1000)
            told = [msgspec.json.decode(row.entry) for row in rows if row.act == "ending.report"]
            assert [each["state"] for each in told] == states

    play(scenario, roles=[ENGINEERS])


def test_once_they_are_back_the_report_says_so_and_what_was_put_back(play: Play) -> None:
    async def scenario(ca: Heart) -> None:
        host, other = await enrolled(ca), await enrolled(ca, "web-2.example.com")
        ending, issued = await ended(ca, gone=True, lock="")
        krl, person = await version(ca, ending), await person_of(ca, issued.serial)

        async def looks(by: Any, *dones: str) -> Progress:
            left = tuple(Remains(account="alice", kind="cron", what="@daily x", done=each) for each in dones)
            told = Looked(ending=ending, time=int(ca.clock.now()), remains=left)
            await ack(ca, by, krl, sessions=(), looked=(told,))
            await ca.authority.proofs.keep()
            return await ca.authority.proofs.of(await ca.authority.proofs.find(ending))

        await looks(other)
        assert (await looks(host, "quarantined")).state == "ended"
        await ca.store.unlock(Unlock(person=person, actor="uid:0", reason="back"), now=int(ca.clock.now()))
        found = await ca.authority.proofs.of(await ca.authority.proofs.find(ending))
        assert (found.state, found.complete, found.unreached) == ("undone", False, ())
        found = await looks(host, "restored")
        assert (found.state, found.complete) == ("undone", True)
        assert [each.remains.done for each in found.remains] == ["restored"]
        assert await report(ca, ending) == found
        assert (await ca.acts()).count("ending.report") == 2

    play(scenario, roles=[ENGINEERS])
