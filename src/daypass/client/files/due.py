"""Whether a certificate is due for renewal: by the share of its time that is used, or by the time it has left.

The rules are those of `step ssh needs-renewal`, so that a cron line need not change. Light: cron runs it.
"""

from __future__ import annotations

import re

from daypass.client.files.shown import FOREVER, ShownCertificate
from daypass.errors import Invalid

__all__ = ["DEFAULT", "is_due", "parse_span", "share_used"]

DEFAULT = "66%"
_PERCENT = re.compile(r"(\d{1,3})%", re.ASCII)
_SPAN = re.compile(r"([+-]?)((?:\d+(?:\.\d+)?(?:ms|s|m|h|d))+)", re.ASCII)
_PART = re.compile(r"(\d+(?:\.\d+)?)(ms|s|m|h|d)", re.ASCII)
_SECONDS = {"ms": 0.001, "s": 1, "m": 60, "h": 3600, "d": 86400}
_LONGEST = 32  # characters; a longer one is no time anybody wrote


def is_due(certificate: ShownCertificate, threshold: str, now: float) -> bool:
    """`threshold`: `66%` of its time used, or less than `8h` left. Raises Invalid for what is neither."""
    percent = _PERCENT.fullmatch(threshold)
    if percent is None:
        return certificate.valid_before - now <= parse_span(threshold)
    if int(percent[1]) > 100:
        raise Invalid(f"{threshold} is more than all of its time", code="expires-in", hint="use 0% to 100%")
    return int(100 * share_used(certificate, now)) >= int(percent[1])


def share_used(certificate: ShownCertificate, now: float) -> float:
    """0 at its beginning, 1 at its end and for one without any time; below and beyond outside. 0 for ever."""
    if certificate.valid_before == FOREVER:
        return 0.0
    whole = certificate.valid_before - certificate.valid_after
    return (now - certificate.valid_after) / whole if whole > 0 else 1.0


def parse_span(text: str) -> float:
    """Seconds of a Go duration (`1h15m`, `-1.5h`, `300ms`), in days as well (`3d`), or `0`. Raises Invalid."""
    match = _SPAN.fullmatch(text) if len(text) <= _LONGEST else None
    if match is None and text != "0":
        hint = "write it like 8h, 1h15m or 3d"
        raise Invalid(f'"{text[:_LONGEST]}" is no length of time', code="span", hint=hint)
    total = sum(float(number) * _SECONDS[unit] for number, unit in _PART.findall(text))
    return -total if text.startswith("-") else total
