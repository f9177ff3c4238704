"""The PersonStore port."""

from __future__ import annotations

from collections.abc import Sequence

from daypass.ca.person_ports import PersonRecord
from daypass.store import persons
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
