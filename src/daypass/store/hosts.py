"""Hosts on record: who may have a host name (trust 5.1), and what laptops are told of them."""

from __future__ import annotations

import secrets
from typing import Any

from sqlalchemy import Connection, exists, insert, select, update

from daypass.ca.ports import REVOKED_FOR, Enrolled, NameTaken
from daypass.model import HostFacts
from daypass.store.prepare import Prepared
from daypass.store.rows import json, keys_json, texts
from daypass.store.schema import certificates, host_names, hosts
from daypass.store.statements import Statements
from daypass.wire import CertType

__all__ = ["admit", "enrolled"]


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


def enrolled(connection: Connection, now: int) -> Enrolled:
    """Sorted, each name once."""
    certified = exists().where(certificates.c.host_id == hosts.c.id, certificates.c.valid_before > now)
    rows = connection.execute(select(hosts.c.name, hosts.c.aliases).where(hosts.c.removed_at.is_(None), certified))
    names = {each for name, aliases in rows for each in (name, *texts(aliases))}
    revoked = select(certificates.c.ca_key, certificates.c.serial).where(
        certificates.c.revoked_at.is_not(None),
        certificates.c.valid_before > now - REVOKED_FOR,
        certificates.c.type == CertType.HOST.value,
    )
    found = connection.execute(revoked.order_by(certificates.c.ca_key, certificates.c.serial))
    return Enrolled(tuple(sorted(names)), tuple((key, serial) for key, serial in found))


def _keeps_its_keys(connection: Connection, host_id: str, item: Prepared) -> bool:
    """Whether nothing passes to another key while a certificate for the name is live."""
    live = select(certificates.c.public_key).where(
        certificates.c.host_id == host_id,
        certificates.c.valid_before > item.time,
        certificates.c.revoked_at.is_(None),
    )
    keys = {bytes(key) for key in connection.execute(live).scalars()}
    return not keys or keys.issuperset(each.public_key for each in item.issued)


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
