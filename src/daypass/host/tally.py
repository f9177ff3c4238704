"""What this host has counted of logins: a tally of its own, since journals are rotated away.

`/var/lib/daypass/logins.json`. Each reading goes on behind the last; on a machine that is not enrolled nothing is
kept, and what the journal still has is all there is.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import msgspec
from msgspec.structs import replace

from daypass.api import HostLogin, HostReport
from daypass.errors import DaypassError, Misconfigured, NotFound
from daypass.host import files
from daypass.host.account import Gate
from daypass.host.alone import in_turn
from daypass.host.journal import has_journal, read_on
from daypass.host.logins import Login, logins
from daypass.host.settings import Paths
from daypass.host.sshdlog import AUTH_LOGS, Line, from_text

__all__ = ["Tally", "added", "collect", "count_log", "logins_since", "read_log"]

MOST = 2000  # ways that are kept
FIRST_LOOK = 90 * 86400  # seconds that the first reading looks back


class Tally(msgspec.Struct, frozen=True, kw_only=True):
    """`cursor`: the last entry of the journal that was counted; without one all until `report.until` is."""

    report: HostReport
    cursor: str = ""

    @classmethod
    def load(cls, path: Path, now: int) -> Tally:
        """A broken one is begun anew: it opens and closes nothing."""
        files.check(path)
        try:
            return msgspec.json.decode(path.read_bytes(), type=cls)
        except (OSError, msgspec.DecodeError):
            return cls(report=HostReport(since=now - FIRST_LOOK, until=now - FIRST_LOOK, trusted=True, logins=[]))

    def counted(self, lines: Iterable[Line], gate: Gate, now: int, *, journal: bool) -> Tally:
        """With the logins of these lines, which nobody has counted yet."""
        cursor = self.cursor

        def passed() -> Iterator[Line]:
            nonlocal cursor
            for line in lines:
                cursor = line.cursor or cursor
                yield line

        report = added(self.report, logins(passed(), gate.trusted, gate.break_glass))
        known = report.trusted and journal if report.logins else journal
        return Tally(report=replace(report, until=now, trusted=known), cursor=cursor)


def added(report: HostReport, found: Iterable[Login]) -> HostReport:
    """The report with these logins; of too many ways those used last are kept."""
    known = {(each.account, each.way, each.what, each.ca): each for each in report.logins}
    for login in found:
        key = login.account, login.way, login.what, login.ca
        known[key] = _with(known.get(key), login)
    latest = sorted(known.values(), key=lambda each: (-each.last, each.account, each.way, each.what))
    dropped = report.dropped + max(0, len(latest) - MOST)
    return replace(report, logins=latest[:MOST], dropped=dropped)


def _with(before: HostLogin | None, login: Login) -> HostLogin:
    now = int(login.time)
    return HostLogin(
        account=login.account, way=login.way, what=login.what, ca=login.ca, serial=login.serial,
        count=1 + (before.count if before else 0),
        first=min(now, before.first) if before else now,
        last=max(now, before.last) if before else now,
    )  # fmt: skip


def collect(paths: Paths, now: int) -> HostReport:
    """Everything counted until now, kept where this host is enrolled. NotFound where sshd's words are nowhere."""
    gate = Gate.look(paths)
    if not paths.memory.is_dir():
        return _read(Tally.load(paths.logins, now), gate, now, paths).report
    with in_turn(paths, "logins.lock"):  # two readers would count the same entries
        tally = _read(Tally.load(paths.logins, now), gate, now, paths)
        files.write(paths.logins, msgspec.json.encode(tally), 0o600)
    return tally.report


def count_log(lines: Sequence[str], gate: Gate, now: int) -> HostReport:
    """A log that somebody names, alone."""
    nothing = HostReport(since=0, until=0, trusted=False, logins=[])
    return Tally(report=nothing).counted(from_text(lines, now), gate, now, journal=False).report


def logins_since(paths: Paths, since: int, now: int, log: Path | None = None) -> list[Login]:
    """Each login from this second on, in order, whether counted or not."""
    gate = Gate.look(paths)
    if log is None and paths.root == Path("/") and has_journal():
        return list(logins(read_on("", since), gate.trusted, gate.break_glass))
    lines = _log(paths) if log is None else read_log(log)
    return [each for each in logins(from_text(lines, now), gate.trusted, gate.break_glass) if each.time >= since]


def _read(tally: Tally, gate: Gate, now: int, paths: Paths) -> Tally:
    if paths.root == Path("/") and has_journal():
        since = min(tally.report.until, now)
        try:
            return tally.counted(read_on(tally.cursor, since), gate, now, journal=True)
        except DaypassError:
            if not tally.cursor:
                raise
            return tally.counted(read_on("", since), gate, now, journal=True)
    lines = [
        each for each in from_text(_log(paths), now) if each.time is None or each.time > min(tally.report.until, now)
    ]
    return tally.counted(lines, gate, now, journal=False)


def _log(paths: Paths) -> list[str]:
    """The file before the last rotation, then the one since."""
    for name in AUTH_LOGS:
        file = paths.root / name.lstrip("/")
        if file.is_file():
            rotated = file.with_name(f"{file.name}.1")
            return [line for each in (rotated, file) if each.is_file() for line in read_log(each)]
    hint = "give the log: daypass host report --log FILE"
    raise NotFound("there is neither a journal nor a log of sshd's", code="host.log", hint=hint)


def read_log(file: Path) -> list[str]:
    """Its lines. Raises Misconfigured where it can't be read."""
    try:
        return file.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError as error:
        raise Misconfigured(f"{file} can't be read: {error.strerror}", code="host.log") from error
