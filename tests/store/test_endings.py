"""Endings: one transaction finds, marks and records (trust 3.5), and the same event twice is one ending."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import Any

import pytest
from tests.store.build import NOW, certificate, question, recording, verified_ledger

from daypass.ca.ending_ports import Ending, Source
from daypass.ca.ports import Recorded
from daypass.errors import NotFound
from daypass.model import OnceId
from daypass.store import SqlStore

Run = Callable[[Callable[[SqlStore], Coroutine[Any, Any, None]]], None]
ASKED = {"source": Source.OPERATOR, "actor": "uid:0", "reason": "left", "about": "somebody"}


async def issue(store: SqlStore, name: str, *serials: int) -> int:
    made = [certificate(serial=serial) for serial in serials]
    known = (await store.view(question(name))).person
    generation = known.generation if known else 0
    assert await store.record(recording(name, certificates=made, generation=generation)) == Recorded()
    person = (await store.view(question(name))).person
    assert person is not None
    return person.id


def test_all_of_a_person_s_end_and_nobody_else_s(run: Run) -> None:
    async def scenario(store: SqlStore) -> None:
        alice, _ = await issue(store, "alice", 1, 2), await issue(store, "bob", 3)
        ended = await store.end(Ending(**ASKED, persons=(alice,), gone=True, lock=""), now=NOW)  # type: ignore[arg-type]
        assert (ended.serials, ended.persons, ended.again) == ((1, 2), (alice,), False)
        found = await store.ending(ended.id)
        assert found is not None
        assert (found.serials, found.gone, found.held, found.user_krl) == ((1, 2), True, False, None)
        assert (await verified_ledger(store))[-2:] == ["certificate.revoke", "person.lock"]

    run(scenario)


def test_a_dry_run_tells_and_writes_nothing(run: Run) -> None:
    async def scenario(store: SqlStore) -> None:
        alice = await issue(store, "alice", 1)
        before = await verified_ledger(store)
        assert (await store.end(Ending(**ASKED, persons=(alice,)), now=NOW, dry=True)).serials == (1,)  # type: ignore[arg-type]
        assert await verified_ledger(store) == before
        assert not await store.endings(0, 10)

    run(scenario)


def test_the_same_event_again_is_the_same_ending(run: Run) -> None:
    async def scenario(store: SqlStore) -> None:
        alice = await issue(store, "alice", 1)
        ending = Ending(**ASKED, persons=(alice,), once=OnceId("corp", "jti-1"))  # type: ignore[arg-type]
        first, second = await store.end(ending, now=NOW), await store.end(ending, now=NOW + 5)
        assert (second.id, second.serials, second.again) == (first.id, (1,), True)
        assert len(await store.endings(0, 10)) == 1

    run(scenario)


def test_one_that_is_not_on_record_ends_nothing(run: Run) -> None:
    async def scenario(store: SqlStore) -> None:
        alice = await issue(store, "alice", 1)
        with pytest.raises(NotFound):
            await store.end(Ending(**ASKED, persons=(alice,), serials=(99,)), now=NOW)  # type: ignore[arg-type]
        assert not await store.endings(0, 10)

    run(scenario)
