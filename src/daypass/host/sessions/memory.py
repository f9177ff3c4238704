"""The sessions that are open here, from sshd's own words in the journal, by its trusted fields alone (trust 6.4).

`/var/lib/daypass/sessions.json`. A line `Accepted …` is somebody's session while the process that wrote it lives:
root's, running sshd, started by root's, and before the line was written, by a clock that nobody sets. So an earlier
line of the same pid is never taken for it. Where that process has ended, the session goes on as `left` while anything
that it started does.

Reading goes on behind the last entry; one that is read twice is the same session, by its id.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from hashlib import sha256
from pathlib import Path

import msgspec
from msgspec.structs import replace

from daypass.api import ClosedSession, HostSession
from daypass.errors import DaypassError
from daypass.host import files
from daypass.host.account import Gate
from daypass.host.journal import has_journal, read_on
from daypass.host.logins import Login, logins
from daypass.host.sessions.gone import traces
from daypass.host.sessions.process import NO_AUDIT, Process, boot_id, everything, uptime_of
from daypass.host.sessions.whose import Trace, belongings, scope_of
from daypass.host.settings import Paths
from daypass.host.sshdlog import Line

__all__ = ["Memory", "Open", "look", "open_sessions"]

_MOST = 20_000  # sessions that are kept
_KEPT = 600  # seconds that a new place in the journal alone waits to be written
_TICK = 0.05  # seconds; a start is known to one clock tick


class Open(msgspec.Struct, frozen=True, kw_only=True):
    """One session, and by what its processes are known (`Trace`). `why` it is being ended, "" where it is not;
    `stuck`: what was left of it then."""

    session: HostSession
    pid: int
    start: int
    scope: str = ""
    audit: int = NO_AUDIT
    why: str = ""
    stuck: list[str] | None = None

    @property
    def trace(self) -> Trace:
        return Trace(self.pid, self.start, self.scope, self.audit)


class Memory(msgspec.Struct, frozen=True, kw_only=True):
    """`logins` counts those that were read. `closed` waits for the CA to hear of it. `applied` (bundle and list) and
    `told` (a digest of the sessions) are what it has heard."""

    boot: str
    cursor: str = ""
    read_at: int = 0
    logins: int = 0
    sessions: list[Open] = []
    closed: list[ClosedSession] = []
    applied: str = ""
    told: str = ""

    @classmethod
    def load(cls, path: Path) -> Memory:
        """Begun anew where it is broken, and after a boot, which all sessions have ended with."""
        boot = boot_id()
        try:
            files.check(path)
            found = msgspec.json.decode(path.read_bytes(), type=cls)
        except (OSError, msgspec.DecodeError):
            return cls(boot=boot)
        return found if found.boot == boot else cls(boot=boot, closed=found.closed)

    def save(self, path: Path) -> None:
        files.write(path, msgspec.json.encode(self), 0o600)


def open_sessions(paths: Paths) -> list[HostSession]:
    """Who is on this host now, the latest first; nobody where there is no journal, or it can't be read."""
    found = look(paths, Memory.load(paths.sessions), time.time())
    return sorted((each.session for each in found.sessions), key=lambda each: (-each.since, each.id))


def look(
    paths: Paths, memory: Memory, now: float, said: list[str] | None = None, came: list[Login] | None = None
) -> Memory:
    """With whoever has come since, and without those who have gone. Where the journal can't be read nobody has come,
    which is `said`: those who are known are to end all the same. `came`: every login that was read now."""
    known = {each.session.id: each for each in memory.sessions}
    gate = Gate.look(paths)
    fresh, cursor = list[Login](), memory.cursor
    try:
        fresh, cursor = _read(paths, memory, gate)
    except DaypassError as error:
        if said is not None:
            said.append(f"who has come in is not known: {error.message}")
    if came is not None:
        came += fresh
    mine = [each for each in fresh if each.boot == memory.boot and each.uptime is not None]
    for each in _found(mine, memory):
        known.setdefault(each.session.id, each)
    going = sorted(_still(list(known.values())), key=lambda each: not each.session.left)[-_MOST:]
    return replace(memory, sessions=going, cursor=cursor, read_at=int(now), logins=memory.logins + len(mine))


