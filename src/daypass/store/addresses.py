"""Addresses that are names of hosts (trust 5.2). They change hands: unlike a name, one passes on as soon as no
certificate of the host before is live."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from sqlalchemy import Connection, delete, insert, select, update

from daypass.store.rows import json, texts
from daypass.store.schema import certificates, host_names, hosts

__all__ = ["held", "put"]


def held(connection: Connection, wanted: Sequence[str], mine: Collection[str], now: int) -> str | None:
    """The first of these addresses that another host has a live certificate for; `mine` are ids of this one."""
    owners = select(host_names.c.name, host_names.c.host_id).where(host_names.c.name.in_(wanted))
    for address, host_id in connection.execute(owners.order_by(host_names.c.name)) if wanted else ():
        certified = select(certificates.c.serial).where(certificates.c.host_id == host_id)
        live = certified.where(certificates.c.valid_before > now, certificates.c.revoked_at.is_(None))
        if host_id not in mine and connection.execute(live.limit(1)).first() is not None:
            return str(address)
    return None


def put(connection: Connection, host_id: str, before: Sequence[str], wanted: Sequence[str]) -> None:
    """What the host had before is anybody's, and what it has now nobody else's."""
    owners = select(hosts.c.id, hosts.c.addresses).join_from(host_names, hosts)
    others = connection.execute(owners.where(host_names.c.name.in_(wanted), hosts.c.id != host_id)).all()
    for other, addresses in {row[0]: row[1] for row in others}.items():
        left = [each for each in texts(addresses) if each not in wanted]
        connection.execute(update(hosts).where(hosts.c.id == other).values(addresses=json(left)))
    either = {*before, *wanted}
    if either:
        connection.execute(delete(host_names).where(host_names.c.name.in_(either)))
    if wanted:
        connection.execute(insert(host_names), [{"name": each, "host_id": host_id} for each in wanted])
