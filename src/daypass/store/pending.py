"""Acts that wait for a second person. Rows live for an hour; deciding one is a compare-and-set.

All writers hold the row of `installation`, so what is counted here stays so until it is written.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
from msgspec.structs import replace
from sqlalchemy import Connection, delete, func, insert, select, update

from daypass.ca.pending_ports import PendingAct, Ruling
from daypass.ca.subject import Subject
from daypass.errors import Throttled
from daypass.ledger.chain import check_details
from daypass.store.access import Access
from daypass.store.ledger import append
from daypass.store.rows import check_text, json
from daypass.store.schema import pending_acts
from daypass.store.statements import Statements

__all__ = ["SqlPending"]

KEPT = 86400  # seconds beyond their end that requests can still be found
_c = pending_acts.c
_subject = msgspec.json.Decoder(Subject)


class SqlPending(Access):
    async def add_pending(self, asked: PendingAct, *, most: int) -> None:
        check_text(asked.body.decode(), asked.subject.issuer, asked.subject.subject, asked.actor)
        await self._change(_add, asked, most)

    async def pending_act(self, number: str) -> PendingAct | None:
        check_text(number)
        return await self._read(lambda connection: _find(connection, number))

    async def pending_acts(self, now: int) -> Sequence[PendingAct]:
        return await self._read(lambda connection: _waiting(connection, now))

    async def decide_pending(self, number: str, ruling: Ruling) -> bool:
        check_text(number, ruling.by, ruling.actor)
        check_details(ruling.details)
        return await self._change(_decide, number, ruling)

    async def conclude_pending(self, number: str, outcome: str) -> None:
        check_text(outcome)
        await self._change(_conclude, number, outcome)


def _add(connection: Connection, statements: Statements, asked: PendingAct, most: int) -> None:
    head, now = statements.lock(connection), asked.requested_at
    connection.execute(delete(pending_acts).where(_c.expires_at <= now - KEPT))
    who = (_c.issuer == asked.subject.issuer) & (_c.subject == asked.subject.subject)
    waiting = select(func.count()).where(who, _c.expires_at > now, _c.decided_at.is_(None))
    if connection.execute(waiting).scalar_one() >= most:
        raise Throttled(
            f"{most} requests of yours wait for a second person already",
            code="approval.many",
            hint="withdraw one: daypass approvals list",
            retry_after=60,
        )
    connection.execute(insert(pending_acts).values(_row(asked)))
    details = {"request": asked.id, "asked": asked.act, "digest": asked.digest.hex()}
    append(connection, statements, head, "approval.request", details, actor=asked.actor, now=now)


def _find(connection: Connection, number: str) -> PendingAct | None:
    row = connection.execute(select(pending_acts).where(_c.id == number)).mappings().one_or_none()
    return None if row is None else _read(row)


def _waiting(connection: Connection, now: int) -> list[PendingAct]:
    newest = select(pending_acts).where(_c.expires_at > now).order_by(_c.requested_at.desc(), _c.id)
    return [_read(row) for row in connection.execute(newest).mappings()]


def _decide(connection: Connection, statements: Statements, number: str, ruling: Ruling) -> bool:
    head = statements.lock(connection)
    waits = (_c.id == number) & _c.decided_at.is_(None) & (_c.expires_at > ruling.at)
    values = {"decided_at": ruling.at, "decided_by": ruling.by, "outcome": ruling.outcome}
    if connection.execute(update(pending_acts).where(waits).values(values)).rowcount != 1:
        return False
    append(connection, statements, head, ruling.act, ruling.details, actor=ruling.actor, now=ruling.at)
    return True


def _conclude(connection: Connection, statements: Statements, number: str, outcome: str) -> None:
    statements.lock(connection)
    connection.execute(update(pending_acts).where(_c.id == number).values(outcome=outcome))


def _row(asked: PendingAct) -> dict[str, Any]:
    return {
        "id": asked.id,
        "act": asked.act,
        "body": asked.body.decode(),
        "digest": asked.digest,
        "issuer": asked.subject.issuer,
        "subject": asked.subject.subject,
        "facts": json(replace(asked.subject, claims=dict(asked.subject.claims))),
        "actor": asked.actor,
        "requested_at": asked.requested_at,
        "expires_at": asked.expires_at,
    }


def _read(row: Mapping[Any, Any]) -> PendingAct:
    return PendingAct(
        id=row["id"],
        act=row["act"],
        body=row["body"].encode(),
        digest=bytes(row["digest"]),
        subject=_subject.decode(row["facts"]),
        actor=row["actor"],
        requested_at=row["requested_at"],
        expires_at=row["expires_at"],
        decided_at=row["decided_at"],
        decided_by=row["decided_by"],
        outcome=row["outcome"],
    )
