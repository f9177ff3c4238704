"""Time, and when not to believe it (trust 7.5)."""

from __future__ import annotations

import time

from daypass.ca.ports import HONEST_SKEW, Clock
from daypass.errors import Unavailable

__all__ = ["ClockGuard", "SystemClock"]

MAX_DRIFT = 300  # seconds between wall and monotonic clock


class SystemClock:
    def now(self) -> float:
        return time.time()

    def monotonic(self) -> float:
        """Boot time: it goes on while the machine sleeps, as the wall clock does."""
        return time.clock_gettime(time.CLOCK_BOOTTIME)


class ClockGuard:
    """Gives the time, or refuses to: a CA with a wrong clock signs wrong lifetimes."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._offset = clock.now() - clock.monotonic()
        self.monotonic, self.wall = clock.monotonic, clock.now

    def now(self, last_record: int = 0) -> int:
        """Unix seconds. Raises Unavailable when the clock is behind the last record, or was moved."""
        now = self._clock.now()
        if now + HONEST_SKEW < last_record:
            raise Unavailable(
                f"the CA's clock is {last_record - int(now)} s behind its own last record",
                code="clock.behind",
                hint="set the clock of the CA's machine; nothing is issued until then",
            )
        if abs(now - self._clock.monotonic() - self._offset) > MAX_DRIFT:
            raise Unavailable(
                "the CA's clock was moved by more than 5 minutes while it ran",
                code="clock.moved",
                hint="check the clock of the CA's machine, then restart the CA",
            )
        return int(now)
