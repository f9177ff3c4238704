"""Sessions whose connection came and went between two looks, and of which something still runs.

sshd's process is gone then, and with it what tells which processes were its own. logind's entry of the same moment
tells: whose leader that process was, and what the session is called. Only its own entries count, by the fields that
journald fills in (trust 6.4). Where there is no logind nothing is known of them.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

from daypass.errors import DaypassError
from daypass.host import tools
from daypass.host.logins import Login
from daypass.host.sessions.process import NO_AUDIT
from daypass.host.sessions.whose import HIERARCHIES, Trace

__all__ = ["traces"]

_STARTED = "8d45620c1a4348dbb17410da57c60c66"  # SD_MESSAGE_SESSION_START (systemd.journal-fields(7), sd-messages.h)
_LATEST = 120.0  # seconds from sshd's word to logind's
_MOST = 200  # logins of one look
_SECONDS = 20.0


class _Begun(NamedTuple):
    leader: int
    session: str
    uptime: float


def traces(logins: Sequence[Login]) -> dict[Login, Trace]:
    """Of those that logind has an entry of, by what their processes are known. `logins` are of this boot."""
    latest = [each for each in logins if each.uptime is not None][-_MOST:]
    begun = list(_begun({each.pid for each in latest}, {each.boot for each in latest})) if latest else []
    found = dict[Login, Trace]()
    for login in latest:
        sessions = [each for each in begun if _is_its(each, login)]
        if sessions:
            name = min(sessions, key=lambda each: each.uptime).session
            audit = int(name) if name.isdecimal() else NO_AUDIT
            found[login] = Trace(login.pid, _ticks(login), _scope(name), audit)
    return found


def _is_its(begun: _Begun, login: Login) -> bool:
    uptime = login.uptime or 0.0
    return begun.leader == login.pid and uptime <= begun.uptime <= uptime + _LATEST


def _ticks(login: Login) -> int:
    """In place of when its sshd was started, which nobody knows any more: no other with this pid was, then."""
    return int((login.uptime or 0.0) * os.sysconf("SC_CLK_TCK"))


def _scope(name: str) -> str:
    """The control group of logind's session of this name, "" where it is gone."""
    for root in map(Path, HIERARCHIES):
        for each in root.glob(f"user.slice/user-*.slice/session-{name}.scope"):
            return f"/{each.relative_to(root)}"
    return ""


def _begun(leaders: Iterable[int], boots: Iterable[str]) -> Iterator[_Begun]:
    matches = [*(f"LEADER={each}" for each in sorted(leaders)), *(f"_BOOT_ID={each}" for each in sorted(boots))]
    try:
        program = tools.find("journalctl", "systemd")
        options = ["--output=json", "--no-pager", "--quiet", "_UID=0", f"MESSAGE_ID={_STARTED}"]
        ran = tools.run([program, *options, *matches], seconds=_SECONDS)
    except DaypassError:
        return
    for line in ran.out.splitlines():
        if (found := _entry(line)) is not None:
            yield found


def _entry(line: str) -> _Begun | None:
    try:
        entry: dict[str, Any] = msgspec.json.decode(line, type=dict[str, Any])
    except msgspec.DecodeError:
        return None
    program = Path(str(entry.get("_EXE", ""))).name.removesuffix(" (deleted)")
    leader, name, stamp = (str(entry.get(each, "")) for each in ("LEADER", "SESSION_ID", "__MONOTONIC_TIMESTAMP"))
    if program != "systemd-logind" or entry.get("_UID") != "0" or not (leader.isdecimal() and stamp.isdecimal()):
        return None
    return _Begun(int(leader), name, int(stamp) / 1e6) if name.isascii() and name.isalnum() else None
