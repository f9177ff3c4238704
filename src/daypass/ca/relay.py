"""Tells every outlet what it asked for: from the ledger, in its order, at least once (docs/guide/events.md).

Nothing waits for this: what ends somebody's access is on record and in force before anybody outside is told. Any
number of processes do it beside each other; an outlet is one process's at a time, by a lease in the store.
"""

from __future__ import annotations

import asyncio
import logging
import secrets
from collections.abc import Awaitable, Sequence
from fnmatch import fnmatchcase

import msgspec

from daypass.ca.event_ports import Event, Place, Severity, Sink
from daypass.ca.ports import Clock, LedgerRow, Store
from daypass.ca.severities import severity
from daypass.errors import DaypassError, Unavailable

__all__ = ["LEASE", "LOOK_EVERY", "Outlet", "Relay", "as_event", "next_try"]

LOOK_EVERY = 1.0  # seconds
PAGE = 200  # entries that are looked at before progress is put on record
TURN = 10.0  # seconds after which it is, too
SEND = 10.0  # seconds that one event may take
LEASE = 60  # seconds; far more than TURN and SEND together
FIRST_PAUSE, LONGEST_PAUSE = 2, 300  # seconds between two tries
MOST_ASKED = 3600  # seconds that an outlet may ask us to wait
log = logging.getLogger("daypass.events")


class Outlet(msgspec.Struct, frozen=True):
    """`acts`: patterns, any of which lets an event through; `least`: how severe it has to be."""

    name: str
    acts: tuple[str, ...]
    least: Severity
    sink: Sink

    def wants(self, event: Event) -> bool:
        return event.severity <= self.least and any(fnmatchcase(event.act, each) for each in self.acts)


class Relay:
    """Use it from one event loop."""

    def __init__(self, store: Store, outlets: Sequence[Outlet], clock: Clock) -> None:
        self._store, self.outlets, self._clock = store, tuple(outlets), clock
        self._holder = secrets.token_hex(8)
        self._seen: dict[str, int] = {}  # up to where there is nothing to do, as far as is known here

    async def watch(self) -> None:
        """For ever, each outlet by itself: one that hangs holds up no other. What was leased is given back."""
        following = [asyncio.create_task(self._follow(each)) for each in self.outlets]
        try:
            await asyncio.gather(*following)
        finally:
            for task in following:
                task.cancel()
            await asyncio.gather(*following, return_exceptions=True)
            await self._leave()

    async def _follow(self, outlet: Outlet) -> None:
        while True:
            try:
                busy = await self.turn(outlet)
            except DaypassError as error:
                log.debug("%s: %s", outlet.name, error.message)
                busy = False
            except Exception:  # a fault of ours in one event must not end what tells of all others
                log.exception("%s: it is tried again", outlet.name)
                busy = False
            await asyncio.sleep(0 if busy else LOOK_EVERY)

    async def turn(self, outlet: Outlet) -> bool:
        """Up to PAGE entries further. Whether there may be more to do at once. Raises what the store raises."""
        head = await self._store.head()
        if self._seen.get(outlet.name) == head.seq:
            return False
        place, now = await self._store.event_place(outlet.name), int(self._clock.now())
        if place.seq >= head.seq:
            self._seen[outlet.name] = head.seq
            return False
        if place.retry_at > now or not await self._lease(outlet.name, now):
            return False
        place = await self._store.event_place(outlet.name)  # another one may have had it until just now
        rows = await self._store.ledger(place.seq, PAGE)
        return await self._tell(outlet, place, rows)

    async def _lease(self, name: str, now: int) -> bool:
        return await self._store.lease_events(name, self._holder, now=now, until=now + LEASE)

    async def _tell(self, outlet: Outlet, place: Place, rows: Sequence[LedgerRow]) -> bool:
        seq, error = await self._sent(outlet, place.seq, rows)
        try:
            await _within(outlet.sink.settle())
        except DaypassError as lost:  # what had gone out may not have arrived
            seq, error = place.seq, lost
        if error is None:
            return await self._store.told_events(outlet.name, self._holder, seq)
        await self._failed(outlet, place, seq, error)
        return False

    async def _sent(self, outlet: Outlet, seq: int, rows: Sequence[LedgerRow]) -> tuple[int, DaypassError | None]:
        """Up to which entry it went well, and what stopped it."""
        end = self._clock.monotonic() + TURN
        for row in rows:
            event = as_event(row)
            try:
                if outlet.wants(event):
                    await _within(outlet.sink.send(event))
            except DaypassError as error:
                return seq, error
            seq = row.seq
            if self._clock.monotonic() > end:
                break
        return seq, None

    async def _failed(self, outlet: Outlet, place: Place, seq: int, error: DaypassError) -> None:
        failures = place.failures + 1 if seq == place.seq else 1
        if failures == 1:
            log.warning("%s: %s; it is tried again", outlet.name, error.message)
        retry_at = int(self._clock.now()) + next_try(failures, error.retry_after)
        await self._store.told_events(
            outlet.name, self._holder, seq, failures=failures, error=error.message, retry_at=retry_at
        )

    async def _leave(self) -> None:
        try:
            await self._store.release_events([each.name for each in self.outlets], self._holder)
        except DaypassError as error:
            log.debug("what was leased runs out by itself: %s", error.message)
        for outlet in self.outlets:
            await outlet.sink.close()


def as_event(row: LedgerRow) -> Event:
    """The id is made of the entry's place and hash: after a restore the same number is another event. What is no
    entry, which `daypass ledger verify` tells, is passed on by its act alone."""
    try:
        fields = msgspec.json.decode(row.entry, type=dict[str, object])
    except (msgspec.DecodeError, UnicodeDecodeError):
        fields = {}
    grave = severity(row.act, fields)
    return Event(f"dp-{row.seq}-{row.hash[:8].hex()}", row.seq, row.time, row.act, grave, row.entry, fields)


def next_try(failures: int, asked: int | None = None) -> int:
    """Seconds until then: twice as long each time; longer where the outlet asked for it."""
    pause = min(FIRST_PAUSE << min(failures - 1, 16), LONGEST_PAUSE)
    return max(pause, min(asked or 0, MOST_ASKED))


async def _within(step: Awaitable[None]) -> None:
    try:
        await asyncio.wait_for(step, SEND)
    except TimeoutError:
        raise Unavailable(f"no answer within {SEND:.0f} s", code="events.late") from None
