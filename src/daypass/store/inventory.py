"""Hosts that leave: removed by an operator, or gone stale by themselves."""

from __future__ import annotations

from sqlalchemy import Connection, exists, select

from daypass.ca.host_ports import HostCertificate
from daypass.errors import NotFound
from daypass.store.hosts import retire, revocation
from daypass.store.ledger import append
from daypass.store.rows import texts
from daypass.store.schema import certificates, hosts
from daypass.store.statements import Statements

__all__ = ["certificates_of", "remove", "retire_stale", "stale"]

MOST = 100  # certificates told of one host


def certificates_of(connection: Connection, host_id: str, now: int) -> list[HostCertificate]:
    columns = ("serial", "public_key", "principals", "valid_after", "valid_before", "revoked_at", "revoke_reason")
    mine = select(*(certificates.c[name] for name in columns)).where(
        certificates.c.host_id == host_id, certificates.c.valid_before > now
    )
    newest = mine.order_by(certificates.c.recorded_at.desc(), certificates.c.serial.desc()).limit(MOST)
    return [
        HostCertificate(serial, bytes(key), texts(principals), *rest)
        for serial, key, principals, *rest in connection.execute(newest)
    ]


def remove(
    connection: Connection, statements: Statements, host_id: str, *, reason: str, actor: str, now: int
) -> tuple[int, ...]:
    head = statements.lock(connection)
    here = select(hosts.c.name).where(hosts.c.id == host_id, hosts.c.removed_at.is_(None))
    name = connection.execute(here).scalar()
    if name is None:
        raise NotFound("no such host", code="host.unknown")
    serials = retire(connection, host_id, "removed", now)
    told = {"host": host_id, "name": name, "serials": serials, "reason": reason}
    append(connection, statements, head, "host.remove", told, actor=actor, now=now)
    if serials:
        ended = revocation(serials, "removed")
        append(connection, statements, statements.lock(connection), "certificate.revoke", ended, actor=actor, now=now)
    return serials


def stale(connection: Connection, before: int, limit: int) -> list[tuple[str, str]]:
    """(id, name) of hosts none of whose certificates ended at `before` or later, revoked ones counted."""
    later = exists().where(certificates.c.host_id == hosts.c.id, certificates.c.valid_before >= before)
    gone = select(hosts.c.id, hosts.c.name).where(hosts.c.removed_at.is_(None), hosts.c.created_at < before, ~later)
    return [(row.id, row.name) for row in connection.execute(gone.order_by(hosts.c.name).limit(limit))]


def retire_stale(
    connection: Connection, statements: Statements, before: int, now: int, limit: int
) -> tuple[str, ...]:
    statements.lock(connection)
    left = []
    for host_id, name in stale(connection, before, limit):
        retire(connection, host_id, "stale", now)
        told = {"host": host_id, "name": name, "before": before}
        append(connection, statements, statements.lock(connection), "host.stale", told, actor="daypass", now=now)
        left.append(name)
    return tuple(left)
