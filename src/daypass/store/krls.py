"""Revoked serials as ranges, and the lists that were made of them."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby

from sqlalchemy import CTE, Column, ColumnElement, Connection, and_, case, func, or_, select, update

from daypass.ca.krl_ports import DEAD_AFTER, RECORD_WITHIN, REVOKED_FOR, KeptKrl, RevokedSerials
from daypass.store.schema import certificates, endings, krls
from daypass.store.serials import BLOCK
from daypass.store.statements import Statements
from daypass.wire import Certificate, CertType, PublicKey

__all__ = ["changes", "is_late", "keep", "kept", "revoked"]


def is_late(decided_at: int, now: float) -> bool:
    """Whether what was decided then is recorded no more: its serial may be in the middle of a revoked range."""
    return now > decided_at + RECORD_WITHIN


def changes(connection: Connection, kind: CertType) -> int:
    return int(connection.execute(select(krls.c.changes).where(krls.c.type == kind.value)).scalar_one())


def kept(connection: Connection, kind: CertType) -> KeptKrl:
    columns = (krls.c.version, krls.c.krl, krls.c.made_of, krls.c.checked_at)
    version, krl, made_of, checked_at = connection.execute(select(*columns).where(krls.c.type == kind.value)).one()
    return KeptKrl(version, bytes(krl), made_of, checked_at)


def keep(connection: Connection, statements: Statements, kind: CertType, krl: KeptKrl, instead_of: int) -> bool:
    statements.lock(connection)
    this = (krls.c.type == kind.value) & (krls.c.version == instead_of)
    row = {"version": krl.version, "krl": krl.krl, "made_of": krl.changes, "checked_at": krl.checked_at}
    if connection.execute(update(krls).where(this).values(row)).rowcount != 1:
        return False
    column, made_of = _of_endings(kind)
    covered = (column.is_(None)) & (made_of <= krl.changes)
    connection.execute(update(endings).where(covered).values({column.name: krl.version}))
    return True


def _of_endings(kind: CertType) -> tuple[Column[int], Column[int]]:
    """The version that covers an ending, and what it must have been made of."""
    if kind is CertType.USER:
        return endings.c.user_krl, endings.c.user_changes
    return endings.c.host_krl, endings.c.host_changes


def revoked(connection: Connection, kind: CertType, now: int) -> Sequence[RevokedSerials]:
    """The caller has held the lock after `now`: what was not recorded by then is judged by `is_late` later."""
    numbered = _numbered(_listed(kind, now), now - DEAD_AFTER)
    ranges = (
        select(numbered.c.ca_key, func.min(numbered.c.serial), func.max(numbered.c.serial))
        .group_by(numbered.c.ca_key, numbered.c.island)
        .order_by(numbered.c.ca_key, func.min(numbered.c.serial))
    )
    rows = connection.execute(ranges).all()
    return [_of_one_key(connection, list(group)) for _, group in groupby(rows, key=lambda row: row[0])]


def _of_one_key(connection: Connection, rows: Sequence[Sequence[int]]) -> RevokedSerials:
    """The key is read from a certificate that it has signed: it may be announced no more."""
    return RevokedSerials(_signer(connection, rows[0][1]), tuple((first, last) for _, first, last in rows))


def _signer(connection: Connection, serial: int) -> PublicKey:
    blob = connection.execute(select(certificates.c.certificate).where(certificates.c.serial == serial)).scalar_one()
    return Certificate.parse(bytes(blob)).signature_key


def _listed(kind: CertType, now: int) -> CTE:
    """Every certificate from the first to the last that is listed, each beside the one before it."""
    c = certificates.c
    on_list = and_(c.revoked_at.is_not(None), c.valid_before > now - REVOKED_FOR, c.type == kind.value)
    ends = select(func.min(c.serial).label("first"), func.max(c.serial).label("last")).where(on_list).cte("ends")
    listed = case((on_list, 1), else_=0)
    before = [func.lag(each, type_=each.type).over(order_by=c.serial) for each in (c.serial, listed, c.ca_key)]
    names = ("serial_before", "listed_before", "key_before")
    columns = [each.label(name) for each, name in zip(before, names, strict=True)]
    within = c.serial.between(select(ends.c.first).scalar_subquery(), select(ends.c.last).scalar_subquery())
    return select(c.serial, c.ca_key, c.recorded_at, listed.label("listed"), *columns).where(within).cte("listed")


def _numbered(rows: CTE, dead_before: int) -> CTE:
    """The listed ones, with a number that is the same for those of one range."""
    row = rows.c
    other_block = row.serial // BLOCK != row.serial_before // BLOCK
    gap = and_(row.serial != row.serial_before + 1, row.recorded_at >= dead_before)
    starts: ColumnElement[bool] = or_(
        row.serial_before.is_(None), row.listed_before == 0, row.key_before != row.ca_key, other_block, gap
    )
    island = func.sum(case((starts, 1), else_=0)).over(order_by=row.serial)
    return select(row.serial, row.ca_key, island.label("island")).where(row.listed == 1).cte("numbered")
