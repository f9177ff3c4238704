"""What the heart asks of a store about hosts' reports of logins: the newest of each."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from msgspec import Struct

__all__ = ["ReportRecord", "ReportStore"]


class ReportRecord(Struct, frozen=True):
    """A host's name, when it reported, and the report's JSON; None where it has made none."""

    host: str
    reported_at: int | None
    report: str | None


class ReportStore(Protocol):
    async def keep_report(self, host_id: str, report: str, now: int, least: int) -> int:
        """In place of the last one, unless that is less than `least` seconds old. Says when the one kept came.
        Raises NotFound."""

    async def reports(self, after: str, limit: int) -> Sequence[ReportRecord]:
        """Of hosts by name: the next so many behind this one."""
