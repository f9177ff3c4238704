"""Hosts on record: who may have a host name (trust 5.1), and what laptops are told of them."""

from __future__ import annotations

import secrets
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cache
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, Connection, Select, bindparam, delete, exists, insert, select, update

from daypass.ca.host_ports import EnrolledHost
from daypass.ca.ports import NameTaken
from daypass.model import HostFacts
from daypass.store import addresses
from daypass.store.ending import mark_revoked
from daypass.store.prepare import Prepared
from daypass.store.rows import json, keys_json, labels_of, texts, unkeys
from daypass.store.schema import certificates, host_names, hosts
from daypass.store.statements import Statements

__all__ = ["Admitted", "admit", "enrolled", "renew", "retire", "revocation", "with_key"]


class Admitted(NamedTuple):
    """A host that is on record now, and what the ledger is told beside its certificates."""

    id: str
    events: tuple[tuple[str, Mapping[str, object]], ...] = ()


def admit(connection: Connection, statements: Statements, facts: HostFacts, item: Prepared) -> Admitted | NameTaken:
    """The host as it is on record now; or the name that it can't have, and then nothing is written.

    Another machine is another host: one with none of the keys that were certified last gets an id of its own, and
    what the one before it has said is no word of this one.
    """
    wanted = list(dict.fromkeys((facts.name, *facts.aliases)))
    owners = {row[0]: row for row in statements.find_hosts(connection, wanted)}
    joins = item.joins
    mine, leaves = owners.get(facts.name), joins.replaces if joins is not None else ""
    if mine is not None and mine[2] != facts.name and mine[1] != leaves:
        return NameTaken(facts.name)  # another host's alias
    known = {leaves} if mine is None else {leaves, mine[1]}
    foreign = next((name for name, row in owners.items() if row[1] not in known), None)
    if foreign is not None:
        return NameTaken(foreign)
    if mine is not None and mine[1] != leaves and not _may_pass(connection, mine, facts, item):
        return NameTaken(facts.name)
    taken = addresses.held(connection, facts.addresses, known, item.time)
    if taken is not None:
        return NameTaken(taken)
    certified = {each.public_key for each in item.issued}
    if mine is not None and mine[1] != leaves and certified.isdisjoint(unkeys(mine[5])):
        leaves = mine[1]
    if not any(row[1] == leaves for row in owners.values()):
        leaves = ""  # it has gone by itself
    serials = retire(connection, leaves, "replaced", item.time) if leaves else ()
    owners = {name: row for name, row in owners.items() if row[1] != leaves}
    host_id = _put(connection, facts, item, owners.get(facts.name), [name for name in wanted if name not in owners])
    told = {"host": host_id, "name": facts.name, "replaces": leaves, "serials": serials}
    events: list[tuple[str, Mapping[str, object]]] = [("host.replace", told)] if leaves else []
    events += [("certificate.revoke", revocation(serials, "replaced"))] if serials else []
    return Admitted(host_id, tuple(events))


def renew(connection: Connection, serial: int, item: Prepared) -> Admitted | None:
    """The host whose live certificate this is; None where it is not live, or a name not that host's.

    A new key takes the old one's place among the host's: who shows the old one may pass the name on (trust 5.1).
    """
    row = connection.execute(_shown(), {"shown": serial, "now": item.time}).one_or_none()
    if row is None or not _are_its_own(row, _principals(item)):
        return None
    certified = [each.public_key for each in item.issued]
    left = () if item.whole else unkeys(row.keys)
    kept = [key for key in left if key not in (bytes(row.public_key), *certified)]
    keys = keys_json([*kept, *certified])
    if keys != row.keys:
        connection.execute(update(hosts).where(hosts.c.id == row.id).values(keys=keys))
    return Admitted(row.id)


@cache
def _shown() -> Select[Any]:
    """The host of a live certificate, by its serial. Made once: at each renewal it would cost more than the rest."""
    found = select(hosts, certificates.c.public_key).join_from(certificates, hosts)
    live = certificates.c.valid_before > bindparam("now"), certificates.c.revoked_at.is_(None)
    return found.where(certificates.c.serial == bindparam("shown"), *live, hosts.c.removed_at.is_(None))


def retire(connection: Connection, host_id: str, reason: str, now: int) -> tuple[int, ...]:
    """The host is there no more: its live certificates are revoked, its names anybody's. Gives the serials."""
    mine = select(certificates.c.serial).where(certificates.c.host_id == host_id, *_live(now))
    serials = tuple(connection.execute(mine.order_by(certificates.c.serial)).scalars())
    mark_revoked(connection, serials, reason, now)
    connection.execute(delete(host_names).where(host_names.c.host_id == host_id))
    connection.execute(update(hosts).where(hosts.c.id == host_id).values(removed_at=now))
    return serials


