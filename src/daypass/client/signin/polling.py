"""Asking again and again until somebody has signed in elsewhere: no faster than is wanted, and not soon daunted."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

from daypass.errors import Throttled, Unavailable

__all__ = ["LONGEST_SECONDS", "Polling"]

LONGEST_SECONDS = 900  # that anybody may keep us waiting
SHORTEST, SLOWER, SLOWEST = 1.0, 5.0, 60.0  # seconds between two questions; more after "slow down" (RFC 8628 3.5)
HICCUP = 60.0  # seconds without any answer; a network that comes and goes costs nobody a second sign-in
_Answer = TypeVar("_Answer")


class Polling:
    """`whom` is asked every `interval` seconds."""

    def __init__(self, whom: str, interval: float, say: Callable[[str], None]) -> None:
        self._whom, self._say = whom, say
        self._interval = min(max(interval, SHORTEST), SLOWEST)
        self._silent_since: float | None = None

    def until(self, ask: Callable[[], _Answer | None], seconds: float) -> _Answer | None:
        """What `ask` returns once it is not None; None after `seconds`.

        `ask` raises Throttled where it was too early, Unavailable where there was no answer; all else ends it.
        """
        end = time.monotonic() + seconds
        while time.monotonic() + self._interval < end:
            time.sleep(self._interval)
            answer = self._ask(ask)
            if answer is not None:
                return answer
        return None

    def _ask(self, ask: Callable[[], _Answer | None]) -> _Answer | None:
        try:
            answer = ask()
        except Throttled as error:
            self._interval = min(max(self._interval + SLOWER, error.retry_after or 0), SLOWEST)
            answer = None
        except Unavailable as error:
            self._survive(error)
            return None
        self._silent_since = None
        return answer

    def _survive(self, error: Unavailable) -> None:
        now = time.monotonic()
        if self._silent_since is None:
            self._silent_since = now
            self._say(f"{self._whom} does not answer; still trying")
        elif now - self._silent_since > HICCUP:
            raise error
