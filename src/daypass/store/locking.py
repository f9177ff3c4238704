"""Locking people out, and letting them in again."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, select, update

from daypass.errors import Conflict, NotFound
from daypass.store.ending import end, live
from daypass.store.ledger import append
from daypass.store.schema import identities, persons
from daypass.store.statements import Statements

__all__ = ["by_identity", "called", "known", "lock", "unlock"]


def by_identity(connection: Connection, issuer: str, subject: str) -> int:
    """Raises NotFound."""
    this = (identities.c.issuer == issuer) & (identities.c.subject == subject)
    number = connection.execute(select(identities.c.person_id).where(this)).scalar()
    if number is None:
        raise _unknown()
    return int(number)


def known(connection: Connection, number: int) -> Any:
    """The row of a person who has an identity, under the lock. Raises NotFound."""
    row = connection.execute(select(persons).where(persons.c.id == number)).one_or_none()
    mine = select(identities.c.issuer).where(identities.c.person_id == number)
    if row is None or connection.execute(mine.limit(1)).scalar() is None:
        raise _unknown()
    return row


def called(row: Any) -> str:
    return f"{row.login} (#{row.id})" if row.login else f"#{row.id}"


def lock(
    connection: Connection, statements: Statements, number: int, *, reason: str, actor: str, now: int
) -> tuple[int, ...]:
    """Once more changes nothing but what is live by then. Gives the serials that were."""
    head = statements.lock(connection)
    row = known(connection, number)
    ended = end(connection, number, live(connection, number, now), reason, now)
    since = now if row.locked_at is None else row.locked_at
    connection.execute(update(persons).where(persons.c.id == number).values(locked_at=since))
    details = {**_who(row), "serials": ended, "reason": reason}
    append(connection, statements, head, "person.lock", details, actor=actor, now=now, person=number)
    return ended


def unlock(connection: Connection, statements: Statements, number: int, *, reason: str, actor: str, now: int) -> None:
    head = statements.lock(connection)
    row = known(connection, number)
    if row.locked_at is None:
        raise Conflict(f"{called(row)} is not locked", code="person.unlocked")
    end(connection, number, (), reason, now)
    connection.execute(update(persons).where(persons.c.id == number).values(locked_at=None))
    details = {**_who(row), "locked_at": row.locked_at, "reason": reason}
    append(connection, statements, head, "person.unlock", details, actor=actor, now=now, person=number)


def _who(row: Any) -> dict[str, object]:
    return {"person": row.id, "login": row.login, "issuer": row.issuer, "subject": row.subject}


def _unknown() -> NotFound:
    return NotFound("this person is not on record", code="person.unknown")
