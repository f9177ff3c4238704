"""Ledger entries for what is not a certificate, written in the transaction of what they tell."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from sqlalchemy import Connection, select

from daypass.ca import watch_ports
from daypass.ca.ports import LedgerRow
from daypass.ledger.chain import encode_entry, next_hash
from daypass.store.schema import installation, ledger
from daypass.store.statements import Head, Statements

__all__ = ["append", "head", "read"]


def append(
    connection: Connection,
    statements: Statements,
    head: Head,
    act: str,
    details: Mapping[str, object],
    *,
    actor: str,
    now: int,
    person: int | None = None,
) -> None:
    """`head` is what `Statements.lock` gave in this transaction; one entry for each lock. `person`: whose history it
    belongs to."""
    seq, time = head.ledger_seq + 1, max(now, head.ledger_time)
    entry = encode_entry(seq, time, act, actor, bytes(head.policy_hash), details, version=head.policy_version)
    digest = next_hash(bytes(head.ledger_hash), entry)
    statements.add_entries(connection, [(seq, time, act, entry, digest, person)], (seq, time, digest))


def read(connection: Connection, after: int, limit: int) -> Sequence[LedgerRow]:
    columns = (ledger.c.seq, ledger.c.time, ledger.c.act, ledger.c.entry, ledger.c.hash)
    rows = connection.execute(select(*columns).where(ledger.c.seq > after).order_by(ledger.c.seq).limit(limit))
    return [LedgerRow(seq, time, act, _blob(entry), _blob(digest)) for seq, time, act, entry, digest in rows]


_HEAD = select(installation.c.ledger_seq, installation.c.policy_version)


def head(connection: Connection) -> watch_ports.Head:
    found = connection.execute(_HEAD).one()
    return watch_ports.Head(found.ledger_seq, found.policy_version)


def _blob(cell: object) -> bytes:
    """The cell's bytes. SQLite holds whatever someone put there by hand; that has to be found, not to crash."""
    return cell if isinstance(cell, bytes) else str(cell).encode()
