"""The end of one session, in the order that leaves nothing of it running (trust 6.3):

    a line on its terminals, so that whoever sits there knows why
    TERM to the sshd that watches over it and to the half that runs as the person, KILL where that is not enough
    its connections are closed: seen, not assumed. Channels of ControlMaster, forwards and agents go with them
    everything else that it has started is killed: its control group at once where it is the session's alone, else
    one by one, again until nothing is left

KILL of the sshd alone leaves the session running commands; TERM leaves foreground, nohup, setsid and tmux alive. What
would not end is named.
"""

from __future__ import annotations

import os
import select
import signal
import stat
import time
from collections.abc import Collection, Iterable
from contextlib import suppress
from pathlib import Path

from daypass.errors import Conflict
from daypass.host.sessions.process import PROC, Process, send
from daypass.host.sessions.whose import Belongings, Trace, belongings, folders_of
from daypass.network import plain

__all__ = ["end"]

_ROUNDS = 5  # what forks meanwhile is met in the next one
_TERM, _KILL = 1.5, 3.0  # seconds that each may take
_SENT = 0.3  # seconds that sshd may take to send a line on
_TERMINALS, _NAMED = 16, 16  # of one session that are written to; of its survivors that are named


def end(trace: Trace, why: str) -> list[str]:
    """End the session; gives what of it is still there after everything was tried, a line each.

    Raises Conflict where this very process is of it: somebody else's turn ends that.
    """
    mine = belongings(trace)
    if os.getpid() in {each.pid for each in mine.all}:
        raise Conflict("this very session is not ended by itself", code="host.own-session")
    before = sum(each.slept for each in mine.sshds)
    if _tell(mine, why):
        _let_pass(mine.sshds, before)
    sockets = _sockets(mine.sshds)
    _stop(mine.sshds)
    left = _kill(trace, mine)
    open_still = _connected(sockets)
    named = [f"{plain(each.name, 32)} ({each.pid})" for each in left[:_NAMED]]
    more = [f"and {len(left) - _NAMED} more"] if len(left) > _NAMED else []
    more += [f"{len(open_still)} connections"] if open_still else []
    return [*named, *more, *(f"sshd ({each.pid}), which others come in by" for each in mine.foreign if each.is_alive)]


def _stop(sshds: Collection[Process]) -> None:
    for which, patience in ((signal.SIGTERM, _TERM), (signal.SIGKILL, _KILL)):
        for each in sshds:
            send(each, which)
        if not _wait(sshds, patience):
            return


def _kill(trace: Trace, before: Belongings) -> list[Process]:
    """Everything else of it; what is left."""
    known = set(before.others)
    for _ in range(_ROUNDS):
        now = belongings(trace, [each.pid for each in known if each.is_alive])
        if not now.all:
            return []
        if now.shared or not _kill_group(trace.scope):
            for each in now.all:
                send(each, signal.SIGKILL)
        _wait(now.all, _KILL)
        known |= set(now.others)
    return list(belongings(trace, [each.pid for each in known if each.is_alive]).all)


def _kill_group(scope: str) -> bool:
    """All of a control group at once, whatever it forks meanwhile (cgroup v2, Linux 5.14)."""
    for folder in folders_of(scope):
        with suppress(OSError):
            (folder / "cgroup.kill").write_text("1")
            return True
    return False


def _wait(processes: Iterable[Process], seconds: float) -> list[Process]:
    """Until all have ended; those that have not."""
    until = time.monotonic() + seconds
    left = [each for each in processes if each.is_alive]
    while left and time.monotonic() < until:
        select.select([], [], [], 0.01)
        left = [each for each in left if each.is_alive]
    return left


def _tell(mine: Belongings, why: str) -> int:
    """Never waits: a terminal may have been stopped, and its line is not worth the wait. How many have it."""
    text = f"\r\n\adaypass: this session ends now: {plain(why, 200)}\r\n".encode()
    told = 0
    for number in sorted({each.terminal for each in mine.all if each.terminal >= 0})[:_TERMINALS]:
        with suppress(OSError):
            descriptor = os.open(f"/dev/pts/{number}", os.O_WRONLY | os.O_NOCTTY | os.O_NONBLOCK | os.O_NOFOLLOW)
            try:
                if stat.S_ISCHR(os.fstat(descriptor).st_mode):
                    told += os.write(descriptor, text) > 0
            finally:
                os.close(descriptor)
    return told


def _let_pass(sshds: Collection[Process], before: int) -> None:
    """TERM overtakes what sshd has not read from the terminal. It has sent that on when it goes to sleep again."""
    until = time.monotonic() + _SENT
    while sum(each.slept for each in sshds) <= before and time.monotonic() < until:
        select.select([], [], [], 0.005)


def _sockets(sshds: Iterable[Process]) -> set[str]:
    """Inodes of their TCP connections."""
    found = set[str]()
    for each in sshds:
        with suppress(OSError):
            for descriptor in (PROC / str(each.pid) / "fd").iterdir():
                with suppress(OSError):
                    found.add(str(descriptor.readlink()).removeprefix("socket:[").removesuffix("]"))
    return _connected(found)


def _connected(inodes: Collection[str]) -> set[str]:
    """Those of them that the kernel still has a TCP connection of (proc(5), /proc/net/tcp)."""
    return {inode for inode in _tcp() if inode in inodes} if inodes else set()


def _tcp() -> Iterable[str]:
    for name in ("tcp", "tcp6"):
        with suppress(OSError):
            rows = (Path("/proc/self/net") / name).read_text(encoding="ascii").splitlines()[1:]
            yield from (fields[9] for row in rows if len(fields := row.split()) > 9)
