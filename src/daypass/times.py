"""Times as they are shown: a person's own clock, with its zone; RFC 3339 in UTC for scripts and logs.

Only `time` is imported: what a shell prompt runs comes through here.
"""

from __future__ import annotations

import time

__all__ = ["moment", "utc"]


def moment(when: float, now: float | None = None) -> str:
    """Unix seconds as a person reads them here: `Tue 24 Nov 03:38 CET`, with the year where it is another one."""
    local, today = time.localtime(when), time.localtime(now)
    year = "" if local.tm_year == today.tm_year else f"{local.tm_year} "
    return time.strftime(f"%a {local.tm_mday} %b {year}%H:%M %Z", local)


def utc(when: float) -> str:
    """Unix seconds as scripts read a time: RFC 3339, in UTC."""
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(when))
