"""How far each outlet has come: on record, one holder at a time, never ahead of the ledger."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import Any

from tests.store.build import NOW, recording
from tests.store.conftest import change

from daypass.store import SqlStore

Run = Callable[[Callable[[SqlStore], Coroutine[Any, Any, None]]], None]


async def leased(store: SqlStore, holder: str, now: int = NOW) -> bool:
    return await store.lease_events("alerts", holder, now=now, until=now + 60)


def test_who_is_new_is_told_what_happens_from_now_on(run: Run) -> None:
    async def scenario(store: SqlStore) -> None:
        await store.record(recording("alice"))
        head = (await store.head()).seq
        place = await store.event_place("alerts")
        assert (place.seq, place.failures, place.error) == (head, 0, None)
        await store.record(recording("bob"))
        assert (await store.event_place("alerts")).seq == head < (await store.head()).seq

    run(scenario)


def test_one_process_at_a_time(run: Run) -> None:
    async def scenario(store: SqlStore) -> None:
        await store.event_place("alerts")
        assert await leased(store, "one")
        assert not await leased(store, "two")
        assert await leased(store, "one")
        assert not await store.told_events("alerts", "two", 5)
        assert await leased(store, "two", NOW + 60), "a lease ends by itself"
        assert not await store.told_events("alerts", "one", 5), "and whoever had it has no say any more"
        await store.release_events(["alerts"], "two")
        assert await leased(store, "one", NOW + 61)

    run(scenario)


def test_what_keeps_it_is_on_record_until_it_goes_on(run: Run) -> None:
    async def scenario(store: SqlStore) -> None:
        before = (await store.event_place("alerts")).seq
        await leased(store, "one")
        assert await store.told_events("alerts", "one", before, failures=2, error="status 500", retry_at=NOW + 4)
        (place,) = await store.event_places()
        assert (place.seq, place.failures, place.error, place.retry_at) == (before, 2, "status 500", NOW + 4)
        assert await store.told_events("alerts", "one", before + 1)
        (place,) = await store.event_places()
        assert (place.seq, place.failures, place.error) == (before + 1, 0, None)

    run(scenario)


def test_a_place_beyond_the_ledger_is_of_another_database(run: Run, url: str) -> None:
    async def scenario(store: SqlStore) -> None:
        await store.event_place("alerts")
        change(url, "UPDATE event_sinks SET seq = 5000")
        assert (await store.event_place("alerts")).seq == (await store.head()).seq

    run(scenario)
