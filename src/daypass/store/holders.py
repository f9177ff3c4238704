"""What those who hold a certificate may learn of it and do with it: one's own, and one at a time."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any

from sqlalchemy import Connection, Select, bindparam, select

from daypass.ca.ports import OnRecord, Owner
from daypass.errors import NotFound, Unauthenticated
from daypass.model import OnceId
from daypass.store.admin import forget_expired, revoke
from daypass.store.ending import chunks
from daypass.store.rows import MAX_INT, texts
from daypass.store.schema import certificates, hosts, persons
from daypass.store.statements import Statements

__all__ = ["certificates_of", "give_up", "on_record", "spend", "those"]

MOST = 1000  # certificates told of one person; nobody signs in that often


def on_record(connection: Connection, serial: int) -> OnRecord | None:
    if not 0 < serial <= MAX_INT:
        return None
    row = connection.execute(_by_serial(), {"wanted": serial}).one_or_none()
    return None if row is None else _read(row)


def those(connection: Connection, serials: Sequence[int]) -> list[OnRecord]:
    found = dict[int, OnRecord]()
    for chunk in chunks(serials):
        rows = connection.execute(_wanted().where(certificates.c.serial.in_(chunk)))
        found.update((row[0], _read(row)) for row in rows)
    return [found[each] for each in serials if each in found]


def certificates_of(connection: Connection, person: int, now: int) -> list[OnRecord]:
    """Newest first; recorded in one second, those with the higher serial."""
    mine = _wanted().where(certificates.c.person_id == person, certificates.c.valid_before > now)
    newest = mine.order_by(certificates.c.recorded_at.desc(), certificates.c.serial.desc())
    return [_read(row) for row in connection.execute(newest.limit(MOST))]


def spend(
    connection: Connection, statements: Statements, once: OnceId, *, expires: int, now: int, tidy: bool = True
) -> bool:
    """Under the lock, as all that writes. What has expired goes first: while nobody signs in, nobody tidies."""
    statements.lock(connection)
    if tidy:
        forget_expired(connection, now)
    return bool(statements.spend(connection, [(once.provider, once.id, "[]", now, expires)]))


def give_up(
    connection: Connection,
    statements: Statements,
    serial: int,
    *,
    reason: str,
    actor: str,
    details: Mapping[str, object],
    now: int,
    once: tuple[OnceId, int] | None,
) -> bool:
    statements.lock(connection)
    found = on_record(connection, serial)
    if found is None:
        raise NotFound(f"no certificate with serial {serial} is on record", code="certificate.unknown")
    if found.revoked_at is not None:
        return False
    if once is not None and not spend(connection, statements, once[0], expires=once[1], now=now):
        raise Unauthenticated("this token was used before", code="token.spent", hint="make a new one for each call")
    revoke(connection, statements, [serial], reason=reason, actor=actor, details=details, now=now)
    return True


@cache
def _by_serial() -> Select[Any]:
    """Made once: at each call it would cost more than its execution."""
    return _wanted().where(certificates.c.serial == bindparam("wanted"))


def _wanted() -> Select[Any]:
    here = certificates.outerjoin(persons, certificates.c.person_id == persons.c.id)
    here = here.outerjoin(hosts, (certificates.c.host_id == hosts.c.id) & hosts.c.removed_at.is_(None))
    who = (persons.c.id, persons.c.issuer, persons.c.subject, persons.c.login, persons.c.locked_at)
    names = ("serial", "key_id", "certificate", "principals", "valid_after", "valid_before", "revoked_at", "signin")
    return select(*(certificates.c[name] for name in names), hosts.c.id, *who).select_from(here)


def _read(row: Any) -> OnRecord:
    serial, key_id, blob, principals, after, before, revoked_at, signin, host, *who = row
    number, issuer, subject, login, locked_at = who
    owner = Owner(number, issuer, subject, login or "", locked_at is not None) if number is not None else None
    return OnRecord(serial, key_id, bytes(blob), texts(principals), after, before, revoked_at, owner, host, signin)
