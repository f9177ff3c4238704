"""What hosts have applied, who is on them, and what they tell of endings: the newest word of each (trust 6.12)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import cache
from typing import Any

import msgspec
from sqlalchemy import Connection, Select, Table, delete, insert, select, update

from daypass.ca.ack_ports import AckRecord, BrokenIn, Carried, Closed, Limit, Looked, Said, Session, Sessions, Word
from daypass.errors import NotFound
from daypass.store.ending import chunks
from daypass.store.ledger import append
from daypass.store.rows import MAX_INT, json, texts
from daypass.store.schema import (
    certificates,
    ending_reports,
    endings,
    host_acks,
    host_sessions,
    hosts,
    persons,
    session_ends,
)
from daypass.store.statements import Statements
from daypass.wire import CertType

__all__ = ["acked", "acks", "carried", "end_session", "limits", "of_host", "open_sessions", "words"]

MOST_ALARMS = 500  # logins by break-glass that a host has told of, by id
MOST_CLOSED = 500  # sessions that are told of one ending on one host
_sessions = msgspec.json.Decoder(tuple[Session, ...])
_word = msgspec.json.Decoder(Word)


def acked(connection: Connection, statements: Statements, said: Said, now: int) -> None:
    """Under the lock, as all that writes."""
    statements.lock(connection)
    applied = {"bundle_version": said.bundle_version, "krl_version": said.krl_version, "acked_at": now}
    _put(connection, host_acks, {"host_id": said.host}, applied)
    for closed in said.closed:
        _closed(connection, statements, said.host, closed, now)
    for looked in said.looked:
        if connection.execute(select(endings.c.id).where(endings.c.id == looked.ending)).first() is not None:
            _tell(connection, said.host, looked.ending, looked, now)
    _alarm(connection, statements, said, now)
    if said.sessions is not None:
        _put(connection, host_sessions, {"host_id": said.host}, {"sessions": json(said.sessions), "reported_at": now})
        _keep_limits(connection, said, now)


def acks(connection: Connection) -> dict[str, AckRecord]:
    columns = host_acks.c.host_id, host_acks.c.bundle_version, host_acks.c.krl_version, host_acks.c.acked_at
    return {host: AckRecord(*rest) for host, *rest in connection.execute(select(*columns))}


def of_host(connection: Connection, host_id: str) -> Sessions | None:
    row = connection.execute(_of_hosts().where(host_sessions.c.host_id == host_id)).one_or_none()
    return None if row is None else _read(row)


def open_sessions(connection: Connection) -> list[Sessions]:
    some = _of_hosts().where(host_sessions.c.sessions != "[]").order_by(hosts.c.name)
    return [_read(row) for row in connection.execute(some)]


def end_session(
    connection: Connection, statements: Statements, host_id: str, limit: Limit, *, told: Mapping[str, object],
    actor: str, now: int,
) -> None:  # fmt: skip
    head = statements.lock(connection)
    here = select(hosts.c.name).where(hosts.c.id == host_id, hosts.c.removed_at.is_(None))
    if (name := connection.execute(here).scalar()) is None:
        raise NotFound("no such host", code="host.unknown")
    row = {"at": limit.at, "reason": limit.reason, "actor": actor, "made_at": now}
    _put(connection, session_ends, {"host_id": host_id, "session": limit.session}, row)
    whole = {"host": host_id, "name": name, "session": limit.session, "reason": limit.reason, **told}
    append(connection, statements, head, "session.end", whole, actor=actor, now=now)


def limits(connection: Connection) -> dict[str, tuple[Limit, ...]]:
    c, found = session_ends.c, dict[str, list[Limit]]()
    rows = connection.execute(select(c.host_id, c.session, c.at, c.reason).order_by(c.host_id, c.session))
    for host, *rest in rows:
        found.setdefault(host, []).append(Limit(*rest))
    return {host: tuple(each) for host, each in found.items()}


def words(connection: Connection, ending: str) -> dict[str, Word]:
    told = select(ending_reports.c.host_id, ending_reports.c.report).where(ending_reports.c.ending_id == ending)
    return {host: _word.decode(report) for host, report in connection.execute(told)}


def carried(connection: Connection, serials: Iterable[int]) -> dict[int, Carried]:
    c, found = certificates.c, dict[int, Carried]()
    columns = c.serial, c.roles, c.valid_after, c.valid_before, c.ca_key, c.person_id, persons.c.login
    whose = certificates.outerjoin(persons, c.person_id == persons.c.id)
    for chunk in chunks(each for each in serials if 0 < each <= MAX_INT):
        wanted = select(*columns).select_from(whose).where(c.serial.in_(chunk), c.type == CertType.USER.value)
        for serial, roles, after, before, key, person, login in connection.execute(wanted):
            found[serial] = Carried(texts(roles), after, before, key, person, login or "")
    return found


def _closed(connection: Connection, statements: Statements, host: str, closed: Closed, now: int) -> None:
    """It belongs to whatever revoked its certificate, and answers what an operator asked for."""
    for ending in _endings_of(connection, closed.session.serial, closed.session.ca):
        _tell(connection, host, ending, closed, now)
    this = (session_ends.c.host_id == host) & (session_ends.c.session == closed.session.id)
    asked = connection.execute(select(session_ends.c.actor).where(this)).scalar()
    if asked is None:
        return
    connection.execute(delete(session_ends).where(this))
    if asked:
        said = closed.session
        whose = {"session": said.id, "account": said.account, "key_id": said.key_id}
        told = {"host": host, **whose, "survivors": closed.survivors}
        head = statements.lock(connection)
        append(connection, statements, head, "session.closed", told, actor=f"host:{host}", now=now)


def _alarm(connection: Connection, statements: Statements, said: Said, now: int) -> None:
    """Each login by break-glass once, also where the host did not hear that it was heard."""
    if not said.break_glass:
        return
    mine = host_acks.c.host_id == said.host
    known = list(texts(connection.execute(select(host_acks.c.break_glass).where(mine)).scalar_one()))
    name = connection.execute(select(hosts.c.name).where(hosts.c.id == said.host)).scalar_one()
    new = [each for each in said.break_glass if each.id not in known]
    for each in new:
        told = {"host": said.host, "name": name, **_told(each)}
        append(
            connection,
            statements,
            statements.lock(connection),
            "host.break-glass",
            told,
            actor=f"host:{said.host}",
            now=now,
        )
    heard = [*known, *(each.id for each in new)][-MOST_ALARMS:]
    connection.execute(update(host_acks).where(mine).values(break_glass=json(heard)))


def _told(login: BrokenIn) -> dict[str, object]:
    """When the host says that it was is its own word, beside the time of the entry."""
    words = msgspec.structs.asdict(login)
    return words | {"login_at": words.pop("time")}


def _endings_of(connection: Connection, serial: int, ca: str) -> list[str]:
    if not 0 < serial <= MAX_INT:
        return []
    c = certificates.c
    revoked_at = connection.execute(select(c.revoked_at).where(c.serial == serial, c.ca_key == ca)).scalar()
    if revoked_at is None:
        return []
    named = (endings.c.time == revoked_at) & endings.c.serials.contains(str(serial))  # of a flood, few
    then = connection.execute(select(endings.c.id, endings.c.serials).where(named))
    return [ending for ending, serials in then if serial in msgspec.json.decode(serials, type=list[int])]


def _tell(connection: Connection, host: str, ending: str, news: Closed | Looked, now: int) -> None:
    """Beside what the host has told of it before."""
    key = {"ending_id": ending, "host_id": host}
    held = select(ending_reports.c.report).where(*(ending_reports.c[name] == value for name, value in key.items()))
    before = connection.execute(held).scalar()
    word = _word.decode(before) if before is not None else Word()
    _put(connection, ending_reports, key, {"report": json(_with(word, news)), "reported_at": now})


def _with(word: Word, news: Closed | Looked) -> Word:
    if isinstance(news, Looked):
        return msgspec.structs.replace(word, looked=news.time, remains=news.remains, cut=news.cut)
    others = tuple(each for each in word.closed if each.session.id != news.session.id)
    return msgspec.structs.replace(word, closed=(*others, news)[:MOST_CLOSED])


def _keep_limits(connection: Connection, said: Said, now: int) -> None:
    """Of sessions that are open, and no other; what was said of one before stays."""
    mine = session_ends.c.host_id == said.host
    known = set(connection.execute(select(session_ends.c.session).where(mine)).scalars())
    gone = known - {each.id for each in said.sessions or ()}
    for chunk in chunks(gone):
        connection.execute(delete(session_ends).where(mine, session_ends.c.session.in_(chunk)))
    new = [
        {"host_id": said.host, "session": each.session, "at": each.at, "reason": each.reason, "actor": "",
         "made_at": now}
        for each in said.limits if each.session not in known
    ]  # fmt: skip
    if new:
        connection.execute(insert(session_ends), new)


def _put(connection: Connection, table: Table, key: Mapping[str, Any], row: Mapping[str, Any]) -> None:
    """The row of this key, new or in place of the one before it; under the lock nobody comes in between."""
    this = [table.c[name] == value for name, value in key.items()]
    if not connection.execute(update(table).where(*this).values(**row)).rowcount:
        connection.execute(insert(table).values(**key, **row))


@cache
def _of_hosts() -> Select[Any]:
    columns = host_sessions.c.host_id, hosts.c.name, host_sessions.c.reported_at, host_sessions.c.sessions
    joined = select(*columns).join_from(host_sessions, hosts, host_sessions.c.host_id == hosts.c.id)
    return joined.where(hosts.c.removed_at.is_(None))


def _read(row: Any) -> Sessions:
    host, name, reported_at, sessions = row
    return Sessions(host, name, reported_at, _sessions.decode(sessions))
