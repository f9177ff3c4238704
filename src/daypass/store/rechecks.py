"""The RecheckStore port: sealed refresh tokens, for as long as a certificate of their sign-in lives."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from sqlalchemy import Connection, delete, exists, func, insert, select, update

from daypass.ca.recheck_ports import Recheck
from daypass.store.access import Access
from daypass.store.rows import check_text
from daypass.store.schema import certificates, rechecks
from daypass.store.statements import Statements

__all__ = ["SqlRechecks", "forget_ended"]

_c = rechecks.c


class SqlRechecks(Access):
    async def keep_recheck(self, signin: str, serial: int, provider: str, sealed: bytes, next_at: int) -> bool:
        check_text(signin, provider)
        return await self._change(_keep, signin, serial, provider, sealed, next_at)

    async def due_rechecks(self, now: int, lease: int, limit: int) -> Sequence[Recheck]:
        if not await self._read(lambda connection: _any_due(connection, now)):
            return []
        return await self._change(_due, now, lease, limit)

    async def settle_recheck(self, recheck: Recheck, sealed: bytes, next_at: int, failures: int = 0) -> bool:
        values = {"sealed": sealed, "next_at": next_at, "failures": failures, "leased_until": 0}
        return await self._change(_settle, recheck, values)

    async def drop_recheck(self, recheck: Recheck) -> None:
        await self._change(_drop, recheck)


def forget_ended(connection: Connection, serials: Iterable[int], now: int) -> None:
    """Of sign-ins that these certificates came from, those that have no other one left: in the transaction that
    revokes them, so nobody's token outlives their access."""
    c = certificates.c
    came = select(c.signin).where(c.serial.in_(list(serials)), c.signin.is_not(None))
    holds = exists().where(c.signin == _c.signin, c.revoked_at.is_(None), c.valid_before > now)
    connection.execute(delete(rechecks).where(_c.signin.in_(came), ~holds))


def _keep(
    connection: Connection, statements: Statements, signin: str, serial: int, provider: str, sealed: bytes,
    next_at: int,
) -> bool:  # fmt: skip
    statements.lock(connection)
    c = certificates.c
    lives = c.signin == signin, c.revoked_at.is_(None), c.valid_before > next_at
    person = connection.execute(select(c.person_id).where(c.serial == serial, *lives)).scalar()
    if person is None:
        return False
    until = connection.execute(select(func.max(c.valid_before)).where(*lives)).scalar_one()
    connection.execute(delete(rechecks).where(_c.signin == signin))
    row = {"signin": signin, "provider": provider, "person_id": person, "sealed": sealed}
    connection.execute(insert(rechecks).values(row | {"next_at": next_at, "until": until}))
    return True


def _any_due(connection: Connection, now: int) -> bool:
    due = select(_c.signin).where(_c.next_at <= now, _c.leased_until <= now).limit(1)
    return connection.execute(due).one_or_none() is not None


def _due(connection: Connection, statements: Statements, now: int, lease: int, limit: int) -> list[Recheck]:
    statements.lock(connection)
    connection.execute(delete(rechecks).where(_c.until <= now))
    due = select(rechecks).where(_c.next_at <= now, _c.leased_until <= now).order_by(_c.next_at).limit(limit)
    rows = connection.execute(due).all()
    mine = update(rechecks).where(_c.signin.in_([row.signin for row in rows]))
    connection.execute(mine.values(leased_until=lease))
    return [
        Recheck(
            row.signin, row.provider, row.person_id, bytes(row.sealed), row.failures, lease, row.leased_until != 0
        )
        for row in rows
    ]


def _settle(connection: Connection, _: Statements, recheck: Recheck, values: dict[str, object]) -> bool:
    same = _c.signin == recheck.signin, _c.sealed == recheck.sealed
    return bool(connection.execute(update(rechecks).where(*same).values(values)).rowcount)


def _drop(connection: Connection, _: Statements, recheck: Recheck) -> None:
    connection.execute(delete(rechecks).where(_c.signin == recheck.signin, _c.sealed == recheck.sealed))
