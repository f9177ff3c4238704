"""How far endings have come: what hosts are told of them, and the report that is kept of each (trust 6)."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import Any

import msgspec
from sqlalchemy import Connection, delete, func, select, update

from daypass.ca.ack_ports import FINAL, GoneRecord, Hit
from daypass.ca.ending_ports import PROVIDERS
from daypass.store.ending import chunks
from daypass.store.ledger import append
from daypass.store.rows import texts
from daypass.store.schema import certificates, ending_reports, endings, persons
from daypass.store.statements import Statements
from daypass.wire import CertType

__all__ = ["gone", "held_people", "hit_by", "prove", "spared", "unproven"]

LOOKED = 2  # in endings.gone: looked for and told, nothing more


def gone(connection: Connection, since: int, limit: int) -> list[GoneRecord]:
    """Those that began or were undone since, the newest last."""
    c = endings.c
    held = (c.held == 1) & c.released_at.is_(None)
    mine = select(c.id, c.time, c.key_ids, c.undone_at, c.persons, held.label("held"), c.gone).where(c.gone > 0)
    late = mine.where((c.time >= since) | (c.undone_at >= since))
    rows = connection.execute(late.order_by(c.time.desc(), c.id).limit(limit)).all()
    names = _logins(connection, {person for row in rows for person in _numbers(row.persons)})
    seen = _last_certified(
        connection, {person for row in rows if row.gone == LOOKED for person in _numbers(row.persons)}
    )
    return [
        GoneRecord(
            row.id, row.time, texts(row.key_ids),
            row.undone_at is not None or (row.gone == LOOKED and _is_back(row, seen)),
            tuple(names[each] for each in _numbers(row.persons) if each in names),
            bool(row.held) or row.gone == LOOKED,
        )
        for row in reversed(rows)
    ]  # fmt: skip


def _is_back(row: Any, seen: Mapping[int, int]) -> bool:
    """Somebody of it was given a certificate since: what is there now may be of today."""
    return any(seen.get(person, 0) > row.time for person in _numbers(row.persons))


def _last_certified(connection: Connection, people: Collection[int]) -> dict[int, int]:
    found, c = dict[int, int](), certificates.c
    for chunk in chunks(people):
        latest = select(c.person_id, func.max(c.recorded_at)).where(c.person_id.in_(chunk)).group_by(c.person_id)
        found.update((number, at) for number, at in connection.execute(latest))
    return found


def _logins(connection: Connection, people: Collection[int]) -> dict[int, str]:
    found, c = dict[int, str](), persons.c
    for chunk in chunks(people):
        named = select(c.id, c.login).where(c.id.in_(chunk), c.login.is_not(None))
        found.update((number, login) for number, login in connection.execute(named))
    return found


def held_people(connection: Connection) -> frozenset[int]:
    """Persons of whom an operator has yet to say that more than their certificates is to end."""
    c = endings.c
    waiting = select(c.persons).where(c.held == 1, c.released_at.is_(None))
    return frozenset(person for each in connection.execute(waiting).scalars() for person in _numbers(each))


def spared(connection: Connection, since: int) -> list[int]:
    """Of what waits for an operator, what none has ended since by a word of their own."""
    c = endings.c
    held = select(c.serials, c.time).where(c.held == 1, c.released_at.is_(None), c.time >= since)
    waiting = connection.execute(held).all()
    if not waiting:
        return []
    own = c.source.not_in(sorted(PROVIDERS)) & (c.held == 0) & (c.time >= min(row.time for row in waiting))
    meant = connection.execute(select(c.serials).where(own)).scalars()
    return sorted({*_all_numbers(row.serials for row in waiting)} - {*_all_numbers(meant)})


def hit_by(connection: Connection, ending: str) -> list[Hit]:
    serials = connection.execute(select(endings.c.serials).where(endings.c.id == ending)).scalar()
    c, found = certificates.c, list[Hit]()
    for chunk in chunks(_numbers(serials or "[]")):
        columns = c.serial, c.valid_before, c.ca_key
        theirs = select(*columns).where(c.serial.in_(chunk), c.type == CertType.USER.value)
        found += [Hit(*row) for row in connection.execute(theirs)]
    return found


def unproven(connection: Connection, since: int, limit: int) -> list[tuple[str, bool]]:
    c = endings.c
    reported = c.reported_at.is_not(None)
    open_ones = select(c.id, reported).where(c.proven < FINAL, c.time >= since)
    rows = connection.execute(open_ones.order_by(reported, c.time.desc(), c.id).limit(limit))
    return [(ending, bool(late)) for ending, late in rows]


def prove(
    connection: Connection, statements: Statements, ending: str, report: str, *, proven: int,
    told: Mapping[str, object], now: int,
) -> bool:  # fmt: skip
    """The first process that comes is the one whose report stays. What hosts said is in it then."""
    head = statements.lock(connection)
    further = endings.c.reported_at.is_(None) | (endings.c.proven < proven)
    row: dict[str, Any] = {"report": report, "reported_at": now, "proven": proven}
    if not connection.execute(update(endings).where(endings.c.id == ending, further).values(row)).rowcount:
        return False
    if proven >= FINAL:
        nothing = ending_reports.c.report.contains('"closed":[]') & ending_reports.c.report.contains('"remains":[]')
        connection.execute(delete(ending_reports).where(ending_reports.c.ending_id == ending, nothing))
    append(connection, statements, head, "ending.report", {"ending": ending, **told}, actor="daypass", now=now)
    return True


def _all_numbers(texts: Iterable[str]) -> Iterator[int]:
    return (number for text in texts for number in _numbers(text))


def _numbers(text: str) -> list[int]:
    return msgspec.json.decode(text, type=list[int])
