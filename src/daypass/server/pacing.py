"""How soon hosts are to answer."""

from __future__ import annotations

from typing import Final

__all__ = ["ack_within"]

PER_SECOND: Final = 200  # answers: what leaves a machine of two cores the most of its time for people who log in


def ack_within(hosts: int) -> float:
    """Seconds over which so many hosts spread what they answer; a few need not."""
    return round(hosts / PER_SECOND, 1)