def _found(mine: list[Login], memory: Memory) -> Iterator[Open]:
    seen, over = {(each.pid, each.session.since) for each in memory.sessions}, list[Login]()
    for login in mine:
        opened = _opened(login, memory.boot)
        if opened is not None:
            yield opened
        elif (login.pid, int(login.time)) not in seen:
            over.append(login)
    yield from (_left(login, trace, memory.boot) for login, trace in traces(over).items())


def worth_writing(before: Memory, after: Memory) -> bool:
    """Reading a few entries twice costs less than a write to the disk for each that somebody's scan leaves there."""
    same = replace(after, cursor=before.cursor, read_at=before.read_at) == before
    return not same or (after.cursor != before.cursor and after.read_at >= before.read_at + _KEPT)


def _read(paths: Paths, memory: Memory, gate: Gate) -> tuple[list[Login], str]:
    if paths.root != Path("/") or not has_journal():
        return [], memory.cursor
    try:
        return _read_behind(memory.cursor, memory.boot, gate)
    except DaypassError:
        if not memory.cursor:
            raise
        return _read_behind("", memory.boot, gate)


def _read_behind(cursor: str, boot: str, gate: Gate) -> tuple[list[Login], str]:
    last = [cursor]

    def passed() -> Iterable[Line]:
        for line in read_on(cursor, 0, boot):
            last[0] = line.cursor or last[0]
            yield line

    return list(logins(passed(), gate.trusted, gate.break_glass)), last[0]


def _opened(login: Login, boot: str) -> Open | None:
    """The session of one line, if it is still open: the process that wrote it lives."""
    monitor = Process.read(login.pid)
    if monitor is None or not monitor.is_sshd_of_root or not _older(monitor, login):
        return None
    parent = Process.read(monitor.parent)
    if parent is None or parent.uid != 0:
        return None
    return Open(session=_session(login, boot, monitor.start), pid=monitor.pid, start=monitor.start)


def _left(login: Login, trace: Trace, boot: str) -> Open:
    """One whose sshd has ended already; what it has started may be there."""
    session = replace(_session(login, boot, trace.start), left=True)
    return Open(session=session, pid=trace.pid, start=trace.start, scope=trace.scope, audit=trace.audit)


def _session(login: Login, boot: str, start: int) -> HostSession:
    return HostSession(
        id=sha256(f"{boot} {login.pid} {start}".encode()).hexdigest()[:12], account=login.account,
        address=login.address, since=int(login.time), way=login.way, key_id=login.what if login.ca else "",
        ca=login.ca, serial=login.serial,
    )  # fmt: skip


def _older(monitor: Process, login: Login) -> bool:
    """Whether the process was there before the line. The journal's clock stands still while a machine sleeps."""
    asleep = time.clock_gettime(time.CLOCK_BOOTTIME) - time.clock_gettime(time.CLOCK_MONOTONIC)
    return login.uptime is not None and uptime_of(monitor.start) <= login.uptime + asleep + _TICK


def _still(found: list[Open]) -> list[Open]:
    """Those whose sshd lives, or of which something else does."""
    connected = {each.session.id: now for each in found if (now := _connected(each)) is not None}
    here = everything() if len(connected) < len(found) else {}  # reading all of them costs most of a look
    both = (connected.get(each.session.id) or _left_over(each, here) for each in found)
    return [each for each in both if each is not None]


def _connected(each: Open) -> Open | None:
    monitor = Process.read(each.pid)
    return _traced(each, monitor) if monitor is not None and monitor.start == each.start else None


def _left_over(each: Open, here: dict[int, Process]) -> Open | None:
    mine = belongings(each.trace, running=here)
    return replace(each, session=replace(each.session, left=True)) if mine.all else None


def _traced(each: Open, monitor: Process) -> Open:
    """PAM gives a session its audit session and its scope a moment after sshd has let somebody in. Until then it has
    those of the sshd that listens, which are somebody else's where that was started by hand: they say nothing."""
    if each.audit != NO_AUDIT and each.scope:
        return each
    listener = Process.read(monitor.parent)
    audit = monitor.audit if listener is None or listener.audit != monitor.audit else NO_AUDIT
    scope = scope_of(monitor)
    if listener is not None and scope and scope_of(listener) == scope:
        scope = ""
    return replace(each, audit=audit, scope=scope if _is_of(scope, audit) else "")


def _is_of(scope: str, audit: int) -> bool:
    """logind calls a session by its audit session, where it has one of its own."""
    number = scope.rpartition("/session-")[2].removesuffix(".scope")
    return audit == NO_AUDIT or not number.isdecimal() or int(number) == audit
