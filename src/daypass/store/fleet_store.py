"""The TokenStore port, and that part of HostStore by which hosts leave."""

from __future__ import annotations

from collections.abc import Sequence

from daypass.ca.host_ports import HostCertificate
from daypass.ca.token_ports import JoinToken
from daypass.store import inventory, tokens
from daypass.store.access import Access
from daypass.store.rows import check_text

__all__ = ["SqlFleet"]


class SqlFleet(Access):
    async def add_join_token(self, token: JoinToken, *, now: int) -> None:
        await self._change(tokens.add, token, now=now)

    async def join_token(self, token_id: str) -> JoinToken | None:
        check_text(token_id)
        return await self._read(lambda connection: tokens.find(connection, token_id))

    async def join_tokens(self, since: int) -> Sequence[JoinToken]:
        return await self._read(lambda connection: tokens.every(connection, since))

    async def revoke_join_tokens(self, token_ids: Sequence[str], *, reason: str, actor: str, now: int) -> None:
        check_text(reason, actor, *token_ids)
        await self._change(tokens.revoke, token_ids, reason=reason, actor=actor, now=now)

    async def host_certificates(self, host_id: str, now: int) -> Sequence[HostCertificate]:
        check_text(host_id)
        return await self._read(lambda connection: inventory.certificates_of(connection, host_id, now))

    async def remove_host(self, host_id: str, *, reason: str, actor: str, now: int) -> tuple[int, ...]:
        check_text(host_id, reason, actor)
        return await self._change(inventory.remove, host_id, reason=reason, actor=actor, now=now)

    async def retire_stale(self, before: int, now: int, limit: int = 500) -> Sequence[str]:
        if not await self._read(lambda connection: inventory.stale(connection, before, 1)):
            return ()
        return await self._change(inventory.retire_stale, before, now, limit)
