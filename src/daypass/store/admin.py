"""What operators do: revoke, hand out join tokens. Each with its ledger entry."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from sqlalchemy import Connection, delete, insert, select

from daypass.ca.ports import JoinToken
from daypass.errors import Conflict, NotFound
from daypass.model import HostFacts
from daypass.store import devices
from daypass.store.ending import chunks, mark_revoked, raise_generation
from daypass.store.ledger import append
from daypass.store.rows import json, texts, unjson
from daypass.store.schema import (
    certificates,
    join_tokens,
    once_ids,
)
from daypass.store.statements import Statements

__all__ = ["add_event", "add_token", "find_token", "forget_expired", "revoke"]


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


def add_token(connection: Connection, statements: Statements, token: JoinToken, *, now: int) -> None:
    head = statements.lock(connection)
    if find_token(connection, token.id) is not None:
        raise Conflict("a join token with this id is on record already", code="token.exists")
    connection.execute(
        insert(join_tokens).values(
            id=token.id,
            secret_hash=token.secret_hash,
            host_name=token.facts.name,
            host_aliases=json(token.facts.aliases),
            host_labels=json(dict(token.facts.labels)),
            labels=json(dict(token.labels)),
            created_by=token.created_by,
            created_at=now,
            expires_at=token.expires_at,
        )
    )
    details = {
        "token": token.id,
        "host": token.facts.name,
        "aliases": token.facts.aliases,
        "labels": dict(token.facts.labels),
        "expires_at": token.expires_at,
    }
    append(connection, statements, head, "token.create", details, actor=token.created_by, now=now)


def find_token(connection: Connection, token_id: str) -> JoinToken | None:
    row = connection.execute(select(join_tokens).where(join_tokens.c.id == token_id)).one_or_none()
    if row is None:
        return None
    return JoinToken(
        id=row.id,
        secret_hash=bytes(row.secret_hash),
        facts=HostFacts(row.host_name, texts(row.host_aliases), unjson(row.host_labels)),
        created_by=row.created_by,
        expires_at=row.expires_at,
        labels=unjson(row.labels),
    )


def forget_expired(connection: Connection, now: int) -> int:
    """Drop one-time ids whose credential could pass nowhere any more, and device requests that are over, under the
    lock. Gives how many ids."""
    devices.forget(connection, now)
    return connection.execute(delete(once_ids).where(once_ids.c.expires_at < now)).rowcount
