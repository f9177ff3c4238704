"""The ScimStore port."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from daypass.ca.scim_ports import Due, Entry, Held, Looked, ScimToken, TokenRecord
from daypass.model import Vouched
from daypass.store import scim, scim_said, scim_tokens
from daypass.store.access import Access
from daypass.store.rows import check_text

__all__ = ["SqlScim"]


class SqlScim(Access):
    async def scim_find(self, provider: str, looked: Looked) -> Sequence[Entry]:
        check_text(looked.name, looked.id, looked.external_id)
        """Beside the worker: it may be all of a company, and logins do not wait for that."""
        return await asyncio.to_thread(
            self._database.read, lambda connection: scim.find(connection, provider, looked)
        )

    async def scim_put(self, provider: str, entry: Entry, *, expected: str | None, now: int) -> Entry:
        check_text(entry.id, entry.name, entry.resource, entry.external_id, entry.match, expected, *entry.members)
        return await self._change(scim.put, provider, entry, expected=expected, now=now)

    async def scim_delete(self, provider: str, kind: str, number: str, *, expected: str | None, now: int) -> None:
        check_text(number, expected)
        await self._change(scim.remove, provider, kind, number, expected=expected, now=now)

    async def scim_vouched(self, provider: str, match: str) -> Vouched | None:
        check_text(match)
        return await self._read(lambda connection: scim_said.vouched(connection, provider, match))

    async def scim_due(self, provider: str | None, limit: int) -> Sequence[tuple[str, Due]]:
        return await self._read(lambda connection: scim_said.due(connection, provider, limit))

    async def scim_settled(self, provider: str, due: Due) -> None:
        await self._write(lambda connection: scim_said.settled(connection, provider, due))

    async def scim_people(self, provider: str, side: str, match: str) -> Sequence[Held]:
        return await self._read(lambda connection: scim_said.people(connection, provider, side, match))

    async def add_scim_token(self, token: ScimToken, *, now: int) -> None:
        check_text(token.id, token.provider, token.created_by)
        await self._change(scim_tokens.add, token, now=now)

    async def scim_tokens(self) -> Sequence[TokenRecord]:
        return await self._read(scim_tokens.every)

    async def scim_token(self, number: str) -> TokenRecord | None:
        check_text(number)
        return await self._read(lambda connection: scim_tokens.find(connection, number))

    async def use_scim_token(self, number: str, *, now: int) -> None:
        await self._write(lambda connection: scim_tokens.use(connection, number, now=now))

    async def revoke_scim_token(self, number: str, *, reason: str, actor: str, now: int) -> TokenRecord:
        check_text(number, reason, actor)
        return await self._change(scim_tokens.revoke, number, reason=reason, actor=actor, now=now)
