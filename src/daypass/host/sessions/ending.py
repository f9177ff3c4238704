"""The end of sessions, in the order that leaves nothing of it running (trust 6.3):

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
from collections.abc import Collection, Iterable, Sequence
from contextlib import suppress
from pathlib import Path

from daypass.errors import Conflict
from daypass.host.sessions.process import PROC, Process, everything, send
from daypass.host.sessions.whose import Belongings, Trace, belongings, folders_of
from daypass.network import plain

__all__ = ["end_all"]

_ROUNDS = 5  # what forks meanwhile is met in the next one
_TERM, _KILL = 1.5, 3.0  # seconds that each may take
_SENT = 0.3  # seconds that sshd may take to send a line on
_TERMINALS, _NAMED = 16, 16  # of one session that are written to; of its survivors that are named


class _Ending:
    """One of them on its way. `known`: what has been seen of it."""

    def __init__(self, trace: Trace, here: dict[int, Process]) -> None:
        self.trace, self.mine = trace, belongings(trace, running=here)
        self.known = set(self.mine.others)

    def now(self, here: dict[int, Process]) -> Belongings:
        return belongings(self.trace, [each.pid for each in self.known if each.is_alive], here)


def end_all(sessions: Sequence[tuple[Trace, str]]) -> list[list[str] | Conflict]:
    """End these sessions, each for its reason; gives what of each is still there after everything was tried, a line
    each. All at once: one that puts it off keeps no other waiting.

    Conflict for the one that this very process is of: somebody else's turn ends that.
    """
    here = everything()
    endings = [_Ending(trace, here) for trace, _ in sessions]
    others = [each for each in endings if not _is_ours(each)]
    slept = [sum(sshd.slept for sshd in each.mine.sshds) for each in endings]
    told = [not _is_ours(each) and _tell(each.mine, why) for each, (_, why) in zip(endings, sessions, strict=True)]
    rows = zip(endings, slept, told, strict=True)
    _let_pass([(each.mine.sshds, before) for each, before, is_told in rows if is_told])
    sockets = [_sockets(each.mine.sshds) for each in endings]
    _stop([sshd for each in others for sshd in each.mine.sshds])
    _kill(others)
    here = everything()
    return [_left(each, mine, here) for each, mine in zip(endings, sockets, strict=True)]


def _is_ours(ending: _Ending) -> bool:
    return os.getpid() in {each.pid for each in ending.mine.all}


def _left(ending: _Ending, sockets: set[str], here: dict[int, Process]) -> list[str] | Conflict:
    if _is_ours(ending):
        return Conflict("this very session is not ended by itself", code="host.own-session")
    left, open_still = ending.now(here).all, _connected(sockets)
    named = [f"{plain(each.name, 32)} ({each.pid})" for each in left[:_NAMED]]
    more = [f"and {len(left) - _NAMED} more"] if len(left) > _NAMED else []
    more += [f"{len(open_still)} connections"] if open_still else []
    foreign = [each for each in ending.mine.foreign if each.is_alive]
    return [*named, *more, *(f"sshd ({each.pid}), which others come in by" for each in foreign)]


def _stop(sshds: Collection[Process]) -> None:
    for which, patience in ((signal.SIGTERM, _TERM), (signal.SIGKILL, _KILL)):
        for each in sshds:
            send(each, which)
        if not _wait(sshds, patience):
            return


def _kill(endings: Sequence[_Ending]) -> None:
    """Everything else of them."""
    for _ in range(_ROUNDS):
        here = everything()
        found = [(each, each.now(here)) for each in endings]
        endings = [each for each, its in found if its.all]
        if not endings:
            return
        for each, its in found:
            if its.all and not its.shared:
                _kill_group(each.trace.scope)
            for process in its.all:  # one whose first thread has ended is missed by cgroup.kill
                send(process, signal.SIGKILL)
            each.known |= set(its.others)
        _wait([process for _, its in found for process in its.all], _KILL)


def _kill_group(scope: str) -> None:
    """All of a control group at once, whatever it forks meanwhile (cgroup v2, Linux 5.14)."""
    for folder in folders_of(scope):
        with suppress(OSError):
            (folder / "cgroup.kill").write_text("1")


def _wait(processes: Iterable[Process], seconds: float) -> list[Process]:
    """Until all have ended; those that have not."""
    until = time.monotonic() + seconds
    left = [each for each in processes if each.is_alive]
    while left and time.monotonic() < until:
        select.select([], [], [], 0.01)
        left = [each for each in left if each.is_alive]
    return left


def _tell(mine: Belongings, why: str) -> bool:
    """Whether anybody was told. Never waits: a terminal may have been stopped, and its line is not worth the wait."""
    told = False
    text = f"\r\n\adaypass: this session ends now: {plain(why, 200)}\r\n".encode()
    for number in sorted({each.terminal for each in mine.all if each.terminal >= 0})[:_TERMINALS]:
        with suppress(OSError):
            descriptor = os.open(f"/dev/pts/{number}", os.O_WRONLY | os.O_NOCTTY | os.O_NONBLOCK | os.O_NOFOLLOW)
            try:
                if stat.S_ISCHR(os.fstat(descriptor).st_mode):
                    told = os.write(descriptor, text) > 0
            finally:
                os.close(descriptor)
    return told


def _let_pass(told: Sequence[tuple[Collection[Process], int]]) -> None:
    """TERM overtakes what sshd has not read from the terminal. It has sent that on when it goes to sleep again."""
    until = time.monotonic() + _SENT
    while time.monotonic() < until and any(sum(each.slept for each in sshds) <= before for sshds, before in told):
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
