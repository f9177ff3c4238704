"""Login names: whose they are, who gets another, which nobody gets (trust 1.2, 1.3)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from sqlalchemy import Connection, insert, select, update

from daypass.ca.person_ports import NameRecord, NewIdentity
from daypass.errors import Conflict
from daypass.store import conflicts
from daypass.store.ending import end, live
from daypass.store.ledger import append
from daypass.store.locking import called, known
from daypass.store.people import FIRST_GENERATION
from daypass.store.reported import is_reported
from daypass.store.schema import identities, names, persons
from daypass.store.statements import Statements

__all__ = ["find", "rename", "reserve", "reserved"]


def find(connection: Connection, name: str) -> NameRecord | None:
    row = connection.execute(select(names).where(names.c.name == name)).one_or_none()
    return None if row is None else _record(row)


def reserved(connection: Connection) -> list[NameRecord]:
    nobody = select(names).where(names.c.person_id.is_(None))
    return [_record(row) for row in connection.execute(nobody.order_by(names.c.name))]


def rename(
    connection: Connection, statements: Statements, number: int, name: str, *, reason: str, actor: str, now: int
) -> tuple[int, ...]:
    """Their own tombstone becomes their name again."""
    head = statements.lock(connection)
    row = known(connection, number)
    if row.login == name:
        raise Conflict(f"{called(row)} has this name already", code="person.name")
    taken = find(connection, name)
    if taken is not None and taken.person != number:
        raise _not_free(connection, taken)
    old = row.login
    ended = end(connection, number, _carrying(live(connection, number, now), old), reason, now)
    connection.execute(update(names).where(names.c.name == old).values(released_at=now))
    statements.claim(connection, [(name, number, now)])
    connection.execute(update(persons).where(persons.c.id == number).values(login=name))
    details = {"person": number, "from": old, "to": name, "serials": ended, "reason": reason}
    append(connection, statements, head, "person.rename", details, actor=actor, now=now, person=number)
    return ended


def reserve(
    connection: Connection,
    statements: Statements,
    name: str,
    identity: NewIdentity | None,
    *,
    reason: str,
    actor: str,
    now: int,
) -> int | None:
    head = statements.lock(connection)
    taken = find(connection, name)
    kept = taken is not None and taken.system and is_reported(connection, name, now)
    if taken is not None and (identity is None or taken.person is not None or kept):
        raise _not_free(connection, taken)
    number = None if identity is None else _made(connection, name, identity, actor, now)
    if number is None:
        connection.execute(insert(names).values(name=name, claimed_at=now, reason=reason))
    else:
        statements.claim(connection, [(name, number, now)])
    whose = {} if identity is None else {"provider": identity.provider, "issuer": identity.issuer,
                                         "subject": identity.subject, "person": number}  # fmt: skip
    details = {"name": name, "reason": reason, **whose}
    append(connection, statements, head, "person.reserve", details, actor=actor, now=now, person=number)
    return number


def _record(row: Any) -> NameRecord:
    return NameRecord(row.name, row.person_id, row.released_at, row.reason)


def _carrying(certificates: Mapping[int, tuple[str, ...]], login: str) -> list[int]:
    """Those with the login name, or a role's principal for the account of that name (trust 1.1)."""
    own = re.compile(f"role:[^:]+:{re.escape(login)}")
    return [
        serial
        for serial, principals in certificates.items()
        if any(each == login or own.fullmatch(each) for each in principals)
    ]


def _made(connection: Connection, name: str, identity: NewIdentity, actor: str, now: int) -> int:
    """A person made in advance. What is being issued to this identity was decided on a person of generation 1."""
    who = {"issuer": identity.issuer, "subject": identity.subject}
    this = (identities.c.issuer == identity.issuer) & (identities.c.subject == identity.subject)
    owner = select(persons).join_from(identities, persons).where(this)
    if (row := connection.execute(owner).one_or_none()) is not None:
        raise Conflict(
            f"this identity is {called(row)} already",
            code="person.identity",
            hint=f"to give them another name: daypass person rename '#{row.id}' {name}",
        )
    values = {**who, "login": name, "generation": FIRST_GENERATION + 1, "created_at": now}
    number = int(connection.execute(insert(persons).values(values).returning(persons.c.id)).scalar_one())
    known = {**who, "person_id": number, "provider": identity.provider, "linked_at": now, "linked_by": actor}
    connection.execute(insert(identities).values(known))
    conflicts.settle(connection, identity.issuer, identity.subject)
    return number


def _not_free(connection: Connection, taken: NameRecord) -> Conflict:
    if taken.person is None:
        why = f" ({taken.reason})" if taken.reason else ""
        by_role = f"a role whose emails list {taken.name}@… gives it to that person; so does an operator, once no "
        by_role += "host with a live certificate reports it"
        hint = by_role if taken.system else f"daypass person reserve {taken.name} --for PROVIDER:SUBJECT"
        return Conflict(f'the name "{taken.name}" is reserved{why}', code="person.reserved", hint=hint)
    row = connection.execute(select(persons).where(persons.c.id == taken.person)).one()
    if taken.released_at is not None:
        text = f'the name "{taken.name}" was that of {called(row)}, and goes to nobody else'
        return Conflict(text, code="person.tombstone", hint="choose another name")
    return Conflict(
        f'the name "{taken.name}" is that of {called(row)}',
        code="person.name",
        hint=f"choose another name, or give them another: daypass person rename '#{taken.person}' NEW",
    )
