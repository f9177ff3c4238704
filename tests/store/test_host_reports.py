"""The contract for what hosts report of logins: the newest word of each, and no more often than it may come."""

from __future__ import annotations

import pytest
from tests.store.build import NOW
from tests.store.test_known_hosts import Run, enrolled

from daypass.ca.report_ports import ReportRecord
from daypass.errors import Invalid, NotFound
from daypass.model import HostFacts
from daypass.store import SqlStore


def test_the_newest_report_takes_the_last_ones_place_once_it_may(run: Run) -> None:
    async def scenario(store: SqlStore) -> None:
        mine = await enrolled(store)
        kept = [await store.keep_report(mine.id, f"{{{n}}}", NOW + n, 30) for n in (0, 29, 30, 10)]
        assert kept == [NOW, NOW, NOW + 30, NOW + 10], "a clock that went back keeps nobody from reporting"
        assert await store.reports("", 10) == [ReportRecord(mine.name, NOW + 10, "{10}")]

    run(scenario)


def test_hosts_that_have_said_nothing_are_told_of_and_pages_go_by_name(run: Run) -> None:
    async def scenario(store: SqlStore) -> None:
        made = [await enrolled(store, HostFacts(f"{letter}.example.com")) for letter in "cab"]
        await store.keep_report(made[1].id, "{}", NOW, 30)
        assert await store.reports("", 2) == [
            ReportRecord("a.example.com", NOW, "{}"),
            ReportRecord("b.example.com", None, None),
        ]
        assert [each.host for each in await store.reports("b.example.com", 2)] == ["c.example.com"]

    run(scenario)


def test_what_is_nobodys_or_no_database_holds_is_refused(run: Run) -> None:
    async def scenario(store: SqlStore) -> None:
        mine = await enrolled(store)
        with pytest.raises(NotFound):
            await store.keep_report("0" * 32, "{}", NOW, 30)
        with pytest.raises(Invalid):
            await store.keep_report(mine.id, "\0", NOW, 30)

    run(scenario)
