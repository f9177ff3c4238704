"""Join tokens on record, and how often each was used."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, insert, select, update

from daypass.ca.token_ports import JoinToken, Terms
from daypass.errors import Conflict, NotFound
from daypass.model import HostFacts, Joining
from daypass.store.ending import chunks
from daypass.store.ledger import append
from daypass.store.rows import json, texts, unjson
from daypass.store.schema import join_tokens
from daypass.store.statements import Statements

__all__ = ["Uses", "add", "every", "find", "revoke"]

MOST = 10_000  # tokens told of


def add(connection: Connection, statements: Statements, token: JoinToken, *, now: int) -> None:
    head = statements.lock(connection)
    if find(connection, token.id) is not None:
        raise Conflict("a join token with this id is on record already", code="token.exists")
    facts, terms = token.facts, token.terms
    connection.execute(
        insert(join_tokens).values(
            id=token.id,
            secret_hash=token.secret_hash,
            host_name=facts.name,
            host_aliases=json(facts.aliases),
            host_labels=json(dict(facts.labels)),
            labels=json(dict(token.labels)),
            created_by=token.created_by,
            created_at=now,
            expires_at=token.expires_at,
            patterns=json(terms.patterns),
            networks=json(terms.networks),
            addresses=json(facts.addresses),
            max_uses=terms.max_uses,
            replaces=terms.replaces or None,
        )
    )
    append(connection, statements, head, "token.create", _details(token), actor=token.created_by, now=now)


def find(connection: Connection, token_id: str) -> JoinToken | None:
    row = connection.execute(select(join_tokens).where(join_tokens.c.id == token_id)).one_or_none()
    return None if row is None else _read(row)


def every(connection: Connection, since: int) -> list[JoinToken]:
    open_ones = select(join_tokens).where(join_tokens.c.expires_at > since)
    newest = open_ones.order_by(join_tokens.c.created_at.desc(), join_tokens.c.id)
    return [_read(row) for row in connection.execute(newest.limit(MOST))]


def revoke(
    connection: Connection, statements: Statements, token_ids: Sequence[str], *, reason: str, actor: str, now: int
) -> None:
    head = statements.lock(connection)
    wanted = sorted(set(token_ids))
    for chunk in chunks(wanted):
        these = join_tokens.c.id.in_(chunk)
        if len(set(connection.execute(select(join_tokens.c.id).where(these)).scalars())) < len(chunk):
            raise NotFound("no such join token is on record", code="token.unknown")
        open_ones = these & join_tokens.c.revoked_at.is_(None)
        connection.execute(update(join_tokens).where(open_ones).values(revoked_at=now))
    append(connection, statements, head, "token.revoke", {"tokens": wanted, "reason": reason}, actor=actor, now=now)


class Uses:
    """How often the tokens of one transaction were used, which holds the lock: nobody else counts meanwhile."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._left = dict[str, int]()

    def left(self, joins: Joining, now: int) -> int:
        """0 for one that is not on record, has expired or is revoked."""
        if joins.token not in self._left:
            token = find(self._connection, joins.token)
            good = token is not None and token.revoked_at is None and token.expires_at > now
            self._left[joins.token] = token.terms.max_uses - token.uses if token is not None and good else 0
        return self._left[joins.token]

    def count(self, joins: Joining) -> None:
        """One more use."""
        self._left[joins.token] -= 1
        this = join_tokens.c.id == joins.token
        self._connection.execute(update(join_tokens).where(this).values(uses=join_tokens.c.uses + 1))


def _details(token: JoinToken) -> dict[str, object]:
    facts, terms = token.facts, token.terms
    told: dict[str, object] = {
        "token": token.id,
        "host": facts.name,
        "aliases": facts.aliases,
        "labels": dict(facts.labels),
        "expires_at": token.expires_at,
    }
    more: dict[str, object] = {
        "patterns": terms.patterns,
        "networks": terms.networks,
        "addresses": facts.addresses,
        "replaces": terms.replaces,
    }
    uses: dict[str, object] = {"max_uses": terms.max_uses} if terms.max_uses != 1 else {}
    return told | {name: value for name, value in more.items() if value} | uses


def _read(row: Any) -> JoinToken:
    return JoinToken(
        id=row.id,
        secret_hash=bytes(row.secret_hash),
        facts=HostFacts(
            row.host_name, texts(row.host_aliases), unjson(row.host_labels), addresses=texts(row.addresses)
        ),
        created_by=row.created_by,
        expires_at=row.expires_at,
        labels=unjson(row.labels),
        terms=Terms(texts(row.patterns), texts(row.networks), row.max_uses, row.replaces or ""),
        uses=row.uses,
        created_at=row.created_at,
        revoked_at=row.revoked_at,
    )
