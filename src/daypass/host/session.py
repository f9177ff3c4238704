"""By what the session came in that this process runs in: from sshd's own words about one of our forefathers.

Never from ExposeAuthInfo, which whoever logs in can overwrite (trust 6.4). The sshd that watches over a session is
root's and above everything in it, sudo too; out of tmux or a daemon no way leads up to it.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from pathlib import Path

from daypass.host.logins import Login
from daypass.host.sshdlog import PROGRAMS

__all__ = ["forefathers", "own_login"]

_PROC = Path("/proc")
_GRACE = 900  # seconds from an sshd's start to its login: LoginGraceTime is 120 unless somebody made it longer
_ROUGH = 2  # seconds: syslog's stamps are whole ones


def own_login(logins: Iterable[Login], since: float, watching: dict[int, float]) -> Login | None:
    """The latest login after `since` of one of these sshds (`forefathers`): of a session that began after it."""
    fitting = [
        each
        for each in logins
        if each.time >= since and -_ROUGH <= each.time - watching.get(each.pid, each.time + 2 * _GRACE) <= _GRACE
    ]
    return max(fitting, key=lambda each: each.time, default=None)


def forefathers(pid: int) -> dict[int, float]:
    """The sshds of root above this process: pid to the unix time it was started. A pid alone may be another's by
    now."""
    return {each: started for each in _up(pid) if _is_root_sshd(each) and (started := _started(each)) is not None}


def _up(pid: int) -> Iterator[int]:
    while pid > 1:
        yield pid
        fields = _stat(pid)
        pid = int(fields[1]) if fields else 0


def _is_root_sshd(pid: int) -> bool:
    try:
        name = (_PROC / str(pid) / "exe").readlink().name.removesuffix(" (deleted)")
        return name in PROGRAMS and (_PROC / str(pid)).stat().st_uid == 0
    except OSError:
        return False


def _started(pid: int) -> float | None:
    fields = _stat(pid)
    return None if not fields else _booted_at() + int(fields[19]) / os.sysconf("SC_CLK_TCK")


def _booted_at() -> float:
    """Unix seconds; proc(5), btime."""
    rows = (_PROC / "stat").read_text(encoding="ascii").splitlines()
    return float(next(row.split()[1] for row in rows if row.startswith("btime ")))


def _stat(pid: int) -> list[str]:
    """The fields of /proc/PID/stat from the third on: those behind the program's name, which may hold anything."""
    try:
        text = (_PROC / str(pid) / "stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return []
    return text.rpartition(")")[2].split()
