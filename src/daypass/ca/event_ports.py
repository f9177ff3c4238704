"""Outgoing events: entries of the ledger as others are told of them, who is told, and how far each has come.

The ledger is the outbox: what is in it will be told, at least once and in its order, to whoever asked for it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from enum import IntEnum
from typing import Protocol

from msgspec import Struct

__all__ = ["Event", "EventStore", "Place", "Severity", "Sink"]


class Severity(IntEnum):
    """Of RFC 5424 section 6.2.1; the less, the worse. An alert is an alarm: somebody should look at once."""

    ALERT = 1
    WARNING = 4
    NOTICE = 5
    INFO = 6

    @property
    def word(self) -> str:
        return self.name.lower()


class Event(Struct, frozen=True):
    """`id`: the same whenever this entry is sent, and of no other one. `entry`: JSON, byte for byte as it was hashed;
    `fields`: what that says."""

    id: str
    seq: int
    time: int
    act: str
    severity: Severity
    entry: bytes
    fields: Mapping[str, object]


class Sink(Protocol):
    """One way out. Whatever an event says was written by others; none of it is a secret."""

    async def send(self, event: Event) -> None:
        """Raises Unavailable where it did not arrive, as far as that can be known; safe to log and show."""

    async def settle(self) -> None:
        """All that was sent is safe there. Raises Unavailable: then it is sent again."""

    async def close(self) -> None: ...


class Place(Struct, frozen=True):
    """How far an outlet has come. `seq`: the last entry that it needs no more; `failures`: tries in a row that came
    to nothing, of which `error` was the last."""

    name: str
    seq: int
    failures: int
    retry_at: int
    error: str | None
    leased_by: str | None
    leased_until: int


class EventStore(Protocol):
    async def event_place(self, name: str) -> Place:
        """A name that was never seen begins behind the newest entry, and so does one that is ahead of the ledger: the
        database is another one."""

    async def event_places(self) -> Sequence[Place]:
        """By name."""

    async def lease_events(self, name: str, holder: str, *, now: int, until: int) -> bool:
        """Nobody else tells this outlet anything before `until`. False where another one holds it."""

    async def told_events(
        self, name: str, holder: str, seq: int, *, failures: int = 0, error: str | None = None, retry_at: int = 0
    ) -> bool:
        """It has come as far as `seq`; `error`: why no further. False, and nothing is kept, where another one holds
        it now."""

    async def release_events(self, names: Sequence[str], holder: str) -> None: ...
