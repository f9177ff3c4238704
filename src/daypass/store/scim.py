"""Resources of directories, and what a change of one means for whom (trust 6.8).

A change that concerns somebody's access raises the `state` of their user: then it is due, and whatever is being
issued on what the directory said before is decided anew. A user who is deleted, or stands for another sign-in now,
leaves a row behind for the one they stood for: nobody is to keep what that one was given.
"""

from __future__ import annotations

import secrets
import uuid
from collections.abc import Collection, Iterable, Sequence
from typing import Any

from msgspec.structs import replace
from sqlalchemy import ColumnElement, Connection, delete, insert, select, update

from daypass.ca.scim_ports import GROUP, USER, Entry, Looked
from daypass.errors import Conflict, NotFound
from daypass.store.ending import chunks
from daypass.store.ledger import append
from daypass.store.schema import scim_members, scim_resources
from daypass.store.scim_said import DEPTH, groups_of
from daypass.store.statements import Statements

__all__ = ["find", "put", "remove"]

r, m = scim_resources.c, scim_members.c


def find(connection: Connection, provider: str, looked: Looked) -> list[Entry]:
    wanted = select(scim_resources).where(r.provider == provider, r.type.in_(looked.types), r.deleted == 0)
    for column, value in ((r.name, looked.name), (r.id, looked.id), (r.external_id, looked.external_id)):
        if value is not None:
            wanted = wanted.where(column == value)
    rows = connection.execute(wanted.order_by(r.type, r.id)).all()
    members = _members(connection, provider, [row.id for row in rows if row.type == GROUP])
    groups = groups_of(connection, provider, [row.id for row in rows if row.type == USER])
    return [_read(row, members.get(row.id, ()), groups.get(row.id, ())) for row in rows]


def put(
    connection: Connection, statements: Statements, provider: str, entry: Entry, *, expected: str | None, now: int
) -> Entry:
    head = statements.lock(connection)
    old = _row(connection, provider, entry.type, entry.id)
    if expected is not None or old is not None:
        _require(old, entry.type, expected)
    _require_free(connection, provider, entry)
    entry = _kept(entry, old, now)
    joined = set(entry.members) ^ set(_members(connection, provider, [entry.id]).get(entry.id, ()))
    concerned = _written(connection, provider, entry, old, joined, now)
    if concerned:
        details = {**_told(entry.type, entry.id, entry.name), "active": entry.active, "concerns": len(concerned)}
        act = "scim.create" if old is None else "scim.update"
        append(
            connection, statements, head, act, {"provider": provider, **details}, actor=f"scim:{provider}", now=now
        )
    return find(connection, provider, Looked(types=(entry.type,), id=entry.id))[0]


def remove(
    connection: Connection,
    statements: Statements,
    provider: str,
    kind: str,
    number: str,
    *,
    expected: str | None,
    now: int,
) -> None:
    head = statements.lock(connection)
    old = _row(connection, provider, kind, number)
    _require(old, kind, expected)
    concerned = _below(connection, provider, [number]) if kind == GROUP else []
    connection.execute(
        delete(scim_members).where(m.provider == provider, (m.group_id == number) | (m.member_id == number))
    )
    if kind == USER:
        left = {"deleted": 1, "active": 0, "allowed_at": None, "modified_at": now, "resource": "{}"}
        this = update(scim_resources).where(_is(provider, kind, number))
        connection.execute(this.values(**left, external_id=None, state=r.state + 1))
    else:
        connection.execute(delete(scim_resources).where(_is(provider, kind, number)))
    _concern(connection, provider, concerned, now)
    details = {"provider": provider, **_told(kind, number, old.name), "concerns": len(concerned)}
    append(connection, statements, head, "scim.delete", details, actor=f"scim:{provider}", now=now)


def _written(
    connection: Connection, provider: str, entry: Entry, old: Any, joined: Collection[str], now: int
) -> Sequence[str]:
    """Gives the ids of users whom the change concerns."""
    row = {name: getattr(entry, name) for name in ("name", "external_id", "match", "resource", "version")}
    row |= {"active": int(entry.active), "created_at": entry.created_at, "modified_at": entry.modified_at}
    key = {"provider": provider, "type": entry.type, "id": entry.id}
    says_new = entry.type == USER and (old is None or bool(old.active) != entry.active or old.match != entry.match)
    if old is None:
        _forget_left(connection, provider, entry.match)
        connection.execute(insert(scim_resources).values(**key, **row))
    else:
        if says_new:
            _forget_left(connection, provider, entry.match)
            row |= {"allowed_at": None, "state": r.state + 1}
        connection.execute(update(scim_resources).where(_is(provider, entry.type, entry.id)).values(row))
        if entry.type == USER and old.match is not None and old.match != entry.match:
            _leave(connection, provider, old, now)
    if entry.type == USER:
        return [entry.id] if says_new else []
    _put_members(connection, provider, entry, joined)
    renamed = old is not None and old.name != entry.name
    concerned = _below(connection, provider, [*joined, *(entry.members if renamed else ())], themselves=True)
    _concern(connection, provider, concerned, now)
    return concerned or ([entry.id] if old is None or renamed else [])


