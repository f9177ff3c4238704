"""When the CA is told how this host is: soon after something is new, and now and then although nothing is. By that
its list of hosts tells one that listens from one that is gone."""

from __future__ import annotations

import random
from collections.abc import Callable

import msgspec

from daypass.api import HostSyncRequest
from daypass.host.run.pace import Pace

__all__ = ["Telling"]


class Telling:
    """`clock` is monotonic."""

    def __init__(self, pace: Pace, clock: Callable[[], float]) -> None:
        self._pace, self._clock = pace, clock
        self._last: HostSyncRequest | None = None  # what the CA last heard of this host
        self._again_from = 0.0
        self._from: float | None = None

    def told(self, asked: HostSyncRequest) -> None:
        """The CA has heard this."""
        self._last, self._from = asked, None
        self._again_from = self._clock() + self._pace.again

    def later(self) -> None:
        """It could not be told: at another moment, then."""
        self._from = None

    def due(self, asked: HostSyncRequest) -> bool:
        """Whether to tell it now: at a moment of this host's own within the next minutes, so that a fleet spreads."""
        now = self._clock()
        if self._last is not None and _lasting(asked) == _lasting(self._last) and now < self._again_from:
            self._from = None
            return False
        if self._from is None:
            self._from = now + random.uniform(0, self._pace.told)  # noqa: S311  no secret
            return False
        return now >= self._from


def _lasting(asked: HostSyncRequest) -> HostSyncRequest:
    """Without what every sign of life changes."""
    about = msgspec.structs.replace(asked.about, since=0) if asked.about is not None else None
    return msgspec.structs.replace(asked, bundle_version=0, about=about)
