"""What hosts are told of endings beside the KRL: whose remains to look for, whose sessions to spare, which sessions
to end (trust 6.3 to 6.6). All hosts are told alike, but for the last, which is each host's own.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence

import msgspec
from msgspec import Struct

from daypass.ca.ack_ports import AckStore, GoneRecord, Limit

__all__ = ["Endings", "SessionEnds", "endings", "ranges"]

FOR = 30 * 86400  # seconds that hosts are told of an ending
MOST = 200  # endings that they are told of
LOOK_EVERY = 2  # seconds between two looks at the ends of single sessions: no entry of the ledger tells of most
_encode = msgspec.json.Encoder(order="deterministic").encode


class Endings(Struct, frozen=True):
    """`told` is `[api.HostEnding]` as JSON, `spared` the ranges of serials whose sessions wait for an operator, and
    `hash` the one of both."""

    told: bytes
    spared: tuple[tuple[int, int], ...]
    hash: bytes


async def endings(store: AckStore, remains: str, now: int) -> Endings:
    """`remains`: what is done with what stays behind."""
    found, spared = await store.gone(now - FOR, MOST), ranges(await store.spared(now - FOR))
    told = _encode([_told(each, remains) for each in found])
    return Endings(told, spared, hashlib.sha256(told + b"\0" + _encode(spared)).digest())


def ranges(serials: Iterable[int]) -> tuple[tuple[int, int], ...]:
    """First and last of each row without a gap; `serials` in order."""
    found = list[tuple[int, int]]()
    for serial in serials:
        if found and serial == found[-1][1] + 1:
            found[-1] = found[-1][0], serial
        else:
            found.append((serial, serial))
    return tuple(found)


def _told(gone: GoneRecord, remains: str) -> dict[str, object]:
    return {
        "id": gone.id, "time": gone.time, "key_ids": gone.key_ids, "logins": gone.logins,
        "remains": "report" if gone.held else remains, "undone": gone.undone,
    }  # fmt: skip


class SessionEnds:
    """Of single sessions, by host; looked at every LOOK_EVERY seconds, whoever asks."""

    def __init__(self, store: AckStore) -> None:
        self._store = store
        self._known: Mapping[str, Sequence[Limit]] = {}
        self._asked = 0

    async def look(self, now: int) -> frozenset[str]:
        """The hosts for which they have changed."""
        if self._asked <= now < self._asked + LOOK_EVERY:
            return frozenset()
        before, self._known = self._known, await self._store.session_ends()
        self._asked = now
        both = before.keys() | self._known.keys()
        return frozenset(host for host in both if before.get(host) != self._known.get(host))

    def forget(self) -> None:
        self._asked = 0

    def of(self, host: str) -> list[dict[str, object]]:
        """`[api.SessionEnd]`."""
        return [msgspec.structs.asdict(each) for each in self._known.get(host, ())]
