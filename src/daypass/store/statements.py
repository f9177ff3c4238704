"""The hot paths' statements, compiled once per group size and run by the driver's own cursor.

SQLAlchemy's execution costs some 25 microseconds for each statement, and every certificate takes a dozen of them.
So the text that Core made goes to the driver directly, inside SQLAlchemy's transaction. Rows are plain ints,
strings and bytes, which need no conversion on either driver.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from functools import partial
from itertools import chain
from typing import Any, NamedTuple

from sqlalchemy import ClauseElement, Connection, Dialect, Table
from sqlalchemy.dialects import postgresql
from sqlalchemy.engine.interfaces import DBAPICursor

from daypass.store import queries
from daypass.store.schema import certificates, ledger, once_ids, persons

__all__ = ["Head", "Statements"]

Values = tuple[Any, ...]
Rows = Sequence[Values]
_CERTIFICATE = tuple(certificates.c.keys())[:-2]
_PERSON = ("issuer", "subject", "login", "generation", "created_at")


class Head(NamedTuple):
    """The row of `installation`."""

    policy_hash: bytes
    ledger_seq: int
    ledger_time: int
    ledger_hash: bytes
    serial_floor: int
    recovery_since: int | None
    policy_version: int
    sign_ins_over: int


class Statements:
    """For one database. Groups must not be empty."""

    def __init__(self, dialect: Dialect) -> None:
        self._texts: dict[tuple[str, int], str] = {}
        self._lite = dialect.name == "sqlite"
        # psycopg's raw cursor takes PostgreSQL's own $1 and does not search a long text for %s each time.
        self._dialect = dialect if self._lite else _numbered()
        self._cursor = _sqlite_cursor if self._lite else _raw_cursor()

    def lock(self, connection: Connection) -> Head:
        """The row of `installation`, held until the transaction ends: all writers go one after the other."""
        return Head(*self._fetch(connection, "lock", 1, lambda _: queries.lock(self._lite))[0][: len(Head._fields)])

    def head(self, connection: Connection) -> tuple[bytes, int, int]:
        """(policy_hash, ledger_time, sign_ins_over), as they stand."""
        policy_hash, time, over = self._fetch(connection, "head", 1, lambda _: queries.head())[0]
        return policy_hash, time, over

    def find_persons(self, connection: Connection, keys: Rows) -> Rows:
        """(id, issuer, subject, login, generation, locked_at, name, facts_hash, ended_at) by the identity that was
        asked for: a row per name owned, at least one."""
        make = partial(queries.find_persons, lock=False)
        return self._fetch(connection, "find persons", len(keys), make, _flat(keys))

    def lock_persons(self, connection: Connection, keys: Rows) -> Rows:
        """The same, held until the transaction ends."""
        make = partial(queries.find_persons, lock=True)
        return self._fetch(connection, "lock persons", len(keys), make, _flat(keys))

    def find_names(self, connection: Connection, wanted: Sequence[str]) -> Rows:
        """(name, person_id, reason), tombstones too; no person_id where it is reserved."""
        return self._fetch(connection, "find names", len(wanted), queries.find_names, tuple(wanted))

    def find_hosts(self, connection: Connection, wanted: Sequence[str]) -> Rows:
        """(asked, id, name, aliases, labels, keys, live_until, addresses) by any of their names."""
        return self._fetch(connection, "find hosts", len(wanted), queries.find_hosts, tuple(wanted))

    def find_once(self, connection: Connection, keys: Rows) -> Rows:
        """(provider, id, serials)"""
        return self._fetch(connection, "find once", len(keys), queries.find_once, _flat(keys))

    def find_certificates(self, connection: Connection, serials: Sequence[int]) -> Rows:
        """(serial, certificate, public_key, principals, valid_after, valid_before, revoked_at)"""
        make = queries.find_certificates
        return self._fetch(connection, "find certificates", len(serials), make, tuple(serials))

    def spend(self, connection: Connection, rows: Rows) -> Rows:
        """Rows (provider, id, serials, spent_at, expires_at); gives (provider, id) of those not spent before."""
        make = partial(queries.add_new, self._lite, once_ids, tuple(once_ids.c.keys()), ("provider", "id"))
        return self._fetch(connection, "spend", len(rows), make, _flat(rows))

    def add_persons(self, connection: Connection, rows: Rows) -> Rows:
        """Rows (issuer, subject, login, generation, created_at); gives (id, issuer, subject)."""
        make = partial(queries.add_new, self._lite, persons, _PERSON, ("id", "issuer", "subject"))
        return self._fetch(connection, "add persons", len(rows), make, _flat(rows))

    def claim(self, connection: Connection, rows: Rows) -> None:
        """Rows (name, person_id, claimed_at). A person's own tombstone becomes a name again, and a reserved one
        theirs: whether it may is judged before."""
        text = self._text("claim", 1, lambda _: queries.claim(self._lite))
        self._cursor(connection).executemany(text, rows)

    def put_identities(self, connection: Connection, rows: Rows) -> None:
        """Rows (issuer, subject, person_id, provider, email, facts, facts_hash, linked_at), each identity once."""
        make = partial(queries.put_identities, self._lite)
        self._put(connection, "put identities", make, rows)

    def add_certificates(self, connection: Connection, rows: Rows) -> None:
        """All columns but the last two, which revocation fills."""
        self._add(connection, certificates, _CERTIFICATE, rows)

    def add_entries(self, connection: Connection, rows: Rows, head: Values) -> None:
        """Ledger rows, and `head` = (seq, time, hash) of the last one."""
        self._add(connection, ledger, tuple(ledger.c.keys()), rows)
        self._cursor(connection).execute(self._text("set head", 1, lambda _: queries.set_head()), head)

    def _add(self, connection: Connection, table: Table, columns: Sequence[str], rows: Rows) -> None:
        self._put(connection, f"add {table.name}", partial(queries.add, table, columns), rows)

    def _put(self, connection: Connection, name: str, make: Callable[[int], ClauseElement], rows: Rows) -> None:
        """SQLite is quickest with one short statement run for every row, PostgreSQL with one message for all."""
        cursor = self._cursor(connection)
        if self._lite:
            cursor.executemany(self._text(name, 1, make), rows)
        else:
            cursor.execute(self._text(name, len(rows), make), _flat(rows))

    def _fetch(
        self, connection: Connection, name: str, size: int, make: Callable[[int], ClauseElement], values: Values = ()
    ) -> Rows:
        cursor = self._cursor(connection)
        cursor.execute(self._text(name, size, make), values)
        return cursor.fetchall()

    def _text(self, name: str, size: int, make: Callable[[int], ClauseElement]) -> str:
        text = self._texts.get((name, size))
        if text is None:
            compiled = make(size).compile(dialect=self._dialect, compile_kwargs={"render_postcompile": True})
            text = self._texts[name, size] = str(compiled)
        return text


def _sqlite_cursor(connection: Connection) -> DBAPICursor:
    return connection.connection.cursor()


def _numbered() -> Dialect:
    made: Dialect = postgresql.psycopg.dialect(paramstyle="numeric_dollar")  # type: ignore[no-untyped-call]
    return made


def _raw_cursor() -> Callable[[Connection], DBAPICursor]:
    from psycopg import RawCursor

    return lambda connection: RawCursor(connection.connection.driver_connection)  # type: ignore[arg-type,return-value]


def _flat(rows: Iterable[Values]) -> Values:
    return tuple(chain.from_iterable(rows))
