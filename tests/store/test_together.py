"""What thousands of hosts change at once shares transactions, and nobody's fault is another's."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from tests.store.build import HOST, NOW, host_recording, key, question
from tests.store.conftest import Scenario

from daypass.ca.host_ports import HostAccounts
from daypass.errors import NotFound
from daypass.model import HostFacts, OnceId
from daypass.store import SqlStore

Run = Callable[[Scenario], None]
SAID = HostAccounts(("root",))


def test_of_a_nonce_that_is_shown_many_times_at_once_one_is_the_first(run: Run) -> None:
    async def scenario(store: SqlStore) -> None:
        nonces = [OnceId("host", f"n{number % 20}") for number in range(100)]
        spent = await asyncio.gather(*(store.spend(each, expires=NOW + 60, now=NOW) for each in nonces))
        assert [nonces[at].id for at, first in enumerate(spent) if first] == [f"n{number}" for number in range(20)]

    run(scenario)


def test_a_host_that_is_no_more_keeps_no_other_from_being_noted(run: Run) -> None:
    async def scenario(store: SqlStore) -> None:
        facts = HostFacts("web-1.example.com")
        await store.record(host_recording(facts, key()))
        record = (await store.view(question(HOST, host=facts.name))).host
        assert record is not None
        ids = ["0" * 32, record.id, "1" * 32]
        said = (store.host_synced(each, SAID, 7, NOW + 1) for each in ids)
        found = await asyncio.gather(*said, return_exceptions=True)
        assert [type(each) for each in found] == [NotFound, type(None), NotFound]
        known = await store.host(record.id)
        assert known is not None and known.bundle_version == 7

    run(scenario)


def test_a_row_that_no_database_holds_is_its_own_callers_trouble(run: Run) -> None:
    async def scenario(store: SqlStore) -> None:
        ends = (NOW + 60, 2**70, NOW + 60)
        spent = (store.spend(OnceId("host", f"n{n}"), expires=end, now=NOW) for n, end in enumerate(ends))
        found = await asyncio.gather(*spent, return_exceptions=True)
        assert (found[0], found[2]) == (True, True)
        assert isinstance(found[1], Exception)

    run(scenario)
