"""What operators do: revoke, note events. Each with its ledger entry."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from sqlalchemy import Connection, delete, select

from daypass.errors import NotFound
from daypass.store import devices
from daypass.store.ending import chunks, mark_revoked, raise_generation
from daypass.store.ledger import append
from daypass.store.schema import certificates, once_ids
from daypass.store.statements import Statements

__all__ = ["add_event", "forget_expired", "revoke"]


def revoke(
    connection: Connection,
    statements: Statements,
    serials: Sequence[int],
    *,
    reason: str,
    actor: str,
    now: int,
    details: Mapping[str, object] | None = None,
) -> None:
    """Raises NotFound, and revokes none, if one of them is not on record. `details` go into the ledger, too."""
    head = statements.lock(connection)
    wanted = sorted(set(serials))
    holders: dict[int, int | None] = {}
    for chunk in chunks(wanted):
        where = certificates.c.serial.in_(chunk)
        found = connection.execute(select(certificates.c.serial, certificates.c.person_id).where(where))
        holders.update((serial, person_id) for serial, person_id in found)
    if unknown := [serial for serial in wanted if serial not in holders]:
        raise NotFound(f"no certificate with serial {unknown[0]} is on record", code="certificate.unknown")
    mark_revoked(connection, wanted, reason, now)
    raise_generation(connection, {person_id for person_id in holders.values() if person_id is not None})
    append(
        connection,
        statements,
        head,
        "certificate.revoke",
        {"serials": wanted, "reason": reason, **(details or {})},
        actor=actor,
        now=now,
    )


def add_event(
    connection: Connection,
    statements: Statements,
    act: str,
    details: Mapping[str, object],
    *,
    actor: str,
    now: int,
    person: int | None = None,
) -> None:
    append(connection, statements, statements.lock(connection), act, details, actor=actor, now=now, person=person)


def forget_expired(connection: Connection, now: int) -> int:
    """Drop one-time ids whose credential could pass nowhere any more, and device requests that are over, under the
    lock. Gives how many ids."""
    devices.forget(connection, now)
    return connection.execute(delete(once_ids).where(once_ids.c.expires_at < now)).rowcount
