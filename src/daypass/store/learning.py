"""What a sign-in teaches of a person, and what ends by it (trust 2.5)."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import Connection

from daypass.model import Identity
from daypass.store.admin import revoke
from daypass.store.facts import keep
from daypass.store.statements import Statements

__all__ = ["learn"]


def learn(
    connection: Connection,
    statements: Statements,
    person: int,
    identity: Identity,
    lost: Sequence[int],
    *,
    reason: str,
    now: int,
) -> None:
    """The generation rises with the revocation, so whatever was decided on yesterday's groups is decided again."""
    statements.lock(connection)
    who, facts = (identity.issuer, identity.subject), keep(identity)
    statements.put_identities(connection, [(*who, person, identity.provider, identity.email, *facts, now)])
    if lost:
        details = {"issuer": identity.issuer, "subject": identity.subject}
        revoke(connection, statements, lost, reason=reason, actor="daypass", now=now, details=details)
