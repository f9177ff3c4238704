"""The RotationStore port: the keys that CA machines go by, and the certificates that keys have signed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from sqlalchemy import Connection, delete, func, insert, select, update

from daypass.ca.rotation_ports import LiveCertificate, Machine
from daypass.store.access import Access
from daypass.store.rows import check_text, json, labels_of
from daypass.store.schema import ca_machines, certificates, hosts, persons
from daypass.store.statements import Statements
from daypass.wire import CertType

__all__ = ["SqlRotation"]

FORGOTTEN_AFTER = 30 * 86400  # seconds
_c = ca_machines.c


class SqlRotation(Access):
    async def machine_seen(self, name: str, trust_version: int, keys: Mapping[str, str], now: int) -> None:
        check_text(name, *keys.values())
        await self._change(_seen, name, trust_version, dict(keys), now)

    async def machines(self) -> Sequence[Machine]:
        return await self._read(_machines)

    async def live_certificates(self, kind: CertType, now: int) -> Sequence[LiveCertificate]:
        return await self._read(lambda connection: _live(connection, kind, now))


def _seen(
    connection: Connection, statements: Statements, name: str, trust_version: int, keys: dict[str, str], now: int
) -> None:
    statements.lock(connection)
    connection.execute(delete(ca_machines).where(_c.seen_at < now - FORGOTTEN_AFTER))
    before = connection.execute(select(_c.trust_version, _c.since).where(_c.name == name)).one_or_none()
    since = before.since if before is not None and before.trust_version == trust_version else now
    row = {"trust_version": trust_version, "keys": json(keys), "since": since, "seen_at": now}
    if before is None:
        connection.execute(insert(ca_machines).values(name=name, **row))
    else:
        connection.execute(update(ca_machines).where(_c.name == name).values(row))


def _machines(connection: Connection) -> list[Machine]:
    rows = connection.execute(select(ca_machines).order_by(_c.name))
    return [Machine(row.name, row.trust_version, labels_of(row.keys), row.since, row.seen_at) for row in rows]


def _live(connection: Connection, kind: CertType, now: int) -> list[LiveCertificate]:
    held = certificates.c
    name = func.coalesce(hosts.c.name, persons.c.login, held.key_id).label("name")
    found = (
        select(held.ca_key, name, held.valid_before, held.recorded_at)
        .outerjoin_from(certificates, hosts, held.host_id == hosts.c.id)
        .outerjoin(persons, held.person_id == persons.c.id)
        .where(held.type == kind.value, held.revoked_at.is_(None), held.valid_before > now)
        .order_by(name, held.serial)
    )
    return [LiveCertificate(*row) for row in connection.execute(found)]
