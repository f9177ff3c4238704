"""Hosts as the CA knows them: what their tokens said, what they say of themselves, and who has accounts there."""

from __future__ import annotations

from collections.abc import Collection
from functools import cache
from typing import Any

import msgspec
from sqlalchemy import Connection, Select, bindparam, func, literal_column, select, update

from daypass.ca.host_ports import MAX_MACHINES, MAX_REPORTED, HostAbout, HostAccounts, KnownHost, Member
from daypass.errors import Invalid, NotFound
from daypass.model import role_principal
from daypass.store.ledger import append
from daypass.store.proofs import held_people
from daypass.store.reported import reserve_accounts
from daypass.store.rows import json, labels_of, texts, unkeys
from daypass.store.schema import certificates, host_names, hosts, persons
from daypass.store.statements import Statements
from daypass.wire import CertType

__all__ = ["called", "every", "find", "people_of", "synced"]

MAX_CALLED = 100  # of hosts that may be meant by a part of a name
_accounts = msgspec.json.Decoder(HostAccounts)


class _Said(msgspec.Struct, frozen=True):
    """The column `facts`."""

    about: HostAbout
    machines: tuple[str, ...] = ()


_said = msgspec.json.Decoder(_Said)


def every(connection: Connection) -> list[KnownHost]:
    return [_read(row) for row in connection.execute(_wanted().order_by(hosts.c.name))]


def find(connection: Connection, host_id: str) -> KnownHost | None:
    row = connection.execute(_by_id(), {"host_id": host_id}).one_or_none()
    return None if row is None else _read(row)


def called(connection: Connection, name: str) -> list[KnownHost]:
    """By a range, which is what an index is for: after a dot comes a slash, in ASCII."""
    whole, longer = host_names.c.name == name, host_names.c.name.between(f"{name}.", f"{name}/")
    found = select(host_names.c.host_id).where(whole | longer).limit(MAX_CALLED)
    ids = set(connection.execute(found).scalars())
    ids.update(connection.execute(select(host_names.c.host_id).where(whole)).scalars())
    return [_read(row) for row in connection.execute(_wanted().where(hosts.c.id.in_(ids)).order_by(hosts.c.name))]


def synced(
    connection: Connection,
    statements: Statements,
    host_id: str,
    accounts: HostAccounts,
    version: int,
    now: int,
    *,
    trust_version: int | None,
    about: HostAbout | None,
) -> None:
    """Under the lock, as all that writes."""
    if max(len(accounts.system), len(accounts.ordinary)) > MAX_REPORTED:
        raise Invalid(f"a host reports {MAX_REPORTED} accounts of a kind at most", code="host.accounts")
    statements.lock(connection)
    before = find(connection, host_id)
    if before is None:
        raise NotFound("no such host", code="host.unknown")
    said: dict[str, object] = {"accounts": json(accounts), "bundle_version": version, "synced_at": now}
    said |= {"trust_version": trust_version} if trust_version is not None else {}
    machines = before.machines
    if about is not None:
        machines = tuple(dict.fromkeys((*before.machines, *([about.machine] if about.machine else []))))[
            :MAX_MACHINES
        ]
        said["facts"] = json(_Said(about, machines))
    connection.execute(update(hosts).where(hosts.c.id == host_id).values(said))
    if len(machines) > max(1, len(before.machines)):
        told = {"host": host_id, "name": before.name, "machines": machines}
        append(
            connection, statements, statements.lock(connection), "host.clone", told, actor=f"host:{host_id}", now=now
        )
    new = set(accounts.system).difference(before.accounts.system if before.accounts else ())
    reserve_accounts(connection, statements, before.name, new, now=now)


def people_of(connection: Connection, roles: Collection[str], since: int) -> list[Member]:
    """Of many whom a provider has locked at once, none is locked on hosts before an operator says so: their accounts
    would be, and what runs there be ended."""
    waiting = held_people(connection)
    held = (
        select(persons.c.login, persons.c.locked_at, certificates.c.principals, persons.c.id, persons.c.locked_by)
        .join_from(certificates, persons, certificates.c.person_id == persons.c.id)
        .where(
            certificates.c.person_id.is_not(None),
            certificates.c.type == CertType.USER.value,
            certificates.c.valid_before > since,
            persons.c.login.is_not(None),
        )
        .distinct()
    )
    found = dict[str, set[str]]()
    locked = set[str]()
    for login, locked_at, principals, number, by in connection.execute(held):
        carried = set(texts(principals))
        found.setdefault(login, set()).update(role for role in roles if role_principal(role, login=login) in carried)
        locked.update([login] if locked_at is not None and not (by and number in waiting) else [])
    return [Member(login, tuple(sorted(held)), login in locked) for login, held in sorted(found.items()) if held]


@cache
def _by_id() -> Select[Any]:
    """Made once: at each call by a host it would cost more than its execution."""
    return _wanted().where(hosts.c.id == bindparam("host_id"))


def _wanted() -> Select[Any]:
    live = (certificates.c.host_id == hosts.c.id) & certificates.c.revoked_at.is_(None)
    latest = func.coalesce(func.max(certificates.c.valid_before), literal_column("0"))
    until = select(latest).where(live).scalar_subquery().label("live_until")
    ends = select(latest).where(certificates.c.host_id == hosts.c.id).scalar_subquery().label("ends")
    return select(hosts, until, ends).where(hosts.c.removed_at.is_(None))


def _read(row: Any) -> KnownHost:
    said = _said.decode(row.facts) if row.facts else None
    return KnownHost(
        id=row.id,
        name=row.name,
        aliases=texts(row.aliases),
        labels=labels_of(row.labels),
        keys=unkeys(row.keys),
        live_until=row.live_until,
        addresses=texts(row.addresses),
        accounts=None if row.accounts is None else _accounts.decode(row.accounts),
        bundle_version=row.bundle_version,
        synced_at=row.synced_at,
        trust_version=row.trust_version,
        about=said.about if said is not None else None,
        machines=said.machines if said is not None else (),
        enrolled_from=row.enrolled_from or "",
        created_at=row.created_at,
        ends=row.ends,
    )
