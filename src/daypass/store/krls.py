"""Revoked serials as ranges, and the lists that were made of them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import (
    Column,
    ColumnElement,
    Connection,
    FromClause,
    Select,
    and_,
    case,
    func,
    not_,
    or_,
    select,
    update,
)

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
    found = dict[str, list[tuple[int, int]]]()
    rows: list[tuple[int, str, int]] = sorted(
        (row[0], row[1], row[2]) for row in connection.execute(_listed(kind, now))
    )
    for serial, key, begins in rows:
        ranges = found.setdefault(key, [])
        if begins:
            ranges.append((serial, serial))
        else:
            ranges[-1] = ranges[-1][0], serial
    return [RevokedSerials(_signer(connection, found[key][0][0]), tuple(found[key])) for key in sorted(found)]


def _signer(connection: Connection, serial: int) -> PublicKey:
    """The key is read from a certificate that it has signed: it may be announced no more."""
    blob = connection.execute(select(certificates.c.certificate).where(certificates.c.serial == serial)).scalar_one()
    return Certificate.parse(bytes(blob)).signature_key


def _listed(kind: CertType, now: int) -> Select[Any]:
    """Serial and CA key of every certificate that is listed, and whether a range begins with it: by the one recorded
    before it, whosever that is. Of others nothing is read: to revoke one of ten million takes as long as of ten."""
    this, before, lower = certificates, certificates.alias("before"), certificates.alias("lower")
    next_below = select(func.max(lower.c.serial)).where(lower.c.serial < this.c.serial).scalar_subquery()
    other_block = this.c.serial // BLOCK != before.c.serial // BLOCK
    gap = and_(this.c.serial != before.c.serial + 1, this.c.recorded_at >= now - DEAD_AFTER)
    other = or_(before.c.ca_key != this.c.ca_key, other_block, gap)
    begins = case((before.c.serial.is_(None), 1), (not_(_is_listed(before, kind, now)), 1), (other, 1), else_=0)
    rows = this.outerjoin(before, before.c.serial == next_below)
    return select(this.c.serial, this.c.ca_key, begins).select_from(rows).where(_is_listed(this, kind, now))


def _is_listed(row: FromClause, kind: CertType, now: int) -> ColumnElement[bool]:
    c = row.c
    return and_(c.revoked_at.is_not(None), c.valid_before > now - REVOKED_FOR, c.type == kind.value)
