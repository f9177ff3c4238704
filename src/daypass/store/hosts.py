"""Hosts on record: who may have a host name (trust 5.1), and what laptops are told of them."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from typing import Any

from sqlalchemy import ColumnElement, Connection, exists, insert, select, update

from daypass.ca.ports import REVOKED_FOR, Enrolled, NameTaken
from daypass.model import HostFacts
from daypass.store.prepare import Prepared
from daypass.store.rows import json, keys_json, texts, unkeys
from daypass.store.schema import certificates, host_names, hosts
from daypass.store.statements import Statements
from daypass.wire import CertType

__all__ = ["admit", "enrolled", "renew", "revoked", "with_key"]


def admit(connection: Connection, statements: Statements, facts: HostFacts, item: Prepared) -> str | NameTaken:
    """The id of the host, which is on record now; or the name that it can't have."""
    wanted = list(dict.fromkeys((facts.name, *facts.aliases)))
    owners = {row[0]: row for row in statements.find_hosts(connection, wanted)}
    mine = owners.get(facts.name)
    if mine is not None and mine[2] != facts.name:
        return NameTaken(facts.name)  # another host's alias
    foreign = next((name for name, row in owners.items() if mine is None or row[1] != mine[1]), None)
    if foreign is not None:
        return NameTaken(foreign)
    if mine is not None and not _keeps_its_keys(connection, mine[1], item):
        return NameTaken(facts.name)
    return _put(connection, facts, item, mine, [name for name in wanted if name not in owners])


def renew(connection: Connection, serial: int, item: Prepared) -> str | None:
    """The id of the host whose live certificate this is; None where it is not live, or a name not that host's.

    A new key takes the old one's place among the host's: who shows the old one may pass the name on (trust 5.1).
    """
    found = select(hosts, certificates.c.public_key).join_from(certificates, hosts)
    shown = found.where(certificates.c.serial == serial, *_live(item.time), hosts.c.removed_at.is_(None))
    row = connection.execute(shown).one_or_none()
    if row is None or not {row.name, *texts(row.aliases)}.issuperset(_principals(item)):
        return None
    certified = [each.public_key for each in item.issued]
    left = () if item.whole else unkeys(row.keys)
    kept = [key for key in left if key not in (bytes(row.public_key), *certified)]
    connection.execute(update(hosts).where(hosts.c.id == row.id).values(keys=keys_json([*kept, *certified])))
    return str(row.id)


def with_key(connection: Connection, key: bytes, now: int) -> frozenset[str]:
    """Ids of hosts with a live certificate for it."""
    these = select(certificates.c.host_id).where(
        certificates.c.host_id.is_not(None), certificates.c.public_key == key, *_live(now)
    )
    return frozenset(connection.execute(these).scalars())


def enrolled(connection: Connection, now: int) -> Enrolled:
    """Sorted, each name once."""
    certified = exists().where(certificates.c.host_id == hosts.c.id, certificates.c.valid_before > now)
    rows = connection.execute(select(hosts.c.name, hosts.c.aliases).where(hosts.c.removed_at.is_(None), certified))
    names = {each for name, aliases in rows for each in (name, *texts(aliases))}
    return Enrolled(tuple(sorted(names)), revoked(connection, CertType.HOST, now))


def revoked(connection: Connection, kind: CertType, now: int) -> tuple[tuple[str, int], ...]:
    """(fingerprint of the CA key, serial), ascending."""
    these = select(certificates.c.ca_key, certificates.c.serial).where(
        certificates.c.revoked_at.is_not(None),
        certificates.c.valid_before > now - REVOKED_FOR,
        certificates.c.type == kind.value,
    )
    found = connection.execute(these.order_by(certificates.c.ca_key, certificates.c.serial))
    return tuple((key, serial) for key, serial in found)


def _keeps_its_keys(connection: Connection, host_id: str, item: Prepared) -> bool:
    """Whether nothing passes to another key while a certificate for the name is live."""
    live = select(certificates.c.public_key).where(certificates.c.host_id == host_id, *_live(item.time))
    keys = {bytes(key) for key in connection.execute(live).scalars()}
    return not keys or keys.issuperset(each.public_key for each in item.issued)


def _live(now: int) -> tuple[ColumnElement[bool], ...]:
    return certificates.c.valid_before > now, certificates.c.revoked_at.is_(None)


def _principals(item: Prepared) -> Iterator[str]:
    return (name for each in item.issued for name in each.principals)


def _put(
    connection: Connection, facts: HostFacts, item: Prepared, mine: tuple[Any, ...] | None, new: list[str]
) -> str:
    values = {
        "aliases": json(facts.aliases),
        "labels": json(dict(facts.labels)),
        "keys": keys_json(each.public_key for each in item.issued),
    }
    if mine is not None:
        host_id = str(mine[1])
        connection.execute(update(hosts).where(hosts.c.id == host_id).values(**values, removed_at=None))
    else:
        host_id = secrets.token_hex(16)
        connection.execute(insert(hosts).values(id=host_id, name=facts.name, created_at=item.time, **values))
    if new:
        connection.execute(insert(host_names), [{"name": name, "host_id": host_id} for name in new])
    return host_id
