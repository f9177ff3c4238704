"""The EventStore port: how far each outlet of events has come in the ledger, and whose turn it is to tell it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, Row, insert, select, update

from daypass.ca.event_ports import Place
from daypass.store import ledger
from daypass.store.access import Access
from daypass.store.rows import check_text
from daypass.store.schema import event_sinks
from daypass.store.statements import Statements

__all__ = ["SqlSinks"]

_c = event_sinks.c
_COLUMNS = tuple(event_sinks.c[name] for name in Place.__struct_fields__)


class SqlSinks(Access):
    async def event_place(self, name: str) -> Place:
        check_text(name)
        found = await self._read(lambda connection: _find(connection, name))
        if found is None or found[0].seq > found[1]:
            return await self._change(_begin, name)
        return found[0]

    async def event_places(self) -> Sequence[Place]:
        return await self._read(_all)

    async def lease_events(self, name: str, holder: str, *, now: int, until: int) -> bool:
        return await self._change(_lease, name, holder, now, until)

    async def told_events(
        self, name: str, holder: str, seq: int, *, failures: int = 0, error: str | None = None, retry_at: int = 0
    ) -> bool:
        check_text(error)
        values = {"seq": seq, "failures": failures, "error": error, "retry_at": retry_at}
        return await self._change(_told, name, holder, values)

    async def release_events(self, names: Sequence[str], holder: str) -> None:
        await self._change(_release, names, holder)


def _find(connection: Connection, name: str) -> tuple[Place, int] | None:
    """And the number of the newest entry. A place that is moved meanwhile is never ahead of what is read after it."""
    row = connection.execute(select(*_COLUMNS).where(_c.name == name)).one_or_none()
    return None if row is None else (_place(row), ledger.head(connection).seq)


def _all(connection: Connection) -> list[Place]:
    return [_place(row) for row in connection.execute(select(*_COLUMNS).order_by(_c.name))]


def _begin(connection: Connection, statements: Statements, name: str) -> Place:
    head = statements.lock(connection).ledger_seq
    row = connection.execute(select(*_COLUMNS).where(_c.name == name)).one_or_none()
    if row is None:
        connection.execute(insert(event_sinks).values(name=name, seq=head))
    elif row.seq > head:
        connection.execute(update(event_sinks).where(_c.name == name).values(seq=head))
    return _place(connection.execute(select(*_COLUMNS).where(_c.name == name)).one())


def _lease(connection: Connection, _: Statements, name: str, holder: str, now: int, until: int) -> bool:
    free = (_c.leased_by.is_(None)) | (_c.leased_by == holder) | (_c.leased_until <= now)
    taken = update(event_sinks).where(_c.name == name, free).values(leased_by=holder, leased_until=until)
    return bool(connection.execute(taken).rowcount)


def _told(connection: Connection, _: Statements, name: str, holder: str, values: dict[str, object]) -> bool:
    mine = update(event_sinks).where(_c.name == name, _c.leased_by == holder)
    return bool(connection.execute(mine.values(values)).rowcount)


def _release(connection: Connection, _: Statements, names: Sequence[str], holder: str) -> None:
    mine = update(event_sinks).where(_c.name.in_(names), _c.leased_by == holder)
    connection.execute(mine.values(leased_by=None, leased_until=0))


def _place(row: Row[Any]) -> Place:
    return Place(**row._mapping)
