"""A flood of endings, from several sides at once: each is durable, none is lost, and people go on signing in."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any

import pytest

from daypass.ca.asked_ends import Asked
from daypass.ca.ending_ports import Source
from daypass.config import EndingsSection
from daypass.errors import Unavailable
from daypass.model import OnceId
from tests.ca.heart import Heart, MovingClock, heart
from tests.parts.op import Op
from tests.store.build import verified_ledger

FEW, MANY = 24, 1000


def flood(op: Op, database: str, people: int) -> None:
    """Everybody is taken out by a provider, twice, by an operator as well, and at two processes."""

    async def go() -> None:
        clock, few = MovingClock(), EndingsSection(held_above=5)
        async with (
            heart(op, database, clock=clock, endings=few) as one,
            heart(op, database, clock=clock, like=one, endings=few) as two,
        ):
            numbers = [await known(one, f"p{each}") for each in range(people)]
            works = [partial(out, ca, number) for number in numbers for ca in (one, two)]
            works += [partial(revoke, one, number) for number in numbers]
            works += [partial(known, two, f"new{each}") for each in range(people // 4)]
            done = await asyncio.gather(*map(again_and_again, works))
            told = [done[at : at + 2] for at in range(0, 2 * people, 2)]
            assert all(first.id == second.id and first.again != second.again for first, second in told)
            now = int(clock.now())
            for number in numbers:
                held = await two.store.certificates_of(number, now)
                assert held and all(each.revoked_at is not None for each in held)
            for number in done[-(people // 4) :]:
                assert [each.revoked_at for each in await one.store.certificates_of(number, now)] == [None]
            assert (await verified_ledger(one.store)).count("person.lock") == people
            assert len(await two.store.endings(0, 4 * people)) == 2 * people

    asyncio.run(go())


async def again_and_again(work: Callable[[], Awaitable[Any]]) -> Any:
    """As providers and people do where a CA has no time: what is Unavailable is not recorded."""
    for _ in range(100):
        try:
            return await work()
        except Unavailable:
            await asyncio.sleep(0.2)
    return await work()


async def known(ca: Heart, name: str) -> int:
    login = (await ca.sign_in(sub=name, email=f"{name}@example.com"))[0].login
    return (await ca.authority.persons.find(login)).id


async def out(ca: Heart, number: int) -> Any:
    return await ca.authority.endings.by_provider(
        Source.SCIM, "idp", reason="inactive", about=f"#{number}", persons=(number,), out=True,
        once=OnceId("scim:idp", str(number)),
    )  # fmt: skip


async def revoke(ca: Heart, number: int) -> None:
    await ca.authority.endings.revoke(Asked(person=f"#{number}"), reason="left", actor="uid:0")


def test_a_flood_of_endings_loses_none_and_holds_up_nobody(op: Op, database: str) -> None:
    flood(op, database, FEW)


@pytest.mark.exhaustive
def test_a_thousand_people_at_once(op: Op, database: str) -> None:
    flood(op, database, MANY)


def test_an_ending_that_hits_thousands_stands_in_one_entry(op: Op, database: str) -> None:
    """One transaction and one entry, whatever it hits; what is shown of it is bounded."""

    async def go() -> None:
        async with heart(op, database) as ca:
            for each in range(FEW):
                await ca.sign_in(sub=f"p{each}", email=f"p{each}@example.com")
            hit = await ca.authority.endings.revoke(Asked(role="engineers"), reason="left", actor="uid:0")
            assert len(hit.ended.serials) == len(hit.people) == FEW
            last = (await ca.store.ledger(0, 1000))[-1]
            assert sorted(json.loads(last.entry)["serials"]) == sorted(hit.ended.serials)

    asyncio.run(go())
