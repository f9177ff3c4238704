"""`validAfter` and `validBefore` as `step` writes them: nothing, RFC 3339, or a Go duration from now."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime
from fractions import Fraction
from math import floor

from daypass.errors import Invalid

__all__ = ["When", "parse_when"]

_RFC3339 = re.compile(r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.\d{1,9})?(Z|[+-]\d\d:\d\d)", re.ASCII)
_GO_DURATION = re.compile(r"([+-]?)((?:(?:\d+\.?\d*|\.\d+)(?:ns|us|µs|μs|ms|s|m|h))+)", re.ASCII)
_GO_PART = re.compile(r"(\d+\.?\d*|\.\d+)(ns|us|µs|μs|ms|s|m|h)", re.ASCII)
_NANOSECONDS = {
    "ns": 1,
    "us": 10**3,
    "µs": 10**3,
    "μs": 10**3,
    "ms": 10**6,
    "s": 10**9,
    "m": 60 * 10**9,
    "h": 3600 * 10**9,
}
_LONGEST = 64  # characters; a longer one is not a time anybody wrote
_GO_LIMIT = 2**63  # nanoseconds: Go's Duration, 292 years


@dataclass(frozen=True, slots=True)
class When:
    """Either `at`, unix seconds, or `after`, seconds from now; both rounded down."""

    at: int | None = None
    after: int | None = None

    def resolve(self, now: float) -> int:
        """Unix seconds. Raises Invalid for a moment before 1970, which no certificate can name."""
        moment = self.at if self.at is not None else floor(now) + (self.after or 0)
        if moment < 0:
            raise Invalid("a certificate can't name a time before 1970", code="time")
        return moment


def parse_when(field: str, text: str) -> When | None:
    """None for "". Raises Invalid, naming `field`."""
    if not text:
        return None
    if len(text) <= _LONGEST:
        if match := _RFC3339.fullmatch(text):
            return When(at=_absolute(field, match[1] + match[2].replace("Z", "+00:00")))
        if text in ("0", "+0", "-0"):
            return When(after=0)
        if match := _GO_DURATION.fullmatch(text):
            return When(after=_relative(field, match[1], match[2]))
    raise _not_a_time(field)


def _absolute(field: str, text: str) -> int:
    try:
        return int(datetime.fromisoformat(text).timestamp())
    except (ValueError, OverflowError):
        raise _not_a_time(field) from None


def _relative(field: str, sign: str, parts: str) -> int:
    total = sum(Fraction(_digits(number)) * _NANOSECONDS[unit] for number, unit in _GO_PART.findall(parts))
    if total >= _GO_LIMIT:
        raise _not_a_time(field)
    return floor((-total if sign == "-" else total) / 10**9)


def _digits(number: str) -> str:
    """Go reads `.5` and `1.`; Fraction wants a digit on either side."""
    return f"0{number}0" if "." in number else number


def _not_a_time(field: str) -> Invalid:
    hint = 'write RFC 3339 ("2026-09-30T10:00:00Z") or a duration from now ("16h", "-1m")'
    return Invalid(f"{field} is neither a time nor a duration", code="time", hint=hint)
