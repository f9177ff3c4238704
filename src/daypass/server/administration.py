"""What each administrative route does. A method here is named as its route; `acts` has judged who may call it."""

from __future__ import annotations

import sys
from collections.abc import AsyncIterator
from typing import Final

from daypass import api
from daypass.ca.acts import Operator
from daypass.ca.ports import LedgerRow
from daypass.errors import Invalid
from daypass.server.answers import Stream, encode
from daypass.server.configs import ConfigRoutes
from daypass.server.endings import EndingRoutes
from daypass.server.explaining import Explaining
from daypass.server.fleet import FleetRoutes
from daypass.server.joining import JoiningRoutes
from daypass.server.logins import FleetLogins
from daypass.server.persons import PersonRoutes
from daypass.server.ports import Heart, ReadLedger
from daypass.server.proofs import ProofRoutes
from daypass.server.scim_tokens import ScimTokenRoutes
from daypass.server.ways import ProvisionerRoutes

__all__ = ["Administration", "administration"]

PAGE: Final = 500  # entries read from the store at a time
LAST: Final = 2**63 - 1  # what a database counts to


class Administration:
    def __init__(self, heart: Heart) -> None:
        self._heart = heart

    async def ledger(self, _operator: Operator, body: api.LedgerRequest) -> Stream:
        """However long it is, one act: page by page from the store, line by line to the reader."""
        if not 0 <= body.after <= LAST or (body.limit is not None and body.limit < 0):
            raise Invalid(f"after is a number from 0 to {LAST}, limit is not below 0", code="ledger.range")
        return Stream(_lines(self._heart.ledger, body.after, body.limit))


async def _lines(ledger: ReadLedger, after: int, limit: int | None) -> AsyncIterator[bytes]:
    left = sys.maxsize if limit is None else limit
    while left > 0 and (rows := await ledger(after, min(left, PAGE))):
        yield b"".join(encode(_entry(row)) for row in rows)
        after, left = rows[-1].seq, left - len(rows)


def _entry(row: LedgerRow) -> api.LedgerEntry:
    return api.LedgerEntry(seq=row.seq, time=row.time, act=row.act, entry=row.entry, hash=row.hash)


def administration(heart: Heart) -> tuple[object, ...]:
    """Every room with handlers `async def ROUTE(self, operator, body)`."""
    return (
        Administration(heart),
        Explaining(heart),
        PersonRoutes(heart),
        EndingRoutes(heart),
        FleetRoutes(heart),
        ConfigRoutes(heart.configs),
        JoiningRoutes(heart),
        FleetLogins(heart),
        ScimTokenRoutes(heart),
        ProofRoutes(heart),
        ProvisionerRoutes(heart),
    )
