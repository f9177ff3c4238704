"""Persons as they are on record, for those who ask about them."""

from __future__ import annotations

from collections import defaultdict
from typing import Any

from sqlalchemy import ColumnElement, Connection, Select, func, or_, select

from daypass.ca.person_ports import History, IdentityRecord, PersonRecord
from daypass.store.facts import decode
from daypass.store.rows import MAX_INT, unjson
from daypass.store.schema import certificates, identities, ledger, names, persons

__all__ = ["every", "find", "history", "meant"]


def every(connection: Connection) -> list[PersonRecord]:
    """Without those whose identities all are another's by now."""
    return [person for person in _people(connection, None) if person.identities]


def find(connection: Connection, number: int) -> PersonRecord | None:
    if not 0 < number <= MAX_INT:
        return None
    return next(iter(_people(connection, select(persons.c.id).where(persons.c.id == number))), None)


def meant(connection: Connection, word: str) -> list[PersonRecord]:
    if word.startswith("#"):
        digits = word.removeprefix("#")
        found = find(connection, int(digits)) if digits.isascii() and digits.isdigit() and len(digits) < 20 else None
        return [found] if found else []
    named = select(names.c.person_id).where(names.c.name == word, names.c.released_at.is_(None))
    provider, _, subject = word.partition(":")
    known: ColumnElement[bool] = identities.c.email == word
    if provider and subject:
        known = or_(known, (identities.c.subject == subject) & (identities.c.provider == provider))
    return _people(connection, named.union(select(identities.c.person_id).where(known)))


def history(connection: Connection, number: int, limit: int) -> History:
    last = select(func.max(certificates.c.recorded_at)).where(certificates.c.person_id == number)
    theirs = select(ledger.c.entry).where(ledger.c.person_id == number).order_by(ledger.c.seq.desc()).limit(limit)
    entries = [unjson(bytes(entry).decode()) for entry in connection.execute(theirs).scalars()]
    return History(connection.execute(last).scalar(), tuple(entries))


def _people(connection: Connection, these: Any) -> list[PersonRecord]:
    """By id. `these`: a query for ids, None for all."""

    def of(column: ColumnElement[int], wanted: Select[Any]) -> Any:
        return connection.execute(wanted if these is None else wanted.where(column.in_(these)))

    owned, known = defaultdict[int, list[str]](list), defaultdict[int, list[IdentityRecord]](list)
    current = select(names.c.person_id, names.c.name).where(names.c.released_at.is_(None)).order_by(names.c.name)
    for number, name in of(names.c.person_id, current):
        owned[number].append(name)
    for row in of(identities.c.person_id, select(identities).order_by(identities.c.linked_at, identities.c.subject)):
        known[row.person_id].append(_identity(row))
    return [
        PersonRecord(
            row.id, row.login or "", tuple(owned[row.id]), row.locked_at, row.created_at, tuple(known[row.id])
        )
        for row in of(persons.c.id, select(persons).order_by(persons.c.id))
    ]


def _identity(row: Any) -> IdentityRecord:
    facts = decode(row.facts) if row.facts else None
    return IdentityRecord(row.issuer, row.subject, row.provider, row.email, facts, row.linked_at, row.linked_by)
