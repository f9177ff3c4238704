"""Several identities, one person (trust 1.3)."""

from __future__ import annotations

from typing import Any

from sqlalchemy import ColumnElement, Connection, func, insert, select, update

from daypass.ca.person_ports import Linked, NewIdentity
from daypass.errors import Conflict
from daypass.store import conflicts
from daypass.store.ending import end, live, raise_generation
from daypass.store.ledger import append
from daypass.store.locking import called, known
from daypass.store.schema import certificates, identities, names, persons
from daypass.store.statements import Statements

__all__ = ["link"]


def link(
    connection: Connection,
    statements: Statements,
    number: int,
    identity: NewIdentity,
    *,
    merge: bool,
    reason: str,
    actor: str,
    now: int,
) -> Linked:
    head = statements.lock(connection)
    row = known(connection, number)
    owner = connection.execute(select(persons).join_from(identities, persons).where(_is(identity))).one_or_none()
    if owner is None:
        linked = _new(connection, number, identity, actor, now)
    else:
        _require_mergeable(connection, row, owner, merge)
        linked = _merged(connection, number, owner, reason, actor, now)
        _overtake(connection, number, owner.id)
    raise_generation(connection, [number])
    conflicts.settle(connection, identity.issuer, identity.subject)
    details = {
        "person": number,
        "provider": identity.provider,
        "issuer": identity.issuer,
        "subject": identity.subject,
        "reason": reason,
        "merged": linked.merged,
        "serials": linked.serials,
    }
    append(connection, statements, head, "person.link", details, actor=actor, now=now, person=number)
    if linked.merged is not None:
        head = statements.lock(connection)
        append(connection, statements, head, "person.merge", details, actor=actor, now=now, person=linked.merged)
    return linked


def _new(connection: Connection, number: int, identity: NewIdentity, actor: str, now: int) -> Linked:
    connection.execute(
        insert(identities).values(
            issuer=identity.issuer,
            subject=identity.subject,
            person_id=number,
            provider=identity.provider,
            linked_at=now,
            linked_by=actor,
        )
    )
    return Linked()


def _require_mergeable(connection: Connection, row: Any, owner: Any, merge: bool) -> None:
    if owner.id == row.id:
        raise Conflict(f"this identity is {called(row)} already", code="person.identity")
    if owner.locked_at is not None:  # else whoever was locked out would come in by this door
        raise Conflict(
            f"this identity is {called(owner)}, who is locked",
            code="person.locked",
            hint=f"if they may come in again: daypass unlock '#{owner.id}' --reason WHY",
        )
    given = select(func.count()).select_from(certificates).where(certificates.c.person_id == owner.id)
    if not merge and connection.execute(given).scalar_one():
        raise Conflict(
            f"this identity is {called(owner)}, who has had certificates",
            code="person.identity",
            hint=f"if {called(row)} and {called(owner)} are one human being, say so with --merge: that ends what "
            f"{called(owner)} holds, and their name goes to nobody else",
        )


def _merged(connection: Connection, number: int, owner: Any, reason: str, actor: str, now: int) -> Linked:
    """All their identities move over. What they hold ends; their names stay those of this human being."""
    ended = end(connection, owner.id, live(connection, owner.id, now), reason, now)
    theirs = identities.c.person_id == owner.id
    for issuer, subject in connection.execute(select(identities.c.issuer, identities.c.subject).where(theirs)).all():
        conflicts.settle(connection, issuer, subject)
    connection.execute(update(identities).where(theirs).values(person_id=number, linked_at=now, linked_by=actor))
    kept = names.c.person_id == owner.id
    connection.execute(update(names).where(kept, names.c.released_at.is_(None)).values(released_at=now))
    connection.execute(update(names).where(kept).values(person_id=number))
    connection.execute(update(persons).where(persons.c.id == owner.id).values(login=None))
    return Linked(owner.id, ended)


def _overtake(connection: Connection, number: int, merged: int) -> None:
    """What was decided on the other's generation comes in under this person now: no such number may be theirs yet."""
    both = select(func.max(persons.c.generation)).where(persons.c.id.in_((number, merged)))
    highest = connection.execute(both).scalar_one()
    connection.execute(update(persons).where(persons.c.id == number).values(generation=highest))


def _is(identity: NewIdentity) -> ColumnElement[bool]:
    return (identities.c.issuer == identity.issuer) & (identities.c.subject == identity.subject)
