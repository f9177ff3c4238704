"""The report of logins goes to the CA, whose operators see from it who still comes in by a key."""

from __future__ import annotations

from typing import Protocol

import msgspec
from msgspec.structs import replace

from daypass.api import MAX_BODY, MAX_LOGINS, HostReport, HostReportKept
from daypass.errors import DaypassError
from daypass.host import enforcement
from daypass.host.calls import Prove, prover
from daypass.host.settings import Paths
from daypass.host.state import State
from daypass.host.tally import collect

__all__ = ["Ca", "report_due", "sendable", "tell", "with_enforcement"]

EVERY = 3600  # seconds between two reports that `host sync` and `host run` send by themselves


class Ca(Protocol):
    """A pinned connection to the CA, as `daypass.remote` makes it."""

    def host_report(self, report: HostReport, prove: Prove) -> HostReportKept: ...


def with_enforcement(report: HostReport, paths: Paths) -> HostReport:
    found = enforcement.State.load(paths.enforcement)
    return report if found is None else replace(report, enforced=found.confirmed, exceptions=list(found.exceptions))


def sendable(report: HostReport) -> HostReport:
    """As much of it as the CA reads, the latest first; `dropped` counts the rest."""
    most = MAX_LOGINS
    while True:
        logins = report.logins[:most]
        cut = replace(report, logins=logins, dropped=report.dropped + len(report.logins) - len(logins))
        if len(msgspec.json.encode(cut)) < MAX_BODY or not logins:
            return cut
        most = len(logins) // 2


def report_due(paths: Paths, state: State, ca: Ca, now: int) -> HostReport | None:
    """Count, and tell the CA, once an hour; None where it is not time yet. Raises any of the error tree."""
    sent = paths.memory / "logins.sent"
    if sent.exists() and 0 <= now - int(sent.stat().st_mtime) < EVERY:
        return None
    report = with_enforcement(collect(paths, now), paths)
    sent.touch(0o600)  # before the call: a CA that is away is not asked at every sync
    ca.host_report(sendable(report), prover(state))
    return report


def tell(paths: Paths, state: State, ca: Ca, now: int) -> list[str]:
    """The same for who has other things to do: why it could not be, if it could not."""
    try:
        report_due(paths, state, ca, now)
    except (DaypassError, OSError) as error:
        return [f"logins were not reported: {error.message if isinstance(error, DaypassError) else error}"]
    return []
