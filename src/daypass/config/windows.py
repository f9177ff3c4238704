"""When a role holds: "mon-fri 08:00-18:00 Europe/Berlin".

A window holds while a clock on the wall in its zone shows a day and time inside it. So an hour that the clock skips
is in no window, and one that it shows twice is there twice. Zones are IANA's (RFC 6557).
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache
from zoneinfo import ZoneInfo, available_timezones

from daypass.config.problem import did_you_mean, quoted
from daypass.errors import Invalid

__all__ = ["WEEK", "Window", "ends", "longest"]

WEEK = 7 * 86400  # how far ahead anyone looks
DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_DAY = 24 * 60  # minutes
_FORM = 'write it like "mon-fri 08:00-18:00 Europe/Berlin"'
_TIMES = re.compile(r"([0-9]{2}):([0-9]{2})-([0-9]{2}):([0-9]{2})")
_ZONE = re.compile(r"(?!posix|right/|localtime)[A-Z][A-Za-z0-9_+-]{0,31}(/[A-Za-z0-9_+-]{1,31}){0,2}")


@dataclass(frozen=True, slots=True)
class Window:
    """`days` (Monday is 0) are those it begins on; `start` and `end` are minutes since midnight, `end` up to 48 h."""

    days: frozenset[int]
    start: int
    end: int
    zone: ZoneInfo

    @classmethod
    def parse(cls, text: str) -> Window:
        """From days, times and zone, all three. An end before the start is the next day's. Raises Invalid."""
        words = text.split(" ")
        if len(words) == 2 and _TIMES.fullmatch(words[1]):
            raise _invalid(text, "names no time zone", f'for example "{text} UTC"')
        if len(words) != 3:
            raise _invalid(text, "is not a window", _FORM)
        start, end = _times(text, words[1])
        return cls(_days(text, words[0]), start, end if end > start else end + _DAY, _zone(text, words[2]))

    def ends(self, now: int) -> int | None:
        """Unix time of the end, if it holds at `now`; merged with what follows without a gap."""
        return ends((self,), now)

    def run(self, now: int) -> int:
        """Up to when it holds for certain: its end or the zone's next change of clocks; `now` if it does not hold."""
        wall = datetime.fromtimestamp(now, self.zone)
        minute, day = wall.hour * 60 + wall.minute, wall.weekday()
        if day in self.days and self.start <= minute < self.end:
            left = self.end - minute
        elif (day - 1) % 7 in self.days and minute < self.end - _DAY:
            left = self.end - _DAY - minute
        else:
            return now
        return self._change(now, now + left * 60 - wall.second)

    def _change(self, start: int, end: int) -> int:
        """The first second in between at which the zone's offset is another one, else `end`."""
        offset = self._offset(start)
        if self._offset(end - 1) == offset:
            return end
        before, after = start, end - 1
        while after - before > 1:
            middle = (before + after) // 2
            before, after = (middle, after) if self._offset(middle) == offset else (before, middle)
        return after

    def _offset(self, now: int) -> timedelta | None:
        return datetime.fromtimestamp(now, UTC).astimezone(self.zone).utcoffset()


def ends(windows: Iterable[Window], now: int) -> int | None:
    """Unix time of the end of what holds at `now`: windows that follow without a gap are one. None outside of all.

    Nobody looks further ahead than a week: what still holds then gives `now` + WEEK.
    """
    listed, reached = tuple(windows), now
    while reached < now + WEEK:
        further = max((window.run(reached) for window in listed), default=reached)
        if further == reached:
            return None if reached == now else reached
        reached = further
    return now + WEEK


def longest(windows: Iterable[Window]) -> int:
    """The longest that they hold at a stretch, in seconds, in a week without a change of clocks (WEEK at most)."""
    listed = tuple(windows)
    starts = [(window, day) for window in listed for day in window.days]
    return max((_from(listed, window, day) for window, day in starts), default=0)


def _from(windows: tuple[Window, ...], window: Window, day: int) -> int:
    """From where `window` begins on a day of the week of 2025-01-13, a Monday."""
    start = datetime(2025, 1, 13 + day, window.start // 60, window.start % 60, tzinfo=window.zone)
    begin = int(start.timestamp())
    return (ends(windows, begin) or begin) - begin


def _days(text: str, word: str) -> frozenset[int]:
    found: set[int] = set()
    for part in word.split(","):
        first, dash, last = part.partition("-")
        for name in (first, last) if dash else (first,):
            if name not in DAYS:
                raise _invalid(text, f"has {quoted(name)} for a day", did_you_mean(name, DAYS) or " ".join(DAYS))
        low, high = DAYS.index(first), DAYS.index(last or first)
        found.update(each % 7 for each in range(low, high + 1 if high >= low else high + 8))
    return frozenset(found)


def _times(text: str, word: str) -> tuple[int, int]:
    match = _TIMES.fullmatch(word)
    if match is None:
        raise _invalid(text, f"has {quoted(word)} for its times", _FORM)
    first, minutes, last, last_minutes = (int(each) for each in match.groups())
    start, end = first * 60 + minutes, last * 60 + last_minutes
    if max(minutes, last_minutes) > 59 or start >= _DAY or end > _DAY:
        raise _invalid(text, f"has {quoted(word)} for its times", "from 00:00 to 24:00")
    if start == end:
        raise _invalid(text, "is empty: it ends when it begins", "the whole day is 00:00-24:00")
    return start, end


def _zone(text: str, name: str) -> ZoneInfo:
    try:
        if _ZONE.fullmatch(name):
            return _known_zone(name)
    except (OSError, ValueError, KeyError):  # a folder of zones, what is no zone's file, and what is not there
        pass
    raise _invalid(text, f"has {quoted(name)} for a time zone", _near(name) or 'UTC, or one like "Europe/Berlin"')


@cache
def _known_zone(name: str) -> ZoneInfo:
    return ZoneInfo(name)


def _near(name: str) -> str:
    """`did you mean "Europe/Berlin"?` for "berlin" and for "europe/berlin"."""
    zones = {zone.lower(): zone for zone in sorted(available_timezones())}
    meant = {zone.rpartition("/")[2]: name for zone, name in zones.items()} | zones
    near = difflib.get_close_matches(name[:60].lower(), meant, n=1, cutoff=0.6)
    return f"did you mean {quoted(meant[near[0]])}?" if near else ""


def _invalid(text: str, why: str, hint: str) -> Invalid:
    return Invalid(f"{quoted(text)} {why}", code="window", hint=hint)
