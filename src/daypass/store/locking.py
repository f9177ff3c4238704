"""Who is locked out, and letting them in again."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, select, update

from daypass.ca.ack_ports import SOME
from daypass.ca.ending_ports import Unlock
from daypass.errors import NotFound
from daypass.store.ending import chunks, raise_generation
from daypass.store.ledger import append
from daypass.store.rows import unjson
from daypass.store.schema import endings, identities, persons, scim_resources
from daypass.store.statements import Statements

__all__ = ["called", "known", "locked_with", "unlock"]


def known(connection: Connection, number: int) -> Any:
    """The row of a person who has an identity, under the lock. Raises NotFound."""
    row = connection.execute(select(persons).where(persons.c.id == number)).one_or_none()
    mine = select(identities.c.issuer).where(identities.c.person_id == number)
    if row is None or connection.execute(mine.limit(1)).scalar() is None:
        raise NotFound("this person is not on record", code="person.unknown")
    return row


def called(row: Any) -> str:
    return f"{row.login} (#{row.id})" if row.login else f"#{row.id}"


def locked_with(row: Any, word: str) -> str:
    """`locked_by` with one more word ("" for an operator's, which stands above all). Several providers may have
    called somebody out, or one of them in several ways: they are in again once all have taken it back."""
    if row.locked_at is None or not word:
        return word
    words = row.locked_by.split()
    return " ".join(words if word in words or not words else [*words, word])


def _locked_without(row: Any, word: str | None) -> str | None:
    """What of `locked_by` still stands without this word; None where the word undoes nothing."""
    words = row.locked_by.split()
    if row.locked_at is None or (word is not None and word != row.locked_by and word not in words):
        return None
    return "" if word is None else " ".join(each for each in words if each != word)


def unlock(connection: Connection, statements: Statements, unlock: Unlock, *, now: int) -> bool:
    head = statements.lock(connection)
    row = known(connection, unlock.person)
    still = _locked_without(row, unlock.by)
    allowed = sum([_allow(connection, *entry, now) for entry in unlock.entries])
    if still is None and not allowed:
        return False
    raise_generation(connection, [row.id])
    details: dict[str, object] = {"person": row.id, "login": row.login, "issuer": row.issuer, "subject": row.subject}
    details |= {"locked_at": row.locked_at, "by": row.locked_by, "reason": unlock.reason}
    this = update(persons).where(persons.c.id == row.id)
    if still:
        connection.execute(this.values(locked_by=still))
        details["still"] = still
    elif still is not None:
        connection.execute(this.values(locked_at=None, locked_by=""))
        details["endings"] = _undo(connection, row.id, now)
    append(connection, statements, head, "person.unlock", details, actor=unlock.actor, now=now, person=row.id)
    return not still


def _allow(connection: Connection, provider: str, match: str, now: int) -> int:
    """An operator's word above a directory's `inactive`, until that says something new."""
    r = scim_resources.c
    theirs = (r.provider == provider) & (r.type == "User") & (r.match == match) & (r.active == 0)
    return connection.execute(update(scim_resources).where(theirs).values(allowed_at=now)).rowcount


def _undo(connection: Connection, person: int, now: int) -> list[str]:
    """Endings by which nobody is out any more: hosts put back what they took, and the proof begins anew. Gives their
    ids."""
    standing = select(endings.c.id, endings.c.persons).where(endings.c.gone == 1, endings.c.undone_at.is_(None))
    named = standing.where(endings.c.persons.contains(str(person)))
    theirs = [(number, people) for number, text in connection.execute(named) if person in (people := unjson(text))]
    still = _locked(connection, {each for _, people in theirs for each in people})
    over = [number for number, people in theirs if not still.intersection(people)]
    for chunk in chunks(over):
        connection.execute(update(endings).where(endings.c.id.in_(chunk)).values(undone_at=now, proven=SOME))
    return over


def _locked(connection: Connection, people: set[int]) -> set[int]:
    found = set[int]()
    for chunk in chunks(people):
        locked = select(persons.c.id).where(persons.c.id.in_(chunk), persons.c.locked_at.is_not(None))
        found.update(connection.execute(locked).scalars())
    return found
