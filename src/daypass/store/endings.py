"""Endings: what is to end is found, marked and put on record under one lock (trust 3.5)."""

from __future__ import annotations

import hashlib
import secrets
from base64 import b32encode, b64encode
from collections.abc import Collection, Iterable, Iterator
from typing import Any

import msgspec
from sqlalchemy import ColumnElement, Connection, Select, insert, select, update

from daypass.ca.ending_ports import PROVIDERS, Ended, Ending, EndingRecord
from daypass.errors import NotFound
from daypass.model import SIGN_IN, OnceId
from daypass.store import krls as lists
from daypass.store.ending import chunks, mark_revoked, raise_generation
from daypass.store.holding import hold, is_held
from daypass.store.ledger import append
from daypass.store.locking import known, locked_with
from daypass.store.proofs import spared
from daypass.store.rows import json, texts
from daypass.store.schema import certificates, endings, installation, persons
from daypass.store.statements import Statements
from daypass.wire import CertType

__all__ = ["end", "find", "held", "keys_called", "newest", "release"]

KEY_IDS = 64  # of one ending: the newest
FORGET_SIGN_IN = 2 * 86400  # seconds: no sign-in counts that long


def end(connection: Connection, statements: Statements, ending: Ending, *, now: int, dry: bool) -> Ended:
    """Raises NotFound for a person or a serial that is not on record, before anything is written."""
    head = statements.lock(connection)
    once = _hash(ending.once) if ending.once is not None else None
    if once is not None and (before := _by_once(connection, once)) is not None:
        return before
    rows = [known(connection, number) for number in ending.persons]
    hit = _hit(connection, ending, now)
    serials, owners = tuple(sorted(hit)), tuple(sorted({*ending.persons, *filter(None, hit.values())}))
    if dry:
        return Ended(id="", serials=serials, persons=owners)
    held = ending.held or is_held(connection, ending, owners, now)
    mark_revoked(connection, serials, ending.reason, now)
    raise_generation(connection, owners)
    _refuse_earlier(connection, statements, ending, now)
    ended = Ended(id=_new_id(), serials=serials, persons=owners, held=held)
    _keep(connection, ending, ended, once, now)
    details = {"ending": ended.id, "source": ending.source, "about": ending.about, "reason": ending.reason}
    whole = {**ending.details, **details, "serials": serials, "persons": owners, "gone": ending.gone, "held": held}
    act, actor, whose = "certificate.revoke", ending.actor, _only(owners)
    append(connection, statements, head, act, whole, actor=actor, now=now, person=whose)
    if held and not ending.held:
        hold(connection, statements, ending, now)
    if ending.lock is not None:
        _lock(connection, statements, rows, ending, details, now)
    return ended


def find(connection: Connection, number: str) -> EndingRecord | None:
    row = connection.execute(_all().where(endings.c.id == number)).one_or_none()
    return None if row is None else _read(row)


def newest(connection: Connection, since: int, limit: int) -> list[EndingRecord]:
    latest = _all().where(endings.c.time >= since).order_by(endings.c.time.desc(), endings.c.id)
    return [_read(row) for row in connection.execute(latest.limit(limit))]


def held(connection: Connection) -> list[str]:
    """What was undone is nobody's mistake to make again: its sessions go on, unless it is released by its id."""
    c = endings.c
    waiting = select(c.id).where(c.held == 1, c.released_at.is_(None), c.undone_at.is_(None))
    return list(connection.execute(waiting.order_by(c.time, c.id)).scalars())


def keys_called(connection: Connection, fingerprint: str, now: int) -> list[bytes]:
    c = certificates.c
    live = select(c.public_key).distinct().where(c.valid_before > now, c.revoked_at.is_(None))
    wanted = fingerprint.removeprefix("SHA256:")
    return [key for row in connection.execute(live).scalars() if _sha256(key := bytes(row)) == wanted]


def release(connection: Connection, statements: Statements, number: str, *, actor: str, now: int) -> bool:
    head = statements.lock(connection)
    this = (endings.c.id == number) & (endings.c.held == 1) & endings.c.released_at.is_(None)
    if not connection.execute(update(endings).where(this).values(released_at=now, released_by=actor)).rowcount:
        return False
    append(connection, statements, head, "ending.release", {"ending": number}, actor=actor, now=now)
    return True


def _refuse_earlier(connection: Connection, statements: Statements, ending: Ending, now: int) -> None:
    """Who has signed in before gets nothing for it after (trust 3.5)."""
    for chunk in chunks(ending.persons):
        connection.execute(update(persons).where(persons.c.id.in_(chunk)).values(ended_at=now))
    over = [(SIGN_IN, signin, "[]", now, now + FORGET_SIGN_IN) for signin in ending.signins]
    for rows in chunks(over):
        statements.spend(connection, rows)
    if over:
        connection.execute(update(installation).values(sign_ins_over=installation.c.sign_ins_over + 1))