def _leave(connection: Connection, provider: str, old: Any, now: int) -> None:
    """Nobody stands any more for what this user stood for."""
    row = {"provider": provider, "type": USER, "id": uuid.uuid4().hex, "name": old.name, "match": old.match,
           "active": 0, "deleted": 1, "resource": "{}", "version": "", "state": old.state + 1, "settled": old.state,
           "created_at": now, "modified_at": now}  # fmt: skip
    connection.execute(insert(scim_resources).values(row))


def _forget_left(connection: Connection, provider: str, match: str | None) -> None:
    """Somebody stands for it again."""
    if match is not None:
        left = (r.provider == provider) & (r.type == USER) & (r.match == match) & (r.deleted == 1)
        connection.execute(delete(scim_resources).where(left))


def _put_members(connection: Connection, provider: str, entry: Entry, joined: Collection[str]) -> None:
    of_it = (m.provider == provider) & (m.group_id == entry.id)
    for chunk in chunks(set(joined) - set(entry.members)):
        connection.execute(delete(scim_members).where(of_it & m.member_id.in_(chunk)))
    new = set(joined) & set(entry.members)
    if new:
        rows = [{"provider": provider, "group_id": entry.id, "member_id": each} for each in sorted(new)]
        connection.execute(insert(scim_members), rows)


def _below(connection: Connection, provider: str, numbers: Iterable[str], *, themselves: bool = False) -> list[str]:
    """Users in these groups, also by way of others; with `themselves` those who are named. By id."""
    found, asked = set[str](), set(numbers)
    seen = set(asked) if themselves else set[str]()
    for _ in range(DEPTH):
        below = set[str]()
        for chunk in chunks(asked):
            within = select(m.member_id).where(m.provider == provider, m.group_id.in_(chunk))
            below.update(connection.execute(within).scalars())
        asked = below - seen
        seen |= below
        if not asked:
            break
    for chunk in chunks(seen):
        users = select(r.id).where(r.provider == provider, r.type == USER, r.deleted == 0, r.id.in_(chunk))
        found.update(connection.execute(users).scalars())
    return sorted(found)


def _concern(connection: Connection, provider: str, users: Iterable[str], now: int) -> None:
    for chunk in chunks(users):
        these = (r.provider == provider) & (r.type == USER) & r.id.in_(chunk)
        connection.execute(update(scim_resources).where(these).values(state=r.state + 1, modified_at=now))


def _require(old: Any, kind: str, expected: str | None) -> None:
    if old is None:
        raise NotFound(f"there is no such {kind}", code="scim.unknown")
    if expected is not None and old.version != expected:
        raise Conflict("it has changed meanwhile", code="scim.version")


def _require_free(connection: Connection, provider: str, entry: Entry) -> None:
    if entry.type != USER:
        return
    same: list[ColumnElement[bool]] = [r.name == entry.name]
    if entry.match is not None:
        same.append(r.match == entry.match)
    others = (r.provider == provider) & (r.type == USER) & (r.deleted == 0) & (r.id != entry.id)
    for each in same:
        if connection.execute(select(r.id).where(others, each).limit(1)).scalar() is not None:
            what = "userName" if each is same[0] else "sign-in that it stands for"
            raise Conflict(f"another User has this {what}", code="scim.taken")


def _kept(entry: Entry, old: Any, now: int) -> Entry:
    created = now if old is None else old.created_at
    version = f'W/"{secrets.token_hex(8)}"'
    members = tuple(dict.fromkeys(entry.members))
    return replace(entry, version=version, created_at=created, modified_at=now, members=members)


def _row(connection: Connection, provider: str, kind: str, number: str) -> Any:
    this = select(scim_resources).where(_is(provider, kind, number), r.deleted == 0)
    return connection.execute(this).one_or_none()


def _is(provider: str, kind: str, number: str) -> ColumnElement[bool]:
    return (r.provider == provider) & (r.type == kind) & (r.id == number)


def _members(connection: Connection, provider: str, groups: Sequence[str]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for chunk in chunks(groups):
        of_them = select(m.group_id, m.member_id).where(m.provider == provider, m.group_id.in_(chunk))
        for group, member in connection.execute(of_them.order_by(m.member_id)):
            found.setdefault(group, []).append(member)
    return found


def _read(row: Any, members: Sequence[str], groups: Sequence[tuple[str, str]]) -> Entry:
    return Entry(
        type=row.type, id=row.id, name=row.name, resource=row.resource, external_id=row.external_id, match=row.match,
        active=bool(row.active), members=tuple(members), version=row.version, created_at=row.created_at,
        modified_at=row.modified_at, groups=tuple(groups),
    )  # fmt: skip


def _told(kind: str, number: str, name: str) -> dict[str, object]:
    return {"type": kind, "id": number, "name": name}
