"""sshd's own words, from wherever they are kept: the journal, syslog's file, or what `sshd -e` wrote.

Of the journal only entries count that the kernel knows for sshd's, run by root (trust 6.4): everybody can write one
that says it is sshd's. A file is believed as it stands; whoever may write to it may lie in it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec

from daypass.errors import NotFound, Unavailable
from daypass.host import tools

__all__ = ["AUTH_LOGS", "PROGRAMS", "Line", "from_journal", "from_text", "read_journal"]

AUTH_LOGS = ("/var/log/auth.log", "/var/log/secure")
PROGRAMS = ("sshd", "sshd-session", "sshd-auth")
_MAX_MESSAGE = 4096
_SYSLOG = re.compile(
    r"(?P<time>[A-Z][a-z]{2} [ \d]\d \d\d:\d\d:\d\d|\d{4}-\d\d-\d\dT\S+) \S+ (?:sshd|sshd-session|sshd-auth)"
    r"\[(?P<pid>\d+)\]: (?P<message>.*)"
)
_OTHER_SYSLOG = re.compile(r"(?:[A-Z][a-z]{2} [ \d]\d \d\d:\d\d:\d\d|\d{4}-\d\d-\d\dT\S+) \S+ \S+: ")


@dataclass(frozen=True, slots=True)
class Line:
    """One message. `pid` is 0 and `time` (unix seconds) None where the source does not tell; `cursor` is the
    journal's own name for the entry, `boot` and `uptime` (seconds, without those asleep) when that was by a clock
    that nobody sets."""

    message: str
    pid: int = 0
    time: float | None = None
    cursor: str = ""
    boot: str = ""
    uptime: float | None = None


def read_journal(since: int) -> list[Line]:
    """Since this unix second. Raises NotFound where there is no journal, Unavailable where it can't be read."""
    program = tools.find("journalctl", "systemd")
    options = ["--output=json", "--no-pager", "--quiet", f"--since=@{since}", "_UID=0"]
    ran = tools.run([program, *options, *(f"--identifier={each}" for each in PROGRAMS)])
    if ran.code != 0 and not ran.out:
        raise Unavailable(f"journalctl: {ran.words or f'exit {ran.code}'}", code="host.journal")
    found = list(from_journal(ran.out.splitlines()))
    if not found:
        raise NotFound("the journal has no word of sshd's", code="host.journal", hint="give the log: --log FILE")
    return found


def from_journal(lines: Iterable[str]) -> Iterator[Line]:
    """`journalctl --output=json`; entries whose trusted fields are not sshd's are passed over."""
    for text in lines:
        try:
            entry: dict[str, Any] = msgspec.json.decode(text, type=dict[str, Any])
        except msgspec.DecodeError:
            continue
        program = Path(str(entry.get("_EXE", ""))).name.removesuffix(" (deleted)")
        if entry.get("_UID") == "0" and program in PROGRAMS:
            pid = str(entry.get("_PID", ""))
            yield Line(
                _text(entry.get("MESSAGE")),
                int(pid) if pid.isdecimal() else 0,
                _seconds(entry.get("__REALTIME_TIMESTAMP")),
                str(entry.get("__CURSOR", "")),
                str(entry.get("_BOOT_ID", "")),
                _seconds(entry.get("__MONOTONIC_TIMESTAMP")),
            )


def from_text(lines: Iterable[str], now: float) -> Iterator[Line]:
    """A file: syslog's, old or new form, or plain lines of `sshd -e`. Lines of other programs are passed over."""
    for text in lines:
        match = _SYSLOG.fullmatch(text.rstrip("\r\n")[:_MAX_MESSAGE])
        if match is not None:
            yield Line(match["message"], int(match["pid"]), _time(match["time"], now))
        elif not _OTHER_SYSLOG.match(text):
            yield Line(text.rstrip("\r\n")[:_MAX_MESSAGE])


def _seconds(stamp: object) -> float | None:
    """The journal counts microseconds."""
    text = str(stamp or "")
    return int(text) / 1e6 if text.isdecimal() else None


def _text(message: object) -> str:
    """The journal gives what is not printable as a list of bytes."""
    if isinstance(message, list):
        message = bytes(each for each in message if isinstance(each, int) and 0 <= each < 256).decode(
            errors="replace"
        )
    return str(message or "")[:_MAX_MESSAGE]


def _time(text: str, now: float) -> float | None:
    """Old syslog names no year: it is the latest that does not lie ahead. Its zone is this machine's."""
    try:
        if text[0].isdigit():
            return datetime.fromisoformat(text).timestamp()
        year = datetime.fromtimestamp(now, UTC).year
        found = datetime.strptime(f"{year} {text}", "%Y %b %d %H:%M:%S").astimezone().timestamp()
        if found > now + 86400:
            found = datetime.strptime(f"{year - 1} {text}", "%Y %b %d %H:%M:%S").astimezone().timestamp()
    except (ValueError, OverflowError):
        return None
    return found
