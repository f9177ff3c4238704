"""Sign-ins that wanted a name which is another's (trust 1.3), kept for the operator who has to settle it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import ColumnElement, Connection, delete, exists, insert, select, update

from daypass.ca.person_ports import ConflictRecord, NameRecord
from daypass.store.prepare import Prepared
from daypass.store.schema import conflicts, identities, names

__all__ = ["MOST", "note", "open_ones", "settle"]

MOST = 8  # conflicts kept of one identity: the latest


def note(connection: Connection, refused: Sequence[tuple[Prepared, str]]) -> None:
    """In the transaction that refused them."""
    for item, name in refused:
        if item.person is not None:
            _note(connection, item.person, item, name)


def settle(connection: Connection, issuer: str, subject: str) -> None:
    """Of this identity nothing is open any more."""
    connection.execute(delete(conflicts).where(_of(issuer, subject)))


def open_ones(connection: Connection) -> list[ConflictRecord]:
    """Newest first; those of identities that have become somebody's are settled."""
    same = (identities.c.issuer == conflicts.c.issuer) & (identities.c.subject == conflicts.c.subject)
    owner = (names.c.person_id, names.c.released_at, names.c.reason, names.c.name.label("taken"))
    unsettled = (
        select(conflicts, *owner)
        .outerjoin(names, names.c.name == conflicts.c.name)
        .where(~exists().where(same))
        .order_by(conflicts.c.last_at.desc(), conflicts.c.subject, conflicts.c.name)
    )
    return [_record(row) for row in connection.execute(unsettled)]


def _record(row: Any) -> ConflictRecord:
    taken = None if row.taken is None else NameRecord(row.taken, row.person_id, row.released_at, row.reason)
    return ConflictRecord(
        row.issuer, row.subject, row.provider, row.email, row.name, row.first_at, row.last_at, taken
    )


def _note(connection: Connection, key: tuple[str, str], item: Prepared, name: str) -> None:
    values = {"provider": item.provider, "email": item.email, "last_at": item.time}
    this = _of(*key) & (conflicts.c.name == name)
    if connection.execute(update(conflicts).where(this).values(values)).rowcount:
        return
    row = {"issuer": key[0], "subject": key[1], "name": name, "first_at": item.time}
    connection.execute(insert(conflicts).values({**row, **values}))
    latest = select(conflicts.c.name).where(_of(*key)).order_by(conflicts.c.last_at.desc(), conflicts.c.name)
    kept = list(connection.execute(latest.limit(MOST)).scalars())
    connection.execute(delete(conflicts).where(_of(*key), conflicts.c.name.not_in(kept)))


def _of(issuer: str, subject: str) -> ColumnElement[bool]:
    return (conflicts.c.issuer == issuer) & (conflicts.c.subject == subject)
