"""Core statements for groups of rows, compiled once per group size and kept as text.

Compiling costs SQLAlchemy more than the database needs to run them, and its execution some 25 microseconds each, so
the paths that every certificate takes give the text to the driver's cursor, inside SQLAlchemy's transaction. Rows
are plain ints, strings and bytes, which need no conversion on either driver.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from itertools import chain
from typing import Any, NamedTuple, cast

from sqlalchemy import (
    CTE,
    ClauseElement,
    Connection,
    Dialect,
    Table,
    Text,
    bindparam,
    column,
    func,
    insert,
    literal_column,
    null,
    select,
    values,
)
from sqlalchemy import update as update_of
from sqlalchemy.dialects import postgresql, sqlite

from daypass.store.schema import (
    certificates,
    host_names,
    hosts,
    installation,
    ledger,
    names,
    once_ids,
    persons,
)

__all__ = ["Head", "Statements"]
Values = Sequence[Any]
Rows = Sequence[tuple[Any, ...]]


class Head(NamedTuple):
    """The row of `installation`."""

    policy_hash: bytes
    ledger_seq: int
    ledger_time: int
    ledger_hash: bytes
    serial_floor: int


class Statements:
    """The statements of the hot paths, for one dialect."""

    def __init__(self, dialect: Dialect) -> None:
        self._dialect = dialect
        self._lite = dialect.name == "sqlite"
        self._texts: dict[tuple[str, int], str] = {}

    def lock(self, connection: Connection) -> Head:
        """The row of `installation`, held until the transaction ends: all writers go one after the other.

        (SQLite's are at BEGIN IMMEDIATE already.)
        """
        return Head(*_fetch(connection, self._text("lock", 0, lambda _: self._lock()))[0][:5])

    def head(self, connection: Connection) -> tuple[Any, ...]:
        """(policy_hash, ledger_time), as they stand."""
        return _fetch(connection, self._text("head", 0, lambda _: _head()))[0]

    def find_persons(self, connection: Connection, keys: Sequence[tuple[str, str]], *, lock: bool = False) -> Rows:
        """(id, issuer, subject, login, generation, locked_at, name): a row per name owned, at least one."""
        text = self._text("lock persons" if lock else "persons", len(keys), lambda n: _persons(n, lock))
        return _fetch(connection, text, _flat(keys))

    def find_names(self, connection: Connection, wanted: Sequence[str]) -> Rows:
        """(name, person_id), tombstones too."""
        return _fetch(connection, self._text("names", len(wanted), _names), tuple(wanted))

    def find_hosts(self, connection: Connection, wanted: Sequence[str]) -> Rows:
        """(asked, id, name, aliases, labels, keys, live_until) by any of their names."""
        return _fetch(connection, self._text("hosts", len(wanted), _hosts), tuple(wanted))

    def find_once(self, connection: Connection, keys: Sequence[tuple[str, str]]) -> Rows:
        """(provider, id, serials)"""
        return _fetch(connection, self._text("once", len(keys), _once), _flat(keys))

    def find_certificates(self, connection: Connection, serials: Sequence[int]) -> Rows:
        """(serial, certificate, public_key, principals, valid_after, valid_before, revoked_at)"""
        text = self._text("certificates", len(serials), _certificates)
        return _fetch(connection, text, tuple(serials))

    def spend(self, connection: Connection, rows: Sequence[Values]) -> Rows:
        """Rows (provider, id, serials, spent_at, expires_at); gives (provider, id) of those not spent before."""
        text = self._text("spend", len(rows), lambda n: self._insert_new(once_ids, n, ("provider", "id")))
        return _fetch(connection, text, _flat(rows))

    def add_persons(self, connection: Connection, rows: Sequence[Values]) -> Rows:
        """Rows (issuer, subject, login, generation, created_at); gives (id, issuer, subject)."""
        columns = ("issuer", "subject", "login", "generation", "created_at")
        text = self._text(
            "add persons", len(rows), lambda n: self._insert_new(persons, n, ("id", "issuer", "subject"), columns)
        )
        return _fetch(connection, text, _flat(rows))

    def claim(self, connection: Connection, rows: list[tuple[Any, ...]]) -> None:
        """Rows (name, person_id, claimed_at). A person's own tombstone becomes a name again."""
        _fill(connection, self._text("claim", 1, lambda _: self._claim()), rows)

    def add_certificates(self, connection: Connection, rows: list[tuple[Any, ...]]) -> None:
        """All columns but the last two, which revocation fills."""
        columns = tuple(certificates.c.keys())[:-2]
        _fill(connection, self._text("add certificates", 1, lambda _: _insert(certificates, columns)), rows)

    def add_entries(self, connection: Connection, rows: list[tuple[Any, ...]], head: Values) -> None:
        """Ledger rows, and `head` = (seq, time, hash) of the last one."""
        _fill(connection, self._text("add entries", 1, lambda _: _insert(ledger, tuple(ledger.c.keys()))), rows)
        _fill(connection, self._text("set head", 1, lambda _: _set_head()), [tuple(head)])

    def _text(self, name: str, size: int, make: Callable[[int], ClauseElement]) -> str:
        text = self._texts.get((name, size))
        if text is None:
            statement = make(size)
            compiled = statement.compile(dialect=self._dialect, compile_kwargs={"render_postcompile": True})
            text = self._texts[name, size] = str(compiled)
        return text

    def _lock(self) -> ClauseElement:
        statement = select(
            installation.c.policy_hash,
            installation.c.ledger_seq,
            installation.c.ledger_time,
            installation.c.ledger_hash,
            installation.c.serial_floor,
        )
        if self._lite:
            return statement
        # In the same statement, for it must hold in this very transaction (trust 7.3) and costs no round trip here.
        durable = func.set_config(*(literal_column(word) for word in ("'synchronous_commit'", "'on'", "true")))
        return statement.add_columns(durable).with_for_update()

    def _upsert(self, table: Table) -> sqlite.Insert:
        """Both dialects have ON CONFLICT, each under a type of its own with the same methods."""
        return sqlite.insert(table) if self._lite else cast(sqlite.Insert, postgresql.insert(table))

    def _claim(self) -> ClauseElement:
        made = self._upsert(names).values({name: bindparam(name) for name in ("name", "person_id", "claimed_at")})
        return made.on_conflict_do_update(index_elements=["name"], set_={"released_at": null()})

    def _insert_new(
        self, table: Table, size: int, returning: Sequence[str], columns: Sequence[str] | None = None
    ) -> ClauseElement:
        """INSERT … ON CONFLICT DO NOTHING RETURNING: every row has its own verdict (trust 3.6)."""
        row = dict.fromkeys(columns or table.c.keys())
        made = self._upsert(table).values([row] * size)
        return made.on_conflict_do_nothing().returning(*(table.c[name] for name in returning))


def _fetch(connection: Connection, text: str, values: tuple[Any, ...] = ()) -> Rows:
    cursor = connection.connection.cursor()
    cursor.execute(text, values)
    return cursor.fetchall()


def _fill(connection: Connection, text: str, rows: list[tuple[Any, ...]]) -> None:
    connection.connection.cursor().executemany(text, rows)


def _flat(rows: Iterable[Values]) -> tuple[Any, ...]:
    return tuple(chain.from_iterable(rows))


def _insert(table: Table, columns: Sequence[str]) -> ClauseElement:
    return insert(table).values({name: bindparam(name) for name in columns})


def _head() -> ClauseElement:
    return select(installation.c.policy_hash, installation.c.ledger_time)


def _set_head() -> ClauseElement:
    return update_of(installation).values(
        {name: bindparam(name) for name in ("ledger_seq", "ledger_time", "ledger_hash")}
    )


def _wanted(size: int) -> CTE:
    """Pairs to look up. As `(x, y) IN (…)` SQLite would walk the whole table instead of its index."""
    pairs = values(column("a", Text), column("b", Text), name="wanted")
    return pairs.data([("", "")] * size).cte()


def _persons(size: int, lock: bool) -> ClauseElement:
    wanted = _wanted(size)
    found = (
        select(
            persons.c.id,
            persons.c.issuer,
            persons.c.subject,
            persons.c.login,
            persons.c.generation,
            persons.c.locked_at,
            names.c.name,
        )
        .join_from(wanted, persons, (persons.c.issuer == wanted.c.a) & (persons.c.subject == wanted.c.b))
        .outerjoin(names, (names.c.person_id == persons.c.id) & names.c.released_at.is_(None))
    )
    return found.with_for_update(of=persons) if lock else found


def _names(size: int) -> ClauseElement:
    return select(names.c.name, names.c.person_id).where(names.c.name.in_([""] * size))


def _hosts(size: int) -> ClauseElement:
    live = certificates.c.revoked_at.is_(None) & (certificates.c.host_id == hosts.c.id)
    live_until = (
        select(func.coalesce(func.max(certificates.c.valid_before), literal_column("0")))
        .where(live)
        .scalar_subquery()
    )
    return (
        select(
            host_names.c.name, hosts.c.id, hosts.c.name, hosts.c.aliases, hosts.c.labels, hosts.c["keys"], live_until
        )
        .join_from(host_names, hosts)
        .where(host_names.c.name.in_([""] * size))
    )


def _once(size: int) -> ClauseElement:
    wanted = _wanted(size)
    return select(once_ids.c.provider, once_ids.c.id, once_ids.c.serials).join_from(
        wanted, once_ids, (once_ids.c.provider == wanted.c.a) & (once_ids.c.id == wanted.c.b)
    )


def _certificates(size: int) -> ClauseElement:
    return select(
        certificates.c.serial,
        certificates.c.certificate,
        certificates.c.public_key,
        certificates.c.principals,
        certificates.c.valid_after,
        certificates.c.valid_before,
        certificates.c.revoked_at,
    ).where(certificates.c.serial.in_([0] * size))
