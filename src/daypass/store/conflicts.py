"""Sign-ins that wanted a name which is another's (trust 1.3), kept for the operator who has to settle it."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import ColumnElement, Connection, delete, insert, select, update

from daypass.store.prepare import Prepared
from daypass.store.schema import conflicts

__all__ = ["MOST", "note", "settle"]

MOST = 8  # conflicts kept of one identity: the latest


def note(connection: Connection, refused: Sequence[tuple[Prepared, str]]) -> None:
    """In the transaction that refused them."""
    for item, name in refused:
        if item.person is not None:
            _note(connection, item.person, item, name)


def settle(connection: Connection, issuer: str, subject: str) -> None:
    """Of this identity nothing is open any more."""
    connection.execute(delete(conflicts).where(_of(issuer, subject)))


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
