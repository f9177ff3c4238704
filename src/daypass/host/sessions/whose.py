"""Which processes are one session's. What logind put into its scope, what has its audit session, and what its sshd
has started; none of them alone is enough:

    a scope        is left by `systemd-run --user --scope`, and an sshd that somebody restarts by hand takes
                   all who come in by it into the scope of whoever restarted it
    an audit session is not everywhere (containers, sshd without PAM)
    parents        are lost to setsid and nohup as soon as the one in between ends

An sshd of root's in there that is not this session's is other people's way in: it and all that came in by it stay.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path

from daypass.host.sessions.process import NO_AUDIT, Process, everything

__all__ = ["HIERARCHIES", "Belongings", "Trace", "belongings", "folders_of", "scope_of"]

_SCOPE = re.compile(r"/(?:[^/]+/)*session-[A-Za-z0-9]+\.scope")  # logind's; no other group is a session's alone
HIERARCHIES = ("/sys/fs/cgroup", "/sys/fs/cgroup/unified", "/sys/fs/cgroup/systemd")


@dataclass(frozen=True, slots=True)
class Trace:
    """By what a session's processes are known. `pid` and `start`: the sshd that watches over it; `scope`: logind's
    control group, "" without; `audit`: its audit session."""

    pid: int
    start: int
    scope: str = ""
    audit: int = NO_AUDIT


@dataclass(frozen=True, slots=True)
class Belongings:
    """`sshds`: the monitor and the half of it that runs as the person, while they live; `others`: everything else of
    the session; `foreign`: sshds of root's in its scope that other people come in by. `shared`: not everything in its
    scope is its own."""

    sshds: tuple[Process, ...]
    others: tuple[Process, ...]
    foreign: tuple[Process, ...]
    shared: bool

    @property
    def all(self) -> tuple[Process, ...]:
        return (*self.sshds, *self.others)


def scope_of(monitor: Process) -> str:
    """Its logind session's control group; "" where it is in none of its own."""
    group = monitor.cgroup
    return group if _SCOPE.fullmatch(group) else ""


def belongings(trace: Trace, known: Collection[int] = (), running: dict[int, Process] | None = None) -> Belongings:
    """Of what is running now. `known`: pids that have been the session's a moment ago."""
    here = everything() if running is None else running
    below = _below({trace.pid}, here) if _is_there(trace, here) else set[int]()
    in_scope = _in_scope(trace.scope)
    here = {**here, **_newer(in_scope - here.keys())}  # who forks all the time has others by now
    in_scope &= here.keys()
    audited = {pid for pid, each in here.items() if trace.audit != NO_AUDIT and each.audit == trace.audit}
    candidates = {here[pid] for pid in (below | in_scope | audited | set(known)) if pid in here}
    foreign = {each.pid for each in candidates if each.pid != trace.pid and each.is_sshd_of_root}
    theirs = foreign | _below(foreign, here) | {each.pid for each in candidates if _is_other_login(each, trace)}
    mine = sorted((each for each in candidates if each.pid not in theirs), key=lambda each: each.pid)
    sshds = [each for each in mine if below and (each.pid == trace.pid or _is_half(each, trace))]
    return Belongings(
        tuple(sshds),
        tuple(each for each in mine if each not in sshds),
        tuple(here[pid] for pid in sorted(foreign) if here[pid].parent not in foreign),
        not in_scope <= {each.pid for each in mine},
    )


def folders_of(scope: str) -> list[Path]:
    """A control group's folder, in each hierarchy that has it."""
    return [each for root in HIERARCHIES if scope and (each := Path(root) / scope.lstrip("/")).is_dir()]


def _newer(pids: Collection[int]) -> dict[int, Process]:
    return {pid: found for pid in pids if (found := Process.read(pid)) is not None}


def _is_there(trace: Trace, here: dict[int, Process]) -> bool:
    return trace.pid in here and here[trace.pid].start == trace.start


def _is_half(each: Process, trace: Trace) -> bool:
    """sshd's own child of the monitor, which runs as the person (sshd(8), privilege separation)."""
    return each.parent == trace.pid and each.runs_sshd


def _is_other_login(each: Process, trace: Trace) -> bool:
    return NO_AUDIT not in (each.audit, trace.audit) and each.audit != trace.audit


def _below(roots: Collection[int], here: dict[int, Process]) -> set[int]:
    """These and all that they have started, as long as who started it lives."""
    children = dict[int, list[int]]()
    for each in here.values():
        children.setdefault(each.parent, []).append(each.pid)
    found, waiting = set[int](), list(roots)
    while waiting:
        pid = waiting.pop()
        if pid not in found:
            found.add(pid)
            waiting += children.get(pid, [])
    return found


def _in_scope(scope: str) -> set[int]:
    return {pid for folder in folders_of(scope) for pid in _pids(folder)}


def _pids(folder: Path) -> Iterator[int]:
    """Of a control group and those below it."""
    for each in (folder, *(path for path in folder.rglob("*") if path.is_dir())):
        try:
            yield from map(int, (each / "cgroup.procs").read_text(encoding="ascii").split())
        except (OSError, ValueError):
            continue
