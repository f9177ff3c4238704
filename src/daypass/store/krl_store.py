"""The KrlStore port."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from functools import partial

from sqlalchemy import Connection

from daypass.ca.krl_ports import KeptKrl, RevokedSerials
from daypass.store import krls
from daypass.store.access import Access
from daypass.wire import CertType

__all__ = ["SqlKrls"]


class SqlKrls(Access):
    async def revocations(self, kind: CertType) -> int:
        return await self._read(lambda connection: krls.changes(connection, kind))

    async def revoked(self, kind: CertType, now: int) -> Sequence[RevokedSerials]:
        """Whoever records after the lock was ours looks at the clock after us; the read needs it no more. After a
        mass revocation that takes seconds, so it has a thread and a connection of its own."""
        await self._write(self._held)
        return await asyncio.to_thread(self._database.read, partial(krls.revoked, kind=kind, now=now))

    async def kept_krl(self, kind: CertType) -> KeptKrl:
        return await self._read(lambda connection: krls.kept(connection, kind))

    async def keep_krl(self, kind: CertType, krl: KeptKrl, *, instead_of: int) -> bool:
        return await self._change(krls.keep, kind, krl, instead_of)

    def _held(self, connection: Connection) -> None:
        self._statements.lock(connection)
