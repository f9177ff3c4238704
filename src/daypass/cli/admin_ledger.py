"""`daypass ledger`: walk the hash chain of everything the CA did, or read it."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator, Sequence
from typing import TYPE_CHECKING

import click

from daypass.cli.admin_options import Where, json_option, where_options
from daypass.cli.output import data, good, json_data, note

if TYPE_CHECKING:
    from daypass.ca.ports import LedgerRow
    from daypass.config import Config

__all__ = ["show", "verify"]

CHUNK = 5000  # entries read at a time


@click.command(
    epilog="""\b
Examples:
  sudo daypass ledger verify
  sudo daypass ledger verify --json | jq -r .head    keep it, compare later

Exit code: 0 the chain is whole, 3 an entry is missing, moved or altered."""
)
@where_options
@json_option
def verify(where: Where, as_json: bool) -> None:
    """Walk the hash chain from its first entry to its last."""
    count, head = asyncio.run(_walk(where.load()))
    if as_json:
        json_data({"entries": count, "head": head.hex()})
        return
    note(good("the chain is whole"))
    data(f"{count} entries, head {head.hex()}")


@click.command(
    epilog="""\b
Examples:
  sudo daypass ledger show --limit 20
  sudo daypass ledger show | jq 'select(.act == "certificate.revoke")'
  sudo daypass ledger show | jq '.time |= todate'

Times are unix seconds: entries are shown byte for byte as they were hashed."""
)
@click.option("--after", type=click.IntRange(min=0), default=0, help="Begin behind the entry of this number.")
@click.option("--limit", type=click.IntRange(min=1), default=100, show_default=True, help="At most so many entries.")
@where_options
def show(where: Where, after: int, limit: int) -> None:
    """Print entries as they were recorded, one JSON object a line."""

    async def lines() -> None:
        async for rows in _chunks(where.load(), after, limit):
            for row in rows:
                data(row.entry.decode(errors="replace"))

    asyncio.run(lines())


async def _walk(config: Config) -> tuple[int, bytes]:
    """The last entry's number and hash. Raises Invalid naming the first entry that is not what was recorded."""
    from daypass.ledger.chain import GENESIS
    from daypass.ledger.chain import verify as verify_chain

    count, head = 0, GENESIS
    async for rows in _chunks(config, 0, None):
        count, head = verify_chain([(row.seq, row.entry, row.hash) for row in rows], head=head, seq=count)
        for row in rows:
            _agree(row)
        if sys.stderr.isatty() and len(rows) == CHUNK:
            note(f"{count} entries")
    return count, head


def _agree(row: LedgerRow) -> None:
    """The columns beside an entry serve searches only; they must not say anything else than the entry."""
    import msgspec

    from daypass.errors import Invalid

    entry = msgspec.json.decode(row.entry)
    if (entry.get("time"), entry.get("act")) != (row.time, row.act):
        raise Invalid(f"ledger entry {row.seq} is filed under another time or act", code="ledger.altered")


async def _chunks(config: Config, after: int, limit: int | None) -> AsyncIterator[Sequence[LedgerRow]]:
    from daypass.store import open_store

    store = open_store(config.ca.database)
    try:
        while rows := await store.ledger(after, CHUNK if limit is None else min(limit, CHUNK)):
            yield rows
            after = rows[-1].seq
            if limit is not None and (limit := limit - len(rows)) <= 0:
                return
    finally:
        await store.close()
