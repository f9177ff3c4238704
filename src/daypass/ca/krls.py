"""The KRL that all hosts, or all laptops, are given alike (OpenSSH PROTOCOL.krl, trust 6.1, 6.2).

look     how often something was revoked by now: one cheap read, and where that is what the list in hand covers,
         it is given out again
make     from what is revoked, with a version above the last; entries that have served leave within an hour
load     by OpenSSH itself: a list that sshd can't read shuts everybody out
keep     in the store, compare and set: all processes give out the same bytes
"""

from __future__ import annotations

import asyncio
import hashlib
import logging
from collections.abc import Awaitable, Callable, Sequence

from msgspec import Struct
from msgspec.structs import replace

from daypass.ca.krl_ports import KeptKrl, KrlStore, RevokedSerials
from daypass.errors import Invalid, Unavailable
from daypass.wire import CertType, Krl
from daypass.wire.krl import CertificateSection

__all__ = ["CHECK_EVERY", "Krls", "Loads", "MadeKrl", "made", "parses"]

log = logging.getLogger("daypass.ca")
CHECK_EVERY = 3600  # seconds until a list is made anew although nothing was revoked: what has expired leaves it
ATTEMPTS = 3
Loads = Callable[[bytes], Awaitable[bool]]
"""Whether this KRL can be loaded, by whoever knows best."""


Offline = Sequence[RevokedSerials]
"""What the offline root says is revoked of the break-glass keys (trust 8.5): each has a section of its own."""


class MadeKrl(Struct, frozen=True):
    """`digest`: hex SHA-256 of the KRL's bytes; signed bundles name the KRL by it."""

    version: int
    krl: bytes
    digest: str


async def parses(krl: bytes) -> bool:
    """Where there is no ssh-keygen to ask."""
    try:
        Krl.parse(krl)
    except Invalid:
        return False
    return True


class Krls:
    """The KRL of the certificates of one kind."""

    def __init__(
        self, store: KrlStore, kind: CertType, loads: Loads = parses, offline: Callable[[], Offline] = tuple
    ) -> None:
        self._store, self._kind, self._loads, self._offline = store, kind, loads, offline
        self._last: tuple[KeptKrl, MadeKrl] | None = None
        self._told: Offline = ()
        self._making = asyncio.Lock()

    async def current(self, now: int) -> MadeKrl:
        """Raises Unavailable where none can be made, and there is none from before."""
        async with self._making:
            changes = await self._store.revocations(self._kind)
            offline = self._offline()
            if self._last is None or offline != self._told or not _holds(self._last[0], changes, now):
                kept = await self._renewed(now, offline)
                self._last, self._told = (kept, _named(kept)), offline
            return self._last[1]

    async def _renewed(self, now: int, offline: Offline) -> KeptKrl:
        """What another process has made meanwhile, or our own."""
        for _ in range(ATTEMPTS):
            kept = await self._store.kept_krl(self._kind)
            changes = await self._store.revocations(self._kind)
            if _holds(kept, changes, now) and _has(kept, offline):
                return kept
            new = await self._made(kept, changes, now, offline)
            if new is None:
                return kept
            if await self._store.keep_krl(self._kind, new, instead_of=kept.version):
                return new
        raise Unavailable("the list of revoked certificates changes all the time", code="krl.races", retry_after=1)

    async def _made(self, kept: KeptKrl, changes: int, now: int, offline: Offline) -> KeptKrl | None:
        """None where it can't be loaded, and hosts go on with the last one."""
        sections = _sections([*await self._store.revoked(self._kind, now), *offline])
        if kept.krl and Krl.parse(kept.krl).sections == sections:
            return replace(kept, changes=changes, checked_at=now)
        version = max(kept.version + 1, now * 1000)
        krl = Krl(version, now, "daypass", sections).encode()
        if await self._loads(krl):
            return KeptKrl(version, krl, changes, now)
        log.error("the new list of revoked certificates can't be loaded by ssh-keygen; the one from before stays")
        if not kept.krl:
            raise Unavailable("no list of revoked certificates can be made", code="krl.load")
        return None


def made(krl: Krl) -> MadeKrl:
    text = krl.encode()
    return MadeKrl(krl.version, text, hashlib.sha256(text).hexdigest())


def _named(kept: KeptKrl) -> MadeKrl:
    return MadeKrl(kept.version, kept.krl, hashlib.sha256(kept.krl).hexdigest())


def _holds(kept: KeptKrl, changes: int, now: int) -> bool:
    return bool(kept.krl) and kept.changes == changes and now < kept.checked_at + CHECK_EVERY


def _has(kept: KeptKrl, offline: Offline) -> bool:
    """Another process may have made it before it saw the trust document."""
    return not offline or set(_sections(offline)) <= set(Krl.parse(kept.krl).sections)


def _sections(revoked: Sequence[RevokedSerials]) -> tuple[CertificateSection, ...]:
    return tuple(CertificateSection(each.ca_key, each.serials) for each in revoked)
