"""The PersonStore port."""

from __future__ import annotations

from collections.abc import Sequence

from daypass.ca.person_ports import ConflictRecord, History, Linked, NameRecord, NewIdentity, PersonRecord
from daypass.model import Identity
from daypass.store import conflicts, learning, linking, naming, persons
from daypass.store.access import Access
from daypass.store.rows import check_text

__all__ = ["SqlPersons"]


class SqlPersons(Access):
    async def people(self) -> Sequence[PersonRecord]:
        return await self._read(persons.every)

    async def person(self, number: int) -> PersonRecord | None:
        return await self._read(lambda connection: persons.find(connection, number))

    async def find_people(self, word: str) -> Sequence[PersonRecord]:
        check_text(word)
        return await self._read(lambda connection: persons.meant(connection, word))

    async def find_name(self, name: str) -> NameRecord | None:
        check_text(name)
        return await self._read(lambda connection: naming.find(connection, name))

    async def reserved_names(self) -> Sequence[NameRecord]:
        return await self._read(naming.reserved)

    async def conflicts(self) -> Sequence[ConflictRecord]:
        return await self._read(conflicts.open_ones)

    async def history(self, number: int, limit: int) -> History:
        return await self._read(lambda connection: persons.history(connection, number, limit))

    async def rename(self, number: int, name: str, *, reason: str, actor: str, now: int) -> tuple[int, ...]:
        check_text(name, reason, actor)
        return await self._change(naming.rename, number, name, reason=reason, actor=actor, now=now)

    async def link(
        self, number: int, identity: NewIdentity, *, merge: bool, reason: str, actor: str, now: int
    ) -> Linked:
        check_text(identity.provider, identity.issuer, identity.subject, reason, actor)
        return await self._change(linking.link, number, identity, merge=merge, reason=reason, actor=actor, now=now)

    async def reserve(
        self, name: str, identity: NewIdentity | None, *, reason: str, actor: str, now: int
    ) -> int | None:
        check_text(name, reason, actor)
        if identity is not None:
            check_text(identity.provider, identity.issuer, identity.subject)
        return await self._change(naming.reserve, name, identity, reason=reason, actor=actor, now=now)

    async def learn(self, person: int, identity: Identity, lost: Sequence[int], *, reason: str, now: int) -> None:
        check_text(identity.provider, identity.issuer, identity.subject, identity.email, reason)
        await self._change(learning.learn, person, identity, lost, reason=reason, now=now)
