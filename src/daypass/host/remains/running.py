"""Processes that go on in an account. Only the program's name and number are told: arguments may hold a password."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path

from daypass.host import processes
from daypass.host.remains.found import Found
from daypass.host.remains.places import Place
from daypass.model import shown

__all__ = ["left_running", "named"]

_LOGIN = {
    "sshd",
    "sshd-session",
    "login",
    "cron",
    "crond",
    "atd",
}  # whose sessions have somebody who looks after them
_UNSET = str(2**32 - 1)
_MANAGER = re.compile(r"/user@\d+\.service(?:/|$)", re.M)  # its control group (user@.service(5))


def left_running(place: Place) -> Iterator[Found]:
    """Of an own account all; else what is left of logins that have ended, whoever they were: nothing tells any more.

    Sessions that are open are others', or are ended as sessions.
    """
    if place.uid == 0 and not place.own:
        return
    if place.own:
        yield from (Found(kind="process", what=named(pid)) for pid in processes.running(place.uid))
        return
    attended = _attended()
    for pid in processes.running(place.uid):
        session, managed = _read(pid, "sessionid"), _MANAGER.search(_read(pid, "cgroup")) is not None
        if session in ("", _UNSET, *attended) or (managed and _is_manager(pid)):
            continue
        where = "of the account's own service manager" if managed else "left by a login that has ended"
        yield Found(kind="process", what=f"{named(pid)}, {where}", theirs=False)


def _is_manager(pid: int) -> bool:
    """`systemd --user` and its `(sd-pam)`, there for whoever is logged in. By the file it runs: an account may put
    whatever it likes into the manager's own group."""
    try:
        found = (Path("/proc") / str(pid) / "exe").stat()
        return os.path.samestat(found, Path("/proc/1/exe").stat())
    except OSError:
        return False


def named(pid: int) -> str:
    return f"{shown(_read(pid, 'comm') or '?', 16)} (pid {pid})"


def _attended() -> set[str]:
    """Audit sessions in which root's part of a login still runs."""
    found = set[str]()
    for each in Path("/proc").iterdir():
        if each.name.isdigit() and _is_login(each):
            found.add(_read(int(each.name), "sessionid"))
    return found


def _is_login(process: Path) -> bool:
    try:
        name = os.path.basename(os.readlink(process / "exe")).removesuffix(" (deleted)")  # noqa: PTH115,PTH119
        return name in _LOGIN and process.stat().st_uid == 0
    except OSError:
        return False


def _read(pid: int, name: str) -> str:
    try:
        return Path(f"/proc/{pid}/{name}").read_text(encoding="utf-8", errors="replace").strip()
    except OSError:
        return ""
