"""Each CA machine says on record which keys it goes by: rotation waits for all of them."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping

from daypass.ca.clock import ClockGuard
from daypass.ca.rotation_ports import RotationStore
from daypass.errors import DaypassError

__all__ = ["SAY_EVERY", "Presence"]

LOOK_EVERY = 1.0  # seconds
SAY_EVERY = 60  # seconds between two words that are the same
log = logging.getLogger("daypass.ca")

Going = tuple[int, Mapping[str, str]]
"""Version of the trust document, and the fingerprint of what signs by its use."""


class Presence:
    def __init__(self, store: RotationStore, clock: ClockGuard, name: str, going: Callable[[], Going]) -> None:
        self._store, self._clock, self._name, self._going = store, clock, name, going
        self._said: Going | None = None
        self._at = 0

    async def say(self) -> bool:
        """Whether there was something to say."""
        going, now = self._going(), self._clock.now()
        if going == self._said and self._at <= now < self._at + SAY_EVERY:
            return False
        await self._store.machine_seen(self._name, going[0], going[1], now)
        self._said, self._at = going, now
        return True

    async def watch(self) -> None:
        """For ever. A store that is down is told later."""
        while True:
            try:
                await self.say()
            except DaypassError as error:
                log.debug("which keys count here is not on record yet: %s", error.message)
            await asyncio.sleep(LOOK_EVERY)
