"""`daypass ledger`: walk the hash chain of everything the CA did, or read it.

On the CA's machine it is read from the database itself, whether or not the CA runs; elsewhere the CA is asked for it.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Sequence
from itertools import islice
from typing import TYPE_CHECKING

import click

from daypass.cli.admin_options import Where, json_option
from daypass.cli.administration import Administration, administering
from daypass.cli.output import data, good, json_data, note

if TYPE_CHECKING:
    from daypass.api import LedgerEntry
    from daypass.ca.ports import LedgerRow

__all__ = ["show", "verify"]

CHUNK = 5000  # entries read at a time


@click.command(
    epilog="""\b
Examples:
  sudo daypass ledger verify
  sudo daypass ledger verify --json | jq -r .head    keep it, compare later
  daypass ledger verify                    as an auditor, by a sign-in

Exit code: 0 the chain is whole, 3 an entry is missing, moved or altered."""
)
@administering
@json_option
def verify(ca: Administration, as_json: bool) -> None:
    """Walk the hash chain from its first entry to its last."""
    walk = _Walk()
    _read(ca, "verify the ledger", 0, None, walk.take)
    if as_json:
        json_data({"entries": walk.count, "head": walk.head.hex()})
        return
    note(good("the chain is whole"))
    data(f"{walk.count} entries, head {walk.head.hex()}")


@click.command(
    epilog="""\b
Examples:
  sudo daypass ledger show --limit 20
  sudo daypass ledger show --json | jq 'select(.act == "certificate.revoke")'
  sudo daypass ledger show --json | jq '.time |= todate'

A line has number, local time, act, actor, what it was about, and the version of the configuration in force. --json
prints all of it, byte for byte as it was hashed; times are unix seconds there."""
)
@click.option("--after", type=click.IntRange(min=0), default=0, help="Begin behind the entry of this number.")
@click.option("--limit", type=click.IntRange(min=1), default=100, show_default=True, help="At most so many entries.")
@click.option("--json", "as_json", is_flag=True, help="Entries as they were recorded, one JSON object a line.")
@administering
def show(ca: Administration, after: int, limit: int, as_json: bool) -> None:
    """Print what the CA did, one entry a line."""
    from daypass.cli.ledger_line import entry_line

    def lines(rows: Rows) -> None:
        for row in rows:
            data(row.entry.decode(errors="replace") if as_json else entry_line(row.entry))

    _read(ca, "read the ledger", after, limit, lines)


Rows = Sequence["LedgerRow | LedgerEntry"]


class _Walk:
    """Along the chain, from its beginning. Raises Invalid naming the first entry that is not what was recorded."""

    def __init__(self) -> None:
        from daypass.ledger.chain import GENESIS

        self.count, self.head = 0, GENESIS

    def take(self, rows: Rows) -> None:
        from daypass.ledger.chain import verify as verify_chain

        links = [(row.seq, row.entry, row.hash) for row in rows]
        self.count, self.head = verify_chain(links, head=self.head, seq=self.count)
        for row in rows:
            _agree(row)
        if sys.stderr.isatty() and len(rows) == CHUNK:
            note(f"{self.count} entries")


def _agree(row: LedgerRow | LedgerEntry) -> None:
    """The columns beside an entry serve searches only; they must not say anything else than the entry."""
    import msgspec

    from daypass.errors import Invalid

    entry = msgspec.json.decode(row.entry)
    if (entry.get("time"), entry.get("act")) != (row.time, row.act):
        raise Invalid(f"ledger entry {row.seq} is filed under another time or act", code="ledger.altered")


def _read(ca: Administration, purpose: str, after: int, limit: int | None, take: Callable[[Rows], None]) -> None:
    from daypass.api import LedgerEntry, LedgerRequest

    if ca.here:
        asyncio.run(_from_store(ca.where, after, limit, take))
        return

    def in_chunks(entries: Iterable[LedgerEntry]) -> None:
        for chunk in _chunks(iter(entries)):
            take(chunk)

    ca.lines("ledger", LedgerRequest(after=after, limit=limit), LedgerEntry, purpose, in_chunks)


def _chunks(entries: Iterator[LedgerEntry]) -> Iterator[Sequence[LedgerEntry]]:
    while chunk := list(islice(entries, CHUNK)):
        yield chunk


async def _from_store(where: Where, after: int, limit: int | None, take: Callable[[Rows], None]) -> None:
    async for rows in _pages(where, after, limit):
        take(rows)


async def _pages(where: Where, after: int, limit: int | None) -> AsyncIterator[Sequence[LedgerRow]]:
    from daypass.store import open_store

    store = open_store(where.load().ca.database)
    try:
        while rows := await store.ledger(after, CHUNK if limit is None else min(limit, CHUNK)):
            yield rows
            after = rows[-1].seq
            if limit is not None and (limit := limit - len(rows)) <= 0:
                return
    finally:
        await store.close()