def revocation(serials: Sequence[int], reason: str) -> dict[str, object]:
    """What an entry `certificate.revoke` says; whoever follows the ledger acts on it."""
    return {"serials": serials, "reason": reason}


def with_key(connection: Connection, key: bytes, now: int) -> frozenset[str]:
    """Ids of hosts with a live certificate for it."""
    these = select(certificates.c.host_id).where(
        certificates.c.host_id.is_not(None), certificates.c.public_key == key, *_live(now)
    )
    return frozenset(connection.execute(these).scalars())


def enrolled(connection: Connection, now: int) -> tuple[EnrolledHost, ...]:
    """By name. Which names stand in a certificate, its newest one says."""
    its_own, columns = certificates.c.host_id == hosts.c.id, (hosts.c.name, hosts.c.aliases, hosts.c.labels)
    certified = select(certificates.c.principals).where(its_own, certificates.c.valid_before > now)
    newest = certified.order_by(certificates.c.valid_after.desc(), certificates.c.serial.desc()).limit(1)
    principals, live = newest.scalar_subquery(), exists().where(its_own, *_live(now))
    rows = select(*columns, hosts.c.addresses, principals.label("principals"), live.label("live")).where(
        hosts.c.removed_at.is_(None), principals.is_not(None)
    )
    return tuple(_enrolled(row) for row in connection.execute(rows.order_by(hosts.c.name)))


def _enrolled(row: Any) -> EnrolledHost:
    own, certified = (row.name, *texts(row.aliases)), texts(row.principals)
    more = (*(name.partition(".")[0] for name in own), *texts(row.addresses))
    there = tuple(dict.fromkeys(each for each in more if each in certified and each not in own))
    return EnrolledHost(row.name, own, there, labels_of(row.labels), bool(row.live))


def _may_pass(connection: Connection, mine: tuple[Any, ...], facts: HostFacts, item: Prepared) -> bool:
    """Whether nothing passes to another key while a certificate for the name is live, but within one cloud instance
    (trust 5.1), and nobody is given the name of a live host because they have asked for it."""
    if facts.instance and facts.instance == _instance_of(connection, mine[1]):
        return True
    live = select(certificates.c.public_key).where(certificates.c.host_id == mine[1], *_live(item.time))
    keys = {bytes(key) for key in connection.execute(live).scalars()}
    proposed = item.joins is not None and bool(item.joins.patterns)
    return not keys or (not proposed and keys.issuperset(each.public_key for each in item.issued))


def _instance_of(connection: Connection, host_id: str) -> str | None:
    return connection.execute(select(hosts.c.instance).where(hosts.c.id == host_id)).scalar_one_or_none()


def _live(now: int) -> tuple[ColumnElement[bool], ...]:
    return certificates.c.valid_before > now, certificates.c.revoked_at.is_(None)


def _are_its_own(row: Any, principals: Iterable[str]) -> bool:
    """Names and addresses of this host, and first labels of its names: in which domain those count, policy says."""
    names = (row.name, *texts(row.aliases))
    first = (name.partition(".")[0] for name in names)
    return {*names, *first, *texts(row.addresses)}.issuperset(principals)


def _principals(item: Prepared) -> Iterator[str]:
    return (name for each in item.issued for name in each.principals)


def _put(
    connection: Connection, facts: HostFacts, item: Prepared, mine: tuple[Any, ...] | None, new: list[str]
) -> str:
    values = {
        "aliases": json(facts.aliases),
        "labels": json(dict(facts.labels)),
        "keys": keys_json(each.public_key for each in item.issued),
        "addresses": json(facts.addresses),
        "instance": facts.instance or None,
        "facts": None,  # which machine it is shows anew
        "enrolled_from": item.joins.address or None if item.joins is not None else None,
    }
    if mine is not None:
        host_id = str(mine[1])
        connection.execute(update(hosts).where(hosts.c.id == host_id).values(**values, removed_at=None))
    else:
        host_id = secrets.token_hex(16)
        connection.execute(insert(hosts).values(id=host_id, name=facts.name, created_at=item.time, **values))
    if new:
        connection.execute(insert(host_names), [{"name": name, "host_id": host_id} for name in new])
    addresses.put(connection, host_id, texts(mine[7]) if mine is not None else (), facts.addresses)
    return host_id
