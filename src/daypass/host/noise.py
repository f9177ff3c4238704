"""Noise, wherever break-glass is seen (trust 8.5): on every terminal, in syslog as an alert, and at the CA.

Somebody who came in by it is found in sshd's own words, like every other login. What the CA has not heard waits here
for the day it is back: `/var/lib/daypass/alarms.json`, which outlives a boot.
"""

from __future__ import annotations

import syslog
from collections.abc import Iterable, Sequence
from contextlib import suppress
from hashlib import sha256
from pathlib import Path

import msgspec
from msgspec.structs import replace

from daypass.api import BreakGlassLogin
from daypass.errors import DaypassError
from daypass.host import files, tools
from daypass.host.logins import Login
from daypass.host.settings import Paths
from daypass.model import shown
from daypass.times import moment

__all__ = ["Alarms", "alarm", "heard", "told_of", "unheard"]

_MOST, _AT_ONCE = 200, 20  # that are kept; that the CA takes in one call


class Alarms(msgspec.Struct, frozen=True):
    """The newest last. `waiting`: ids that the CA has not heard of."""

    logins: list[BreakGlassLogin] = []
    waiting: list[str] = []

    @classmethod
    def load(cls, path: Path) -> Alarms:
        """A broken one is begun anew: then an alarm is raised twice."""
        files.check(path)
        try:
            return msgspec.json.decode(path.read_bytes(), type=cls)
        except (OSError, msgspec.DecodeError):
            return cls()

    def save(self, path: Path) -> None:
        files.write(path, msgspec.json.encode(self), 0o600)


def alarm(paths: Paths, logins: Iterable[Login]) -> list[BreakGlassLogin]:
    """Raise one for each that nobody has raised yet. It is remembered for the CA first, and a full disk keeps nobody
    from hearing it here."""
    found = [_of(each) for each in logins if each.way == "break-glass"]
    if not found:
        return []
    before = Alarms.load(paths.alarms)
    known = {each.id for each in before.logins}
    new = list({each.id: each for each in found if each.id not in known}.values())
    if new:
        every = [*before.logins, *new][-_MOST:]
        waiting = [*before.waiting, *(each.id for each in new)][-_MOST:]
        with suppress(OSError):
            Alarms(every, waiting).save(paths.alarms)
        _shout(new)
    return new


def unheard(paths: Paths) -> list[BreakGlassLogin]:
    """What the CA is to be told, the oldest first."""
    alarms = Alarms.load(paths.alarms)
    return [each for each in alarms.logins if each.id in alarms.waiting][:_AT_ONCE]


def heard(paths: Paths, said: Sequence[BreakGlassLogin]) -> None:
    """The CA has heard these."""
    if said:
        alarms, ids = Alarms.load(paths.alarms), {each.id for each in said}
        left = [each for each in alarms.waiting if each not in ids]
        replace(alarms, waiting=left).save(paths.alarms)


def told_of(login: BreakGlassLogin) -> str:
    """In one line. The key id and the address are what others wrote."""
    who = shown(login.key_id, 120) or "somebody"
    return (
        f"BREAK-GLASS: {who} came in as {shown(login.account)} from {shown(login.address)} at {moment(login.time)} "
        f"(serial {login.serial})"
    )


def _of(login: Login) -> BreakGlassLogin:
    place = f"{login.boot} {login.pid} {login.uptime or login.time} {login.serial}"
    return BreakGlassLogin(
        id=sha256(place.encode()).hexdigest()[:12], account=login.account, address=login.address,
        time=int(login.time), key_id=login.what, ca=login.ca, serial=login.serial,
    )  # fmt: skip


def _shout(new: Sequence[BreakGlassLogin]) -> None:
    for each in new:
        text = told_of(each)
        syslog.openlog("daypass", 0, syslog.LOG_AUTH)
        syslog.syslog(syslog.LOG_ALERT, text)
        syslog.closelog()
        with suppress(DaypassError):
            tools.run([tools.find("wall", "util-linux"), text], seconds=10)
