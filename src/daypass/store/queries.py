"""The Core statements of the hot paths, each for `size` rows at once. They are built here and run in statements.py.

`lite` tells SQLite from PostgreSQL where the two differ.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

from sqlalchemy import (
    CTE,
    ClauseElement,
    Table,
    Text,
    bindparam,
    column,
    func,
    insert,
    literal_column,
    null,
    select,
    update,
    values,
)
from sqlalchemy.dialects import postgresql, sqlite

from daypass.store.schema import certificates, host_names, hosts, identities, installation, names, once_ids, persons

__all__ = [
    "add",
    "add_new",
    "claim",
    "find_certificates",
    "find_hosts",
    "find_names",
    "find_once",
    "find_persons",
    "head",
    "lock",
    "put_identities",
    "set_head",
]

PUT_IDENTITY = ("issuer", "subject", "person_id", "provider", "email", "facts", "facts_hash", "linked_at")


def lock(lite: bool) -> ClauseElement:
    statement = select(
        installation.c.policy_hash,
        installation.c.ledger_seq,
        installation.c.ledger_time,
        installation.c.ledger_hash,
        installation.c.serial_floor,
        installation.c.recovery_since,
        installation.c.policy_version,
        installation.c.sign_ins_over,
    )
    if lite:  # BEGIN IMMEDIATE has locked everything
        return statement
    # In the same statement, for it must hold in this very transaction (trust 7.3) and costs no round trip here.
    durable = func.set_config(*(literal_column(word) for word in ("'synchronous_commit'", "'on'", "true")))
    return statement.add_columns(durable).with_for_update()


def head() -> ClauseElement:
    return select(installation.c.policy_hash, installation.c.ledger_time, installation.c.sign_ins_over)


def set_head() -> ClauseElement:
    columns = ("ledger_seq", "ledger_time", "ledger_hash")
    return update(installation).values({name: bindparam(name) for name in columns})


def find_persons(size: int, *, lock: bool) -> ClauseElement:
    wanted = _wanted(size)
    found = (
        select(
            persons.c.id,
            identities.c.issuer,
            identities.c.subject,
            persons.c.login,
            persons.c.generation,
            persons.c.locked_at,
            names.c.name,
            identities.c.facts_hash,
            persons.c.ended_at,
        )
        .join_from(wanted, identities, (identities.c.issuer == wanted.c.a) & (identities.c.subject == wanted.c.b))
        .join(persons, persons.c.id == identities.c.person_id)
        .outerjoin(names, (names.c.person_id == persons.c.id) & names.c.released_at.is_(None))
    )
    return found.with_for_update(of=persons) if lock else found


def find_names(size: int) -> ClauseElement:
    return select(names.c.name, names.c.person_id, names.c.reason).where(names.c.name.in_([""] * size))


def find_hosts(size: int) -> ClauseElement:
    live = certificates.c.revoked_at.is_(None) & (certificates.c.host_id == hosts.c.id)
    latest = func.coalesce(func.max(certificates.c.valid_before), literal_column("0"))
    return (
        select(
            host_names.c.name,
            hosts.c.id,
            hosts.c.name,
            hosts.c.aliases,
            hosts.c.labels,
            hosts.c["keys"],
            select(latest).where(live).scalar_subquery(),
            hosts.c.addresses,
        )
        .join_from(host_names, hosts)
        .where(host_names.c.name.in_([""] * size))
    )


def find_once(size: int) -> ClauseElement:
    wanted = _wanted(size)
    same = (once_ids.c.provider == wanted.c.a) & (once_ids.c.id == wanted.c.b)
    return select(once_ids.c.provider, once_ids.c.id, once_ids.c.serials).join_from(wanted, once_ids, same)


def find_certificates(size: int) -> ClauseElement:
    return select(
        certificates.c.serial,
        certificates.c.certificate,
        certificates.c.public_key,
        certificates.c.principals,
        certificates.c.valid_after,
        certificates.c.valid_before,
        certificates.c.revoked_at,
    ).where(certificates.c.serial.in_([0] * size))


def add(table: Table, columns: Sequence[str], size: int) -> ClauseElement:
    return insert(table).values([dict.fromkeys(columns)] * size)


def add_new(lite: bool, table: Table, columns: Sequence[str], returning: Sequence[str], size: int) -> ClauseElement:
    """INSERT … ON CONFLICT DO NOTHING RETURNING: every row has its own verdict (trust 3.6)."""
    made = _insert(lite, table).values([dict.fromkeys(columns)] * size)
    return made.on_conflict_do_nothing().returning(*(table.c[name] for name in returning))


def claim(lite: bool) -> ClauseElement:
    columns = ("name", "person_id", "claimed_at")
    made = _insert(lite, names).values({name: bindparam(name) for name in columns})
    mine = {"person_id": made.excluded.person_id, "released_at": null(), "reason": null()}
    return made.on_conflict_do_update(index_elements=["name"], set_=mine)


def put_identities(lite: bool, size: int) -> ClauseElement:
    """A new identity, or what is known of one by now; whose it is stays as it was."""
    made = _insert(lite, identities).values([dict.fromkeys(PUT_IDENTITY)] * size)
    known = {name: made.excluded[name] for name in ("provider", "email", "facts", "facts_hash")}
    return made.on_conflict_do_update(index_elements=["issuer", "subject"], set_=known)


def _insert(lite: bool, table: Table) -> sqlite.Insert:
    """Both dialects have ON CONFLICT, each in a type of its own with the same methods."""
    return sqlite.insert(table) if lite else cast(sqlite.Insert, postgresql.insert(table))


def _wanted(size: int) -> CTE:
    """Pairs to look up. As `(x, y) IN (…)` SQLite would walk the whole table instead of its index."""
    pairs = values(column("a", Text), column("b", Text), name="wanted")
    return pairs.data([("", "")] * size).cte()
