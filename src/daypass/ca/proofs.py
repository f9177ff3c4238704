"""The proof of each ending: looked at live, and kept once all hosts have answered, or a quarter of an hour is over.

One that was kept before all had answered is kept once more when they have, and once more when it has ended after all:
hosts came back, what stayed behind was dealt with. Any number of processes look; the store takes the first.
"""

from __future__ import annotations

import asyncio
import itertools
import logging
from collections.abc import AsyncIterator, Callable, Sequence

import msgspec

from daypass.ca.ack_ports import ANSWERED, FINAL, SOME
from daypass.ca.clock import ClockGuard
from daypass.ca.ending_ports import EndingRecord
from daypass.ca.policy import Policy
from daypass.ca.ports import Store
from daypass.ca.proof import Fleet, Progress, progress
from daypass.errors import DaypassError, NotFound
from daypass.model import shown

__all__ = ["Proofs"]

KEPT_AFTER = 900  # seconds
LOOK_EVERY = 5  # seconds
SELDOM = 12  # looks of which one is at endings, too, that only wait for hosts that are away
LOOKED_FOR = 30 * 86400  # seconds that late hosts are waited for
AT_ONCE = 500  # endings in one look
FOLLOW_EVERY, SAY_EVERY = 0.5, 5.0  # seconds between two looks, and two lines, for somebody who waits
LONGEST = 3600  # seconds that somebody waits
log = logging.getLogger("daypass.ca")
_decode = msgspec.json.Decoder(Progress).decode


class Proofs:
    """`policy`: the one in force."""

    def __init__(self, store: Store, clock: ClockGuard, policy: Callable[[], Policy]) -> None:
        self._store, self._clock, self._policy = store, clock, policy

    async def every(self, since: int, limit: int) -> Sequence[EndingRecord]:
        """Newest first."""
        return await self._store.endings(since, limit)

    async def find(self, ending: str) -> EndingRecord:
        """Raises NotFound."""
        found = await self._store.ending(ending)
        if found is None:
            text, hint = f"no revocation {shown(ending)} is on record", "those there are: daypass revocations list"
            raise NotFound(text, code="ending.unknown", hint=hint)
        return found

    async def of(self, record: EndingRecord) -> Progress:
        """As it was kept once it had ended, or was undone; before that as it is now."""
        now = self._clock.now()
        kept = _kept(record)
        if kept is not None and (_proven(kept) == FINAL or record.time < now - LOOKED_FOR):
            return kept
        found = await self._look(record, await self._fleet(), now)
        await self._keep(record, found, now)
        return found

    async def follow(self, ending: str, seconds: float) -> AsyncIterator[Progress]:
        """What changes, as it does, until all have answered or the time is over; the last line is as it is then."""
        ticks, last, said = self._clock.monotonic, None, float("-inf")
        until = ticks() + min(seconds, LONGEST)
        while True:
            began = ticks()
            found = await self.of(await self.find(ending))
            over = found.complete or ticks() >= until
            if over or last is None or _without_time(found) != _without_time(last) or ticks() >= said + SAY_EVERY:
                last, said = found, ticks()
                yield found
            if over:
                return
            await asyncio.sleep(max(FOLLOW_EVERY, 5 * (ticks() - began)))  # ten thousand hosts take a moment

    async def settled(self, ending: str, seconds: float) -> Progress:
        """The last of what there is to follow."""
        found = [each async for each in self.follow(ending, seconds)]
        return found[-1]

    async def keep(self, *, late: bool = True) -> None:
        """Keep what is to be kept now. `late`: also those again whose hosts come back only now."""
        now = self._clock.now()
        waiting = await self._store.unproven(now - LOOKED_FOR, AT_ONCE)
        wanted = [ending for ending, reported in waiting if late or not reported]
        fleet = await self._fleet() if wanted else None
        for ending in wanted:
            record = await self._store.ending(ending)
            if record is not None and fleet is not None:
                await self._keep(record, await self._look(record, fleet, now), now)
            await asyncio.sleep(0)

    async def watch(self) -> None:
        """Keeps for ever."""
        for turn in itertools.count():
            await asyncio.sleep(LOOK_EVERY)
            try:
                await self.keep(late=turn % SELDOM == 0)
            except DaypassError as error:
                log.warning("reports of revocations could not be kept: %s", error.message)

    async def _look(self, record: EndingRecord, fleet: Fleet, now: int) -> Progress:
        hits, words = await self._store.hit_by(record.id), await self._store.words(record.id)
        return progress(record, hits, fleet, words, now)

    async def _keep(self, record: EndingRecord, found: Progress, now: int) -> None:
        """If it is time, and it proves more than what is kept."""
        proven = _proven(found)
        if proven == SOME and now < record.time + KEPT_AFTER:
            return
        kept = _kept(record)
        if kept is not None and proven <= _proven(kept):
            return
        report = msgspec.json.encode(found).decode()
        told = {
            "state": found.state, "complete": found.complete, "hosts": found.hosts, "applied": found.applied,
            "unreached": found.unreached_count, "closed": found.closed_count, "remains": found.remains_count,
        }  # fmt: skip
        await self._store.prove(record.id, report, proven=proven, told=told, now=now)

    async def _fleet(self) -> Fleet:
        policy = self._policy()
        hosts = {host.id: host for host in await self._store.hosts()}
        return Fleet(
            hosts,
            await self._store.acks(),
            await self._store.open_sessions(),
            lambda host: policy.fail_closed_after(host.name, host.aliases, host.labels),
        )


def _kept(record: EndingRecord) -> Progress | None:
    """What was kept of them while they were out tells nothing any more once they are back."""
    kept = _decode(record.report) if record.report is not None else None
    return None if kept is not None and record.undone_at is not None and kept.state != "undone" else kept


def _proven(found: Progress) -> int:
    """What stays behind may be dealt with later, and then it has ended after all."""
    if not found.complete:
        return SOME
    return FINAL if found.state in ("ended", "undone", "unproven") else ANSWERED


def _without_time(found: Progress) -> Progress:
    return msgspec.structs.replace(found, time=0)
