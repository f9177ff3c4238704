"""One host that listens: what it has been told, what wakes it, and when it is over."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Callable

from daypass.ca.clock import ClockGuard
from daypass.ca.host_calls import Synced, synced
from daypass.ca.host_ports import HostRecord
from daypass.ca.hosts import Hosts
from daypass.errors import Unavailable
from daypass.wire import Certificate

__all__ = ["BEAT", "HostStream"]

BEAT = 25.0  # seconds between two signs of life at most; up to a fifth sooner, so that no ten thousand beat as one
SILENT = 60.0  # seconds without a word, after which the host had better try another process
AGAIN = 2.0  # seconds until what could not be had is asked for again


class HostStream:
    """`told` is its lines; `retry_after`, once that is over, what the host is to be told last."""

    __slots__ = ("_clock", "_forget", "_hosts", "_krl", "_over", "_until", "_version", "_woken", "digest", "first",
                 "host", "retry_after", "serial")  # fmt: skip

    def __init__(
        self, host: HostRecord, certificate: Certificate, first: Synced, hosts: Hosts, clock: ClockGuard,
        forget: Callable[[HostStream], None],
    ) -> None:  # fmt: skip
        self.host, self.serial = host, certificate.serial
        self.first, self.digest, self._krl, self._version = first, first.digest, first.krl_digest, first.version
        self.retry_after: int | None = None
        self._until = certificate.valid_before
        self._hosts, self._clock, self._forget = hosts, clock, forget
        self._woken, self._over = asyncio.Event(), False

    def wake(self) -> None:
        """There may be news."""
        self._woken.set()

    def end(self, retry_after: int | None = None) -> None:
        """No more lines but the last; the first end counts."""
        if not self._over:
            self._over, self.retry_after = True, retry_after
            self._forget(self)
            self._woken.set()

    async def told(self) -> AsyncIterator[Synced]:
        told: Synced | None = self.first
        while told is not None:
            self.digest, self._krl, self._version = told.digest, told.krl_digest, told.version
            yield told
            told = await self._next()

    async def _next(self) -> Synced | None:
        """The next line, None at the end."""
        ticks = self._clock.monotonic
        began, seconds = ticks(), BEAT * random.uniform(0.8, 1)  # noqa: S311  # no secret
        while ticks() < began + SILENT:
            await self._wait(seconds)
            if self._over:
                return None
            try:
                if self._clock.now() >= self._until:
                    break
                return await self._answer()
            except Unavailable:
                seconds = AGAIN * random.uniform(0.5, 1)  # noqa: S311
        self.end(int(AGAIN))
        return None

    async def _answer(self) -> Synced:
        return synced(await self._hosts.answer(self.host, self.digest, self._version), self._krl)

    async def _wait(self, seconds: float) -> None:
        """Until it is woken, so long at most."""
        alarm = asyncio.get_running_loop().call_later(seconds, self._woken.set)
        try:
            await self._woken.wait()
        finally:
            alarm.cancel()
            self._woken.clear()
