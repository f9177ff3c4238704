"""What directories say of whoever signs in, and whom their users mean among the persons on record (trust 6.8)."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import ColumnElement, Connection, Select, delete, func, select, update

from daypass.ca.person_ports import IdentityRecord
from daypass.ca.scim_ports import GROUP, USER, Due, Held
from daypass.ca.subject import claim_values
from daypass.model import Vouched
from daypass.store.facts import decode
from daypass.store.schema import identities, persons, scim_members, scim_resources

__all__ = ["DEPTH", "above", "due", "groups_of", "people", "settled", "still_vouched", "vouched"]

DEPTH = 8  # groups within groups
FEW = 20  # users that are looked up one by one
r = scim_resources.c
_LET_IN = (r.active == 1) | r.allowed_at.is_not(None)


def vouched(connection: Connection, provider: str, match: str) -> Vouched | None:
    row = connection.execute(_standing(provider, match)).one_or_none()
    if row is None:
        return None
    groups = frozenset(name for _, name in above(connection, provider, row.id))
    return Vouched(provider, match, row.state, groups)


def still_vouched(connection: Connection, said: Vouched) -> bool:
    """Under the lock of a recording: whether the directory says what it did."""
    row = connection.execute(_standing(said.provider, said.match)).one_or_none()
    return row is not None and row.state == said.state


def _standing(provider: str, match: str) -> Select[Any]:
    """At most one row: matches are unique."""
    return select(r.id, r.state).where(r.provider == provider, r.type == USER, r.match == match, _LET_IN)


def above(connection: Connection, provider: str, number: str) -> list[tuple[str, str]]:
    """Id and name of each group that this resource is in, also by way of others; by name."""
    m, found, asked = scim_members.c, dict[str, str](), [number]
    for _ in range(DEPTH):
        joined = (r.provider == m.provider) & (r.type == GROUP) & (r.id == m.group_id)
        groups = select(r.id, r.name).join_from(scim_members, scim_resources, joined)
        rows = connection.execute(groups.where(m.provider == provider, m.member_id.in_(asked))).all()
        asked = [group for group, _ in rows if group not in found]
        found.update((group, name) for group, name in rows)
        if not asked:
            break
    return sorted(found.items(), key=lambda each: (each[1], each[0]))


def groups_of(connection: Connection, provider: str, users: Sequence[str]) -> dict[str, list[tuple[str, str]]]:
    """`above` of each; of many by one look at all there is."""
    if len(users) <= FEW:
        return {number: above(connection, provider, number) for number in users}
    m, over = scim_members.c, dict[str, list[str]]()
    for group, member in connection.execute(select(m.group_id, m.member_id).where(m.provider == provider)):
        over.setdefault(member, []).append(group)
    named = connection.execute(select(r.id, r.name).where(r.provider == provider, r.type == GROUP)).all()
    names = {row.id: row.name for row in named}
    return {number: _closed(number, over, names) for number in users}


def _closed(number: str, over: Mapping[str, Sequence[str]], names: Mapping[str, str]) -> list[tuple[str, str]]:
    found, asked = set[str](), {number}
    for _ in range(DEPTH):
        asked = {group for each in asked for group in over.get(each, ()) if group in names} - found
        found |= asked
    return sorted(((each, names[each]) for each in found), key=lambda each: (each[1], each[0]))


def due(connection: Connection, provider: str | None, limit: int) -> list[tuple[str, Due]]:
    waiting = select(scim_resources).where(r.type == USER, r.settled < r.state)
    if provider is not None:
        waiting = waiting.where(r.provider == provider)
    rows = connection.execute(waiting.order_by(r.active, r.modified_at).limit(limit)).all()
    return [(row.provider, _due(connection, row)) for row in rows]


def _due(connection: Connection, row: Any) -> Due:
    return Due(
        id=row.id,
        name=row.name,
        match=row.match,
        entered=bool(row.active) or row.allowed_at is not None,
        deleted=bool(row.deleted),
        state=row.state,
        before=row.settled > 0,
        groups=frozenset(name for _, name in above(connection, row.provider, row.id)),
    )


def settled(connection: Connection, provider: str, said: Due) -> None:
    this = (r.provider == provider) & (r.type == USER) & (r.id == said.id) & (r.state == said.state)
    if said.deleted and said.match is None:
        connection.execute(delete(scim_resources).where(this))
    else:
        connection.execute(update(scim_resources).where(this).values(settled=said.state))


def people(connection: Connection, provider: str, side: str, match: str) -> list[Held]:
    joined = persons.c.id == identities.c.person_id
    theirs = select(identities, persons.c.generation, persons.c.locked_at, persons.c.locked_by)
    found = theirs.join_from(identities, persons, joined).where(identities.c.provider == provider)
    rows = connection.execute(found.where(_has(side, match)).order_by(identities.c.person_id)).all()
    return [each for each in map(_held, rows) if _is_meant(each.identity, side, match)]


def _has(side: str, match: str) -> ColumnElement[bool]:
    """A claim is looked for in the text of the facts, and then for good in what it says."""
    if side == "sub":
        return identities.c.subject == match
    if side == "email":
        return func.lower(identities.c.email) == match
    written = json.dumps(match, ensure_ascii=False)
    return identities.c.facts.contains(written, autoescape=True)


def _is_meant(identity: IdentityRecord, side: str, match: str) -> bool:
    if not side.startswith("claim:"):
        return True
    said: Any = identity.facts.claims.get(side.removeprefix("claim:")) if identity.facts else None
    return claim_values(said) == (match,)


def _held(row: Any) -> Held:
    facts = decode(row.facts) if row.facts is not None else None
    identity = IdentityRecord(row.issuer, row.subject, row.provider, row.email, facts, row.linked_at, row.linked_by)
    return Held(row.person_id, identity, row.generation, row.locked_at is not None, row.locked_by)