def _hit(connection: Connection, ending: Ending, now: int) -> dict[int, int | None]:
    """Serial and person of every certificate that is named and holds; by anybody's word but a provider's also of
    those whose sessions a provider's word has left open (trust 6.8): they are to end. Raises NotFound."""
    c, found = certificates.c, dict[int, int | None]()
    waiting = frozenset[int]() if ending.source in PROVIDERS else frozenset(spared(connection, 0))
    holds = (c.valid_before > now) & c.revoked_at.is_(None)
    wanted = holds | c.revoked_at.is_not(None) if waiting else holds
    columns = c.serial, c.person_id, c.revoked_at, c.roles
    for where, role in _named(ending):
        for serial, person, revoked_at, roles in connection.execute(select(*columns).where(where, wanted)):
            if (revoked_at is None or serial in waiting) and (role is None or role in texts(roles)):
                found[serial] = person
    _require_recorded(connection, ending.serials)
    if ending.within is None:
        return found
    return {serial: person for serial, person in found.items() if person in ending.within}


def _named(ending: Ending) -> Iterator[tuple[ColumnElement[bool], str | None]]:
    """Conditions, with the role that has to be in what is found by one."""
    c = certificates.c
    named: tuple[tuple[Any, Iterable[Any]], ...] = (
        (c.person_id, ending.persons),
        (c.host_id, ending.hosts),
        (c.signin, ending.signins),
        (c.serial, ending.serials),
        (c.public_key, ending.keys),
    )
    for column, values in named:
        for chunk in chunks(values):
            yield column.in_(chunk), None
    for role in ending.roles:
        yield c.roles.contains(f'"{role}"', autoescape=True), role


def _require_recorded(connection: Connection, serials: Iterable[int]) -> None:
    for chunk in chunks(serials):
        held = select(certificates.c.serial).where(certificates.c.serial.in_(chunk))
        if unknown := set(chunk) - set(connection.execute(held).scalars()):
            raise NotFound(f"no certificate with serial {min(unknown)} is on record", code="certificate.unknown")


def _keep(connection: Connection, ending: Ending, ended: Ended, once: str | None, now: int) -> None:
    row = {
        "id": ended.id, "time": now, "source": ending.source.value, "actor": ending.actor, "reason": ending.reason,
        "once": once, "about": ending.about, "persons": json(ended.persons), "serials": json(ended.serials),
        "key_ids": json(_key_ids(connection, ended.persons)),
        "gone": 1 if ending.gone else 2 * ending.looked, "held": int(ended.held),
        "user_changes": lists.changes(connection, CertType.USER),
        "host_changes": lists.changes(connection, CertType.HOST),
    }  # fmt: skip
    connection.execute(insert(endings).values(row))


def _key_ids(connection: Connection, people: Collection[int]) -> list[str]:
    """Of all certificates that these persons have had, the newest first."""
    c, found = certificates.c, dict[str, None]()
    for chunk in chunks(people):
        theirs = select(c.key_id).where(c.person_id.in_(chunk)).order_by(c.recorded_at.desc()).limit(10 * KEY_IDS)
        found.update(dict.fromkeys(connection.execute(theirs).scalars()))
    return list(found)[:KEY_IDS]


def _lock(
    connection: Connection, statements: Statements, rows: Iterable[Any], ending: Ending, details: dict[str, Any],
    now: int,
) -> None:  # fmt: skip
    """Who is locked already stays so."""
    for row in rows:
        by = locked_with(row, ending.lock or "")
        since = now if row.locked_at is None else row.locked_at
        connection.execute(update(persons).where(persons.c.id == row.id).values(locked_at=since, locked_by=by))
        who = {"person": row.id, "login": row.login, "issuer": row.issuer, "subject": row.subject, "by": by}
        head, whole, actor = statements.lock(connection), {**who, **details}, ending.actor
        append(connection, statements, head, "person.lock", whole, actor=actor, now=now, person=row.id)


def _only(people: tuple[int, ...]) -> int | None:
    return people[0] if len(people) == 1 else None


def _by_once(connection: Connection, once: str) -> Ended | None:
    row = connection.execute(_all().where(endings.c.once == once)).one_or_none()
    if row is None:
        return None
    before = _read(row)
    held = before.held and before.released_at is None
    return Ended(id=before.id, serials=before.serials, persons=before.persons, again=True, held=held)


def _all() -> Select[Any]:
    return select(*(endings.c[name] for name in EndingRecord.__struct_fields__))


def _read(row: Any) -> EndingRecord:
    fields = dict(zip(EndingRecord.__struct_fields__, row, strict=True))
    lists_of = {name: msgspec.json.decode(fields[name]) for name in ("persons", "key_ids", "serials")}
    return msgspec.convert({**fields, **lists_of, "gone": fields["gone"] > 0}, EndingRecord, strict=False)


def _hash(once: OnceId) -> str:
    return hashlib.sha256(f"{once.provider}\0{once.id}".encode()).hexdigest()


def _sha256(blob: bytes) -> str:
    """As OpenSSH writes it; parsing a hundred thousand keys for it would take seconds."""
    return b64encode(hashlib.sha256(blob).digest()).decode().rstrip("=")


def _new_id() -> str:
    """A word that operators can type: `e` and 10 of a-z, 2-7."""
    return f"e{b32encode(secrets.token_bytes(7)).decode().lower()[:10]}"
