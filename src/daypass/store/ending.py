"""Ending access: certificates are marked, generations raised, in the transaction of whatever ends it (trust 3.5)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import islice
from typing import TypeVar

from sqlalchemy import ColumnElement, Connection, select, update

from daypass.store.rechecks import forget_ended
from daypass.store.rows import texts
from daypass.store.schema import certificates, krls, persons

__all__ = ["chunks", "end", "live", "mark_revoked", "raise_generation"]

T = TypeVar("T")
CHUNK = 500  # rows in one statement


def live(connection: Connection, person: int, now: int) -> dict[int, tuple[str, ...]]:
    """The person's certificates that hold: serial and principals."""
    mine = select(certificates.c.serial, certificates.c.principals).where(
        certificates.c.person_id == person, certificates.c.valid_before > now, certificates.c.revoked_at.is_(None)
    )
    found = connection.execute(mine.order_by(certificates.c.serial))
    return {serial: texts(principals) for serial, principals in found}


def end(connection: Connection, person: int, serials: Iterable[int], reason: str, now: int) -> tuple[int, ...]:
    """Revoke these of the person's, and have what is being issued to them decided anew. Gives the serials."""
    serials = tuple(serials)
    mark_revoked(connection, serials, reason, now)
    raise_generation(connection, [person])
    return serials


def mark_revoked(connection: Connection, serials: Iterable[int], reason: str, now: int) -> None:
    """And count it, so that every process knows of it by one cheap read."""
    for chunk in chunks(serials):
        these: ColumnElement[bool] = certificates.c.serial.in_(chunk) & certificates.c.revoked_at.is_(None)
        kinds = krls.c.type.in_(select(certificates.c.type).where(these))
        connection.execute(update(krls).where(kinds).values(changes=krls.c.changes + 1))
        connection.execute(update(certificates).where(these).values(revoked_at=now, revoke_reason=reason))
        forget_ended(connection, chunk, now)


def raise_generation(connection: Connection, person_ids: Iterable[int]) -> None:
    for chunk in chunks(person_ids):
        connection.execute(update(persons).where(persons.c.id.in_(chunk)).values(generation=persons.c.generation + 1))


def chunks(items: Iterable[T]) -> Iterator[list[T]]:
    rest = iter(items)
    while chunk := list(islice(rest, CHUNK)):
        yield chunk
