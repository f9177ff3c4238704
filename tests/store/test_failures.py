"""Sign-ins by password that failed: who waits for what, and that nobody can have others wait."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

import pytest
from sqlalchemy import func, select
from tests.store.build import NOW

from daypass.ca.pam_ports import FORGET, FREE, LONGEST, SLOWEST, Counted, pause_after, slow_after
from daypass.store import SqlStore
from daypass.store.failures import KNOWN
from daypass.store.schema import sign_in_failures

Run = Callable[[Callable[[SqlStore], Coroutine[Any, Any, None]]], None]
ALICE, HERE, THERE = ("unix", "alice"), "198.51.100.7", "203.0.113.9"


async def fail(store: SqlStore, times: int, where: str = HERE, now: int = NOW) -> None:
    for _ in range(times):
        await store.charge_sign_in(*ALICE, where, now)


async def counted(store: SqlStore, where: str = HERE, now: int = NOW) -> Counted:
    return await store.sign_in_failures(*ALICE, where, now)


@pytest.mark.parametrize(
    ("failures", "seconds"), [(1, 0), (2, 0), (3, 5), (4, 10), (5, 20), (20, LONGEST), (999, LONGEST)]
)
def test_pauses_grow_by_doubles(failures: int, seconds: int) -> None:
    assert pause_after(failures) == seconds


@pytest.mark.parametrize(("failures", "seconds"), [(9, 0), (10, 0.5), (12, 2), (999, SLOWEST)])
def test_what_is_counted_over_all_networks_makes_slow_and_never_refuses(failures: int, seconds: float) -> None:
    assert slow_after(failures) == seconds


def test_an_account_is_paused_for_the_network_it_was_tried_from_alone(run: Run) -> None:
    async def scenario(store: SqlStore) -> None:
        await fail(store, FREE)
        assert await counted(store) == Counted(until=NOW + 5, failures=3, own=3)
        assert await counted(store, THERE) == Counted(failures=3)
        assert await store.sign_in_failures("unix", "bob", HERE, NOW) == Counted()
        assert await store.sign_in_failures("ldap", "alice", HERE, NOW) == Counted()

    run(scenario)


def test_many_at_once_are_counted_one_by_one(run: Run) -> None:
    async def scenario(store: SqlStore) -> None:
        told = await asyncio.gather(*(store.charge_sign_in(*ALICE, HERE, NOW) for _ in range(10)))
        assert sum(each.until <= NOW for each in told) == FREE
        assert (await counted(store)).failures == FREE

    run(scenario)


def test_a_right_password_ends_it_and_makes_the_network_known(run: Run) -> None:
    async def scenario(store: SqlStore) -> None:
        await fail(store, 2)
        await store.sign_in_worked(*ALICE, HERE, NOW)
        assert await counted(store) == Counted(known=True)
        await fail(store, 12, THERE)
        assert await counted(store) == Counted(failures=3, known=True)
        assert not (await counted(store, now=NOW + KNOWN)).known

    run(scenario)


def test_what_was_no_failure_is_taken_back(run: Run) -> None:
    async def scenario(store: SqlStore) -> None:
        await fail(store, 3)
        await store.refund_sign_in(*ALICE, HERE, NOW)
        assert await counted(store) == Counted(failures=2, own=2)

    run(scenario)


def test_what_is_taken_back_ends_no_pause_that_others_make(run: Run) -> None:
    async def scenario(store: SqlStore) -> None:
        await fail(store, FREE)
        await fail(store, 1, now=NOW + 5)
        await store.refund_sign_in(*ALICE, HERE, NOW + 6)
        assert await counted(store, now=NOW + 6) == Counted(until=NOW + 15, failures=FREE, own=FREE)

    run(scenario)


def test_after_an_hour_nothing_is_left_of_them(run: Run) -> None:
    async def scenario(store: SqlStore) -> None:
        await fail(store, 2)
        later = NOW + FORGET + 1
        assert (await counted(store, now=later)).failures == 0
        await store.charge_sign_in("unix", "bob", HERE, later)
        rows = await store._read(
            lambda connection: connection.execute(select(func.count()).select_from(sign_in_failures)).scalar()
        )
        assert rows == 2  # bob's: of his network, and of all

    run(scenario)
