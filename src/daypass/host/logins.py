"""Logins that sshd let in, read from its own words: into which account, by what, and when.

The line is auth.c's auth_log: `Accepted METHOD for ACCOUNT from ADDRESS port NUMBER ssh2[: WHAT]`, where WHAT of a
certificate is `TYPE-CERT FINGERPRINT ID KEY-ID (serial NUMBER) CA TYPE FINGERPRINT` (before 7.5 without the first
fingerprint). It is logged at the default LogLevel. A key id of another CA may hold anything, so what follows it is
read from the line's end.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from daypass.host.sshdlog import Line

__all__ = ["Login", "logins"]

_PRINT = r"SHA256:[A-Za-z0-9+/]{43}"
_ACCEPTED = re.compile(
    r"Accepted (?P<method>[a-z][a-z0-9/-]{0,63}) for (?P<account>[^ ]{1,256}) from (?P<address>\S+) port \d+ ssh2"
    r"(?:: (?P<what>.*))?"
)
_CERTIFICATE = re.compile(
    rf"\S+-CERT (?:{_PRINT} )?ID (?P<key_id>.*) \(serial (?P<serial>\d{{1,20}})\) CA \S+ (?P<ca>{_PRINT})"
)
_KEY = re.compile(rf"(?P<kind>\S+) (?P<key>{_PRINT})")
_MOST = 128  # characters kept of a key id: ours are shorter


@dataclass(frozen=True, slots=True)
class Login:
    """`way` and `what` are as `api.HostLogin` has them; `pid` is the sshd that watches over the session."""

    account: str
    way: str
    what: str
    time: float
    pid: int
    address: str
    ca: str = ""
    serial: int = 0
    boot: str = ""  # as the line has them (`sshdlog.Line`)
    uptime: float | None = None


def logins(
    lines: Iterable[Line], trusted: frozenset[str], break_glass: frozenset[str] = frozenset()
) -> Iterator[Login]:
    """`trusted`: fingerprints of the user CA keys that this host accepts; `break_glass`: of the offline keys.

    Lines without a time are passed over."""
    for line in lines:
        match = _ACCEPTED.fullmatch(line.message)
        if match is not None and line.time is not None:
            way, what, ca, serial = _by(match["method"], match["what"] or "", trusted, break_glass)
            where = match["address"], ca, serial, line.boot, line.uptime
            yield Login(match["account"], way, what, line.time, line.pid, *where)


def _by(method: str, what: str, trusted: frozenset[str], break_glass: frozenset[str]) -> tuple[str, str, str, int]:
    if method == "publickey":
        if (found := _CERTIFICATE.fullmatch(what)) is not None:
            ours = "certificate" if found["ca"] in trusted else "other-certificate"
            way = "break-glass" if found["ca"] in break_glass else ours
            return way, found["key_id"][:_MOST], found["ca"], int(found["serial"])
        key = _KEY.fullmatch(what)
        return "key", key["key"] if key else "", "", 0
    is_password = method.split("/")[0] in ("password", "keyboard-interactive", "challenge-response")
    return "password" if is_password else "other", method, "", 0
