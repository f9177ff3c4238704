"""Times as they are shown: a person's own clock, with its zone; RFC 3339 in UTC for scripts and logs.

Only `time` is imported: what a shell prompt runs comes through here.
"""

from __future__ import annotations

import time

__all__ = ["duration", "moment", "utc"]


def moment(when: float, now: float | None = None) -> str:
    """Unix seconds as a person reads them here: `Tue 24 Nov 03:38 CET`, with the year where it is another one."""
    local, today = time.localtime(when), time.localtime(now)
    year = "" if local.tm_year == today.tm_year else f"{local.tm_year} "
    return time.strftime(f"%a {local.tm_mday} %b {year}%H:%M %Z", local)


def utc(when: float) -> str:
    """Unix seconds as scripts read a time: RFC 3339, in UTC."""
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(when))


def duration(seconds: float) -> str:
    """`3 d 4 h`, `15 h 59 min`, `12 min`, `40 s`: the two largest units that matter, the smaller one rounded."""
    whole = max(0, round(seconds))
    step = 3600 if whole >= 86400 else 60 if whole >= 60 else 1
    whole = (whole + step // 2) // step * step
    days, hours, minutes = whole // 86400, whole // 3600 % 24, whole // 60 % 60
    units = [(days, "d"), (hours, "h"), (minutes, "min"), (whole % 60, "s")]
    first = next((index for index, (count, _) in enumerate(units) if count), 3)
    last = first + 2 if first < 2 else first + 1
    return " ".join(f"{count} {unit}" for count, unit in units[first:last] if count) or "0 s"
