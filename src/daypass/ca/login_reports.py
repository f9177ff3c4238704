"""What hosts report of logins. The CA keeps the newest word of each for its operators, and does nothing by it."""

from __future__ import annotations

from collections.abc import AsyncIterator

from daypass.ca.clock import ClockGuard
from daypass.ca.host_ports import KnownHost
from daypass.ca.report_ports import ReportRecord, ReportStore
from daypass.errors import Invalid

__all__ = ["LoginReports"]

MOST = 256 * 1024  # characters of a report that are kept
PAGE = 200  # hosts read from the store at a time
LEAST = 30  # seconds between two reports of one host: a hostile one can't keep the store writing


class LoginReports:
    def __init__(self, store: ReportStore, clock: ClockGuard) -> None:
        self._store, self._clock = store, clock

    async def keep(self, host: KnownHost, report: str) -> int:
        """When the report on record came, in unix seconds. Raises Invalid for one that is too long."""
        if len(report) > MOST:
            raise Invalid("the report is too long", code="host.report")
        return await self._store.keep_report(host.id, report, self._clock.now(), LEAST)

    async def fleet(self) -> AsyncIterator[ReportRecord]:
        """Of all hosts, by name, however many they are."""
        after = ""
        while found := await self._store.reports(after, PAGE):
            for each in found:
                yield each
            after = found[-1].host
