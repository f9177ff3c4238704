"""Bearers by which directories call, on record as hashes."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, insert, select, update

from daypass.ca.scim_ports import ScimToken, TokenRecord
from daypass.errors import NotFound
from daypass.store.ledger import append
from daypass.store.schema import scim_tokens
from daypass.store.statements import Statements

__all__ = ["add", "every", "find", "revoke", "use"]

USED_EVERY = 300  # seconds between two notes of when a token was used


def add(connection: Connection, statements: Statements, token: ScimToken, *, now: int) -> None:
    head = statements.lock(connection)
    row = {name: getattr(token, name) for name in ("id", "provider", "secret_hash", "created_by", "expires_at")}
    connection.execute(insert(scim_tokens).values(**row, created_at=now))
    details = {"token": token.id, "provider": token.provider, "expires_at": token.expires_at}
    append(connection, statements, head, "scim.token.create", details, actor=token.created_by, now=now)


def every(connection: Connection) -> list[TokenRecord]:
    newest = select(scim_tokens).order_by(scim_tokens.c.created_at.desc(), scim_tokens.c.id)
    return [_read(row) for row in connection.execute(newest)]


def find(connection: Connection, number: str) -> TokenRecord | None:
    row = connection.execute(select(scim_tokens).where(scim_tokens.c.id == number)).one_or_none()
    return None if row is None else _read(row)


def use(connection: Connection, number: str, *, now: int) -> None:
    used = scim_tokens.c.used_at
    this = (scim_tokens.c.id == number) & (used.is_(None) | (used <= now - USED_EVERY))
    connection.execute(update(scim_tokens).where(this).values(used_at=now))


def revoke(
    connection: Connection, statements: Statements, number: str, *, reason: str, actor: str, now: int
) -> TokenRecord:
    head = statements.lock(connection)
    this = (scim_tokens.c.id == number) & scim_tokens.c.revoked_at.is_(None)
    if connection.execute(update(scim_tokens).where(this).values(revoked_at=now)).rowcount:
        details = {"token": number, "reason": reason}
        append(connection, statements, head, "scim.token.revoke", details, actor=actor, now=now)
    found = find(connection, number)
    if found is None:
        raise NotFound("there is no such token", code="scim.token", hint="see: daypass scim token list")
    return found


def _read(row: Any) -> TokenRecord:
    return TokenRecord(
        id=row.id, provider=row.provider, secret_hash=bytes(row.secret_hash), created_by=row.created_by,
        created_at=row.created_at, expires_at=row.expires_at or 0, used_at=row.used_at, revoked_at=row.revoked_at,
    )  # fmt: skip
