"""End everything an account runs: TERM, then KILL, each by a pidfd that was looked at again after it was opened.

A process is the account's if any of its uids is, or if its login uid is: what was started through sudo keeps that.
"""

from __future__ import annotations

import os
import select
import signal
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

__all__ = ["end_all", "running"]

_ROUNDS = 5  # what forks meanwhile is met in the next one
_PATIENCE = 3.0  # seconds from TERM to KILL, and from KILL to counting as a survivor
_UNSET = 2**32 - 1  # the login uid of what no login has started


def running(uid: int) -> list[int]:
    """Its processes, apart from this one and those it came from."""
    ours = set(_ancestors())
    return [pid for pid in _pids() if pid not in ours and _is_of(pid, uid)]


def end_all(uid: int) -> list[int]:
    """Gives the pids that are still there after everything was tried."""
    if uid in (0, _UNSET):
        raise ValueError("not everything of root")
    for _ in range(_ROUNDS):
        found = running(uid)
        if not found:
            return []
        for pid in found:
            _signal(pid, uid, signal.SIGTERM)
        _wait(found, uid)
        for pid in running(uid):
            _signal(pid, uid, signal.SIGKILL)
        _wait(found, uid)
    return running(uid)


def _signal(pid: int, uid: int, which: signal.Signals) -> None:
    try:
        descriptor = os.pidfd_open(pid)
    except OSError:
        return
    with closing(os.fdopen(descriptor)):
        if _is_of(pid, uid):
            try:
                signal.pidfd_send_signal(descriptor, which)
            except ProcessLookupError:
                return


def _wait(pids: list[int], uid: int) -> None:
    """Until all have ended, or patience has."""
    end = time.monotonic() + _PATIENCE
    while time.monotonic() < end and any(_is_of(pid, uid) for pid in pids):
        select.select([], [], [], 0.02)


def _pids() -> Iterator[int]:
    yield from (int(each.name) for each in Path("/proc").iterdir() if each.name.isdigit())


def _ancestors() -> Iterator[int]:
    pid = os.getpid()
    while pid > 0:
        yield pid
        pid = int(_status(pid).get("PPid", ["0"])[0])


def _is_of(pid: int, uid: int) -> bool:
    """False for one that has ended, and for a zombie; not for one whose first thread alone is one: the others run."""
    found = _status(pid)
    if not found or (found.get("State", ["Z"])[0] == "Z" and found.get("Threads", ["1"])[0] == "1"):
        return False
    return str(uid) in found.get("Uid", []) or _login_uid(pid) == uid


def _status(pid: int) -> dict[str, list[str]]:
    """`/proc/PID/status`: the kernel's word, of which only the name is the process's own."""
    try:
        lines = Path(f"/proc/{pid}/status").read_text(errors="replace").splitlines()
    except OSError:
        return {}
    return {name: value.split() for name, _, value in (line.partition(":") for line in lines) if value.split()}


def _login_uid(pid: int) -> int:
    try:
        return int(Path(f"/proc/{pid}/loginuid").read_text())
    except (OSError, ValueError):
        return _UNSET
