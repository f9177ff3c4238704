"""Hosts that listen. Each is told what has changed for it, and otherwise, every 25 seconds, that nothing has.

    look     one cheap read, twice a second, and at once when this process has ended somebody's access: how long is
             the ledger, which version is in force? Where that is as it was, nothing else is done
    notice   what the new entries may have changed (`notices`): hosts that they name are read again
    judge    where the policy or what all hosts are told has changed: everybody's digest anew, a slice at a time
    wake     those whose digest is another; each signs and sends by itself

Any number of processes do this beside each other; nothing is passed between them. A sign of life says that this
process knew at that moment what the store said, so there is none while the store can't be asked.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections import deque
from collections.abc import Iterable

from daypass.ca.clock import ClockGuard
from daypass.ca.fleet import FleetFacts
from daypass.ca.force import Following, InForce
from daypass.ca.host_calls import Synced
from daypass.ca.host_ports import HostRecord
from daypass.ca.host_stream import HostStream
from daypass.ca.hosts import Hosts
from daypass.ca.notices import Notices, noticed
from daypass.ca.pace import Opened
from daypass.ca.ports import LedgerRow, Store
from daypass.ca.watch_ports import Head
from daypass.errors import DaypassError, Unavailable
from daypass.wire import Certificate

__all__ = ["LOOK_EVERY", "MOST", "Streams"]

LOOK_EVERY = 0.5  # seconds
MOST = 12_000  # streams of one process
SLICE = 50  # hosts that are judged, or woken, before others have their turn
PAGE = 1000  # entries of the ledger that are read at once
BACK_PER_SECOND = 200  # hosts that a CA can admit again; they are told to spread over as long as that takes
SOON = 5  # seconds within which a few hosts come back
SUPERSEDED = 60  # seconds that a host whose stream another one took over waits: a copied disk, most likely
log = logging.getLogger("daypass.ca")


class Streams:
    """Use it from one event loop. Without `watch` there are signs of life, and no news between them."""

    def __init__(self, store: Store, force: Following, hosts: Hosts, clock: ClockGuard) -> None:
        self._store, self._force, self._hosts, self._clock = store, force, hosts, clock
        self._open: dict[str, HostStream] = {}  # by host id
        self._pace = Opened(clock.monotonic)
        self._head: Head | None = None
        self._judged: tuple[InForce, FleetFacts] | None = None
        self._recent = deque[Notices](maxlen=120)  # of a minute: what came while a host was being admitted
        self._doubtful: list[HostStream] = []
        self._closing = False
        self._rung = asyncio.Event()
        store.on_end(self.ring)

    def __len__(self) -> int:
        return len(self._open)

    def open(self, host: HostRecord, certificate: Certificate, synced: Synced, most: int = MOST) -> HostStream:
        """A stream for this host, which has been admitted by `certificate` and is told `synced` first; one that it
        had ends. Raises Unavailable where there are `most` already, Throttled for a host that never stops opening."""
        if self._closing or (len(self._open) >= min(most, MOST) and host.id not in self._open):
            raise Unavailable(
                "this process of the CA takes no more streams now",
                code="streams.full",
                hint="poll instead: POST /v1/host/sync",
                retry_after=SUPERSEDED,
            )
        self._pace.take(host.id)
        before = self._open.get(host.id)
        if before is not None:
            before.end(SUPERSEDED)
        stream = HostStream(_slim(host), certificate, synced, self._hosts, self._clock, self._forget)
        self._open[host.id] = stream
        if any(_concerned(stream, notices) for notices in self._recent):
            self._doubtful.append(stream)
        return stream

    def close(self) -> None:
        """This process ends: everybody is told to come back, not all at once, and nobody new is taken on."""
        self._closing = True
        spread = self._spread()
        for stream in list(self._open.values()):
            stream.end(spread)

    def _spread(self) -> int:
        """Seconds over which hosts that may all be on their way come back."""
        return max(SOON, len(self._open) // BACK_PER_SECOND)

    def ring(self) -> None:
        """This process has ended somebody's access: there is something to see, now."""
        self._rung.set()

    async def watch(self) -> None:
        """Look for ever. A store that is down is asked again. After a ring at once; of a flood two looks a second."""
        while True:
            if await self._is_rung_within(LOOK_EVERY):
                await self._try_to_look()
                await asyncio.sleep(LOOK_EVERY)
            self._rung.clear()
            await self._try_to_look()

    async def _is_rung_within(self, seconds: float) -> bool:
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._rung.wait(), seconds)
        return self._rung.is_set()

    async def _try_to_look(self) -> None:
        with contextlib.suppress(DaypassError):
            await self.look()

    async def look(self) -> None:
        """Wake whoever is concerned by what has happened since the last look. Raises what the store raises."""
        head = await self._store.head()
        if self._force.last is None or head.version != self._force.last.version:
            await self._force.look()
        notices = await self._notices(head)
        if notices.at_once:
            self._hosts.fleet.forget()
        elif notices.soon:
            self._hosts.fleet.age()
        else:
            self._hosts.fleet.still(self._clock.now())
        if notices.names_some:
            self._recent.append(notices)
        await self._read_again(notices)
        for host in await self._hosts.fleet.moved(self._clock.now()):
            if (stream := self._open.get(host)) is not None:
                stream.wake()
        self._head = head
        await self._judge()

    async def _notices(self, head: Head) -> Notices:
        if self._head is None or head.seq < self._head.seq:  # the first look, or another database
            return Notices(at_once=True, every=True)
        rows, after = list[LedgerRow](), self._head.seq
        if after < head.seq and not self._open:
            return Notices(soon=True, every=True)  # there is nobody to read all that for
        while after < head.seq:
            page = await self._store.ledger(after, min(PAGE, head.seq - after))
            if not page:
                break
            rows += page
            after = page[-1].seq
        return noticed(rows)

    async def _read_again(self, notices: Notices) -> None:
        """Hosts that were enrolled anew have other labels; those that were removed hear nothing more."""
        doubtful = self._doubtful[:]
        some = (each for each in self._open.values() if _concerned(each, notices)) if notices.names_some else ()
        for stream in [*doubtful, *some]:
            await self._read_one_again(stream)
        del self._doubtful[: len(doubtful)]

    async def _read_one_again(self, stream: HostStream) -> None:
        record, host = await self._store.on_record(stream.serial), await self._store.host(stream.host.id)
        if record is None or record.revoked_at is not None or host is None:
            stream.end(self._spread())  # after a rekey it comes back by its new certificate
            return
        stream.host = _slim(host)
        if await self._hosts.digest(stream.host) != stream.digest:
            stream.wake()

    async def _judge(self) -> None:
        force, facts = self._force.current, await self._hosts.fleet_facts()
        if self._judged is not None and self._judged[0] is force and self._judged[1] is facts:
            return
        # The same version made anew: there is another trust document, which goes with whatever is sent next.
        before = self._judged[0] if self._judged is not None else force
        all_of_them = before is not force and before.version == force.version
        for some in _slices(list(self._open.values())):
            for stream in some:
                if all_of_them or await self._hosts.digest(stream.host) != stream.digest:
                    stream.wake()
            await asyncio.sleep(0)
        self._judged = force, facts

    def _forget(self, stream: HostStream) -> None:
        del self._open[stream.host.id]  # it ends once, and before another one of its host is here


def _concerned(stream: HostStream, notices: Notices) -> bool:
    named = notices.hosts and notices.hosts.intersection((stream.host.id, stream.host.name))
    return notices.every or bool(named) or stream.serial in notices.serials


def _slim(host: HostRecord) -> HostRecord:
    """Without what ten thousand streams need not keep."""
    return HostRecord(host.id, host.name, host.aliases, host.labels, (), 0, host.addresses)


def _slices(streams: list[HostStream]) -> Iterable[list[HostStream]]:
    return (streams[at : at + SLICE] for at in range(0, len(streams), SLICE))
