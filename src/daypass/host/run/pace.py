"""When to try again. Full jitter: each host waits a random time up to a limit that doubles, so that a fleet whose CA
was away comes back spread over minutes and not in step (AWS Architecture Blog, "Exponential Backoff And Jitter")."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass, field

__all__ = ["BackOff", "Pace"]


@dataclass(frozen=True, slots=True)
class Pace:
    """Seconds. `first`: at most before the first try; `retry` and `longest`: at most before the second, and ever.

    `told`: at most between something new about this host and the CA hearing of it; `again` until it hears the same
    once more; `poll` between two questions
    where streams do not get through, and `stream_again` until a stream is tried again there.
    """

    first: float = 3.0
    retry: float = 20.0
    longest: float = 300.0
    told: float = 300.0
    again: float = 6 * 3600.0
    poll: float = 60.0
    stream_again: float = 3600.0
    renew: float = 120.0
    renew_longest: float = 3600.0


@dataclass(slots=True)
class BackOff:
    """Waits of one kind of try. `uniform` is random.uniform, or a test's."""

    least: float
    most: float
    uniform: Callable[[float, float], float] = field(default=random.uniform)
    _failed: int = field(default=0, init=False)

    def well(self) -> None:
        self._failed = 0

    def next(self, asked: float | None = None) -> float:
        """How long to wait after one more failure; `asked` is what the CA wants, at least.

        What it asks for is capped: a CA can't send a host away for good.
        """
        limit = min(self.least * 2**self._failed, self.most)
        self._failed = min(self._failed + 1, 32)
        floor = min(max(asked or 0.0, 0.0), 2 * self.most)
        return floor + self.uniform(0, limit)
