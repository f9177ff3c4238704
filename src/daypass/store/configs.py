"""Published configurations. The row of `installation` says which is in force; no version is ever changed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, Row, Select, insert, select, update

from daypass.ca.config_ports import ConfigVersion, Stamp
from daypass.errors import Conflict
from daypass.store.ledger import append
from daypass.store.rows import MAX_INT
from daypass.store.schema import config_versions, installation
from daypass.store.statements import Statements

__all__ = ["active", "log", "newest", "publish", "stamp", "version"]

_c = config_versions.c


def publish(
    connection: Connection,
    statements: Statements,
    document: str,
    digest: bytes,
    *,
    actor: str,
    now: int,
    comment: str | None = None,
    base: int | None = None,
) -> ConfigVersion:
    """The ledger's entry stands under the version before; `published` is the new one's number."""
    head = statements.lock(connection)
    current = active(connection)
    if current is not None and current.hash == digest:
        return current
    if base is not None and base != head.policy_version:
        raise _overtaken(current, base)
    made = ConfigVersion(head.policy_version + 1, digest, document, now, actor, comment)
    connection.execute(
        insert(config_versions).values(
            version=made.version, hash=digest, document=document, published_at=now, actor=actor, comment=comment
        )
    )
    connection.execute(update(installation).values(policy_hash=digest, policy_version=made.version))
    details = {"published": made.version, "hash": digest.hex()} | ({"comment": comment} if comment else {})
    append(connection, statements, head, "config.publish", details, actor=actor, now=now)
    return made


def stamp(connection: Connection) -> Stamp:
    found = connection.execute(select(installation.c.policy_version, installation.c.policy_hash)).one()
    return Stamp(found.policy_version, bytes(found.policy_hash))


def active(connection: Connection) -> ConfigVersion | None:
    in_force = select(installation.c.policy_version).scalar_subquery()
    return _one(connection, select(config_versions).where(_c.version == in_force))


def version(connection: Connection, number: int) -> ConfigVersion | None:
    if not 0 < number <= MAX_INT:
        return None
    return _one(connection, select(config_versions).where(_c.version == number))


def newest(connection: Connection, digest: bytes) -> ConfigVersion | None:
    same = select(config_versions).where(_c.hash == digest)
    return _one(connection, same.order_by(_c.version.desc()).limit(1))


def log(connection: Connection, limit: int) -> Sequence[ConfigVersion]:
    return [
        _version(row) for row in connection.execute(select(config_versions).order_by(_c.version.desc()).limit(limit))
    ]


def _one(connection: Connection, wanted: Select[Any]) -> ConfigVersion | None:
    row = connection.execute(wanted).one_or_none()
    return None if row is None else _version(row)


def _version(row: Row[Any]) -> ConfigVersion:
    return ConfigVersion(row.version, bytes(row.hash), row.document, row.published_at, row.actor, row.comment)


def _overtaken(current: ConfigVersion | None, base: int) -> Conflict:
    if current is None:
        return Conflict(f"there is no version {base} to build on: nothing is published yet", code="config.base")
    return Conflict(
        f"version {current.version} was published meanwhile, by {current.actor}",
        code="config.base",
        hint=f"see what it changed: daypass ca config diff {base} {current.version}; then publish again",
    )
