"""What a sign-in teaches of a person, and what ends by it (trust 2.5)."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import Connection

from daypass.ca.ending_ports import Ending, Source
from daypass.model import Identity
from daypass.store.endings import end
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
        ending = Ending(
            source=Source.LOGIN, actor="daypass", reason=reason, about=f"roles of person #{person}",
            serials=tuple(lost), details=details,
        )  # fmt: skip
        end(connection, statements, ending, now=now, dry=False)
