"""The FailureStore port: sign-ins by password that failed, by account and network.

One row for each network that an account was tried from, and one (network "") for all of them together. All writers
hold the row of `installation`, so what is counted stays so until it is written.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, delete, insert, select, update

from daypass.ca.pam_ports import FORGET, FREE, Counted, pause_after
from daypass.store.access import Access
from daypass.store.rows import check_text
from daypass.store.schema import sign_in_failures
from daypass.store.statements import Statements

__all__ = ["SqlFailures"]

KNOWN = 90 * 86400  # seconds that a network is known after the last sign-in from there
CLEARED = 100  # rows that one failure clears away, at most
_c = sign_in_failures.c
_OVERALL = ""


class SqlFailures(Access):
    async def sign_in_failures(self, provider: str, who: str, network: str, now: int) -> Counted:
        check_text(provider, who, network)
        return await self._read(lambda connection: _counted(connection, provider, who, network, now))

    async def charge_sign_in(self, provider: str, who: str, network: str, now: int) -> Counted:
        check_text(provider, who, network)
        return await self._change(_charge, provider, who, network, now)

    async def refund_sign_in(self, provider: str, who: str, network: str, now: int) -> None:
        await self._change(_refund, provider, who, network, now)

    async def sign_in_worked(self, provider: str, who: str, network: str, now: int) -> None:
        check_text(provider, who, network)
        await self._change(_signed_in, provider, who, network, now)


def _row(connection: Connection, provider: str, who: str, network: str) -> Any:
    wanted = select(sign_in_failures).where(_c.provider == provider, _c.who == who, _c.network == network)
    return connection.execute(wanted).one_or_none()


def _failures(row: Any, now: int) -> int:
    return int(row.failures) if row is not None and row.last_at > now - FORGET else 0


def _counted(connection: Connection, provider: str, who: str, network: str, now: int) -> Counted:
    own, overall = (_row(connection, provider, who, each) for each in (network, _OVERALL))
    known = own is not None and own.good_at > now - KNOWN
    return Counted(own.until if own is not None else 0, _failures(overall, now), known, _failures(own, now))


def _charge(
    connection: Connection, statements: Statements, provider: str, who: str, network: str, now: int
) -> Counted:
    statements.lock(connection)
    _forget(connection, now)
    before = _counted(connection, provider, who, network, now)
    if before.until > now:
        return before
    for each in (network, _OVERALL):
        failures = _failures(_row(connection, provider, who, each), now) + 1
        until = now + pause_after(failures) if each and pause_after(failures) else 0
        _put(connection, provider, who, each, failures=failures, last_at=now, until=until)
    return before


def _refund(connection: Connection, statements: Statements, provider: str, who: str, network: str, now: int) -> None:
    """A pause that other failures make stays."""
    statements.lock(connection)
    for each in (network, _OVERALL):
        row = _row(connection, provider, who, each)
        left = max(0, _failures(row, now) - 1)
        until = row.until if row is not None and left >= FREE else 0
        _put(connection, provider, who, each, failures=left, last_at=now, until=until)


def _signed_in(
    connection: Connection, statements: Statements, provider: str, who: str, network: str, now: int
) -> None:
    statements.lock(connection)
    _put(connection, provider, who, network, failures=0, last_at=now, until=0, good_at=now)
    connection.execute(delete(sign_in_failures).where(_c.provider == provider, _c.who == who, _c.network == _OVERALL))


def _put(connection: Connection, provider: str, who: str, network: str, **values: int) -> None:
    this = _c.provider == provider, _c.who == who, _c.network == network
    if not connection.execute(update(sign_in_failures).where(*this).values(**values)).rowcount:
        row = {"provider": provider, "who": who, "network": network} | values
        connection.execute(insert(sign_in_failures).values(row))


def _forget(connection: Connection, now: int) -> None:
    old = _c.last_at < now - FORGET, _c.until <= now, _c.good_at < now - KNOWN
    found = connection.execute(select(_c.provider, _c.who, _c.network).where(*old).limit(CLEARED)).all()
    for row in found:
        this = _c.provider == row.provider, _c.who == row.who, _c.network == row.network
        connection.execute(delete(sign_in_failures).where(*this))
