"""SQLite's hot path on the event loop: it gathers while the disk is busy; what has to wait goes to the worker."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

import pytest
from sqlalchemy import Connection
from tests.store.build import question, recording, verified_ledger
from tests.store.conftest import opened

from daypass.ca.ports import Recorded, Spent, Verdict
from daypass.errors import Unavailable
from daypass.store import open_store, store
from daypass.store.batch import MAX_GROUP
from daypass.store.prepare import Prepared


@pytest.fixture
def url(tmp_path: Path) -> str:
    made = f"sqlite:///{tmp_path}/ca.sqlite"
    asyncio.run(open_store(made, create=True).close())
    return made


@pytest.fixture
def groups(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Sizes of the transactions on the loop."""
    sizes: list[int] = []
    real = store.SqlStore._record_at_once

    def counted(self: store.SqlStore, items: Sequence[Prepared], connection: Connection) -> Sequence[Verdict]:
        verdicts = real(self, items, connection)
        sizes.append(len(items))
        return verdicts

    monkeypatch.setattr(store.SqlStore, "_record_at_once", counted)
    return sizes


def test_what_arrives_while_the_disk_is_busy_shares_the_next_transaction(url: str, groups: list[int]) -> None:
    async def scenario() -> None:
        async with opened(url) as store:
            await store.record(recording("first"))  # by the worker: it forgets what has expired
            one = asyncio.create_task(store.record(recording("one")))
            for _ in range(5):  # turns of the loop
                await asyncio.sleep(0)
            rest = [asyncio.create_task(store.record(recording(f"user{number}"))) for number in range(9)]
            assert await asyncio.gather(one, *rest) == [Recorded()] * 10
            assert (groups[0], sum(groups)) == (1, 10)

    asyncio.run(scenario())


def test_more_than_a_group_at_once_is_asked_and_recorded_whole(url: str) -> None:
    async def scenario() -> None:
        async with opened(url) as store:
            count = MAX_GROUP + 5
            names = [f"{number}" for number in range(count)]
            results = await asyncio.gather(*(store.record(recording(f"u{each}", once=each)) for each in names))
            assert results == [Recorded()] * count
            views = await asyncio.gather(*(store.view(question(f"u{each}", once=each)) for each in names))
            assert all(view.spent and view.person for view in views)

    asyncio.run(scenario())


def test_a_transaction_of_another_process_is_waited_for_off_the_loop(url: str, groups: list[int]) -> None:
    async def scenario() -> None:
        async with opened(url) as store:
            await store.record(recording("first"))
            with closing(sqlite3.connect(url.removeprefix("sqlite:///"), isolation_level=None)) as other:
                other.execute("BEGIN IMMEDIATE")
                waiting = asyncio.create_task(store.record(recording("alice", once="a")))
                await asyncio.sleep(0.05)
                assert not waiting.done()
                other.execute("COMMIT")
            assert (await waiting, groups) == (Recorded(), [])

    asyncio.run(scenario())


def test_changes_and_recordings_at_the_same_time_are_all_done(url: str) -> None:
    async def scenario() -> None:
        async with opened(url) as store:
            events = [store.add_event("drill", {"number": n}, actor="root", now=1) for n in range(20)]
            records = [store.record(recording(f"user{n}", once=f"{n}")) for n in range(20)]
            mixed = [each for pair in zip(events, records, strict=True) for each in pair]
            assert (await asyncio.gather(*mixed))[1::2] == [Recorded()] * 20
            acts = await verified_ledger(store)
            assert (acts.count("drill"), acts.count("certificate.issue")) == (20, 20)

    asyncio.run(scenario())


def test_a_caller_who_gave_up_changes_nothing_for_the_others(url: str) -> None:
    async def scenario() -> None:
        async with opened(url) as store:
            await store.record(recording("first"))
            gone = asyncio.create_task(store.record(recording("gone", once="g")))
            stays = asyncio.create_task(store.record(recording("stays", once="s")))
            await asyncio.sleep(0)
            gone.cancel()
            assert await stays == Recorded()
            assert isinstance(await store.record(recording("gone", once="g")), Spent)

    asyncio.run(scenario())


def test_closing_finishes_what_was_given_and_takes_no_more(url: str) -> None:
    async def scenario() -> None:
        async with opened(url) as store:
            await store.record(recording("first"))
            given = [asyncio.create_task(store.record(recording(f"user{n}"))) for n in range(3)]
            await asyncio.sleep(0)
            await store.close()
            assert await asyncio.gather(*given) == [Recorded()] * 3
            for late in (store.view(question()), store.record(recording("late"))):
                with pytest.raises(Unavailable, match="closed"):
                    await late

    asyncio.run(scenario())
