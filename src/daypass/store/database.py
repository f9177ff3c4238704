"""One engine for SQLite and PostgreSQL: durable transactions, plain reads, and no driver error that escapes."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from functools import partial
from typing import Any, TypeVar

from sqlalchemy import Connection, Engine, create_engine, event, func, select, text
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError, DataError, DBAPIError, IntegrityError, NotSupportedError, ProgrammingError
from sqlalchemy.exc import SQLAlchemyError as AnyDatabaseError
from sqlalchemy.pool import ConnectionPoolEntry

from daypass.errors import DaypassError, Internal, Misconfigured, Unavailable
from daypass.store.statements import Statements

__all__ = ["LOCK_WAIT", "CommitLost", "Database", "Refused", "parse_url"]

LOCK_WAIT = 5.0  # seconds for another process's transaction, before this one is given up
DANGER = "daypass_danger_async"
# A server that vanished without a word: found out in seconds, where Linux alone would wait for hours (tcp(7)).
_LIFELINE = {"keepalives_idle": 5, "keepalives_interval": 2, "keepalives_count": 3, "tcp_user_timeout": 10_000}  # ms
_OUR_FAULT = (IntegrityError, DataError, ProgrammingError, NotSupportedError)
T = TypeVar("T")


class Refused(Internal):
    """The database refused the rows of this transaction; it was rolled back."""


class CommitLost(Unavailable):
    """The connection broke in COMMIT: whether it was recorded has to be read again (trust 7.3)."""


class Database:
    """`write` is for one thread, the store's worker; `read` has a connection of its own wherever it runs."""

    def __init__(self, url: URL) -> None:
        self.url = url
        self.lite = url.get_backend_name() == "sqlite"
        self._danger = url.query.get(DANGER) == "1"
        self.engine = _sqlite(url) if self.lite else _postgresql(url.difference_update_query([DANGER]))
        self._reader = self.engine if self.lite else self.engine.execution_options(isolation_level="AUTOCOMMIT")
        self.statements = Statements(self.engine.dialect)

    def write(self, work: Callable[[Connection], T]) -> T:
        """`work` in one transaction, durable when this returns; Unavailable when it is not known to be.

        `work` may run twice, where a pooled connection turns out to have died before anything was committed.
        """
        return self._twice(lambda: self._write(work))

    def read(self, work: Callable[[Connection], T]) -> T:
        """`work` without a transaction: each statement sees what is committed when it runs."""
        return self._twice(lambda: self._read(work))

    def dispose(self) -> None:
        self.engine.dispose()

    def check_durability(self) -> None:
        """Several hosts and no synchronous standby: a failover would lose what was answered (trust 7.3)."""
        if self.lite or self._danger:
            return
        hosts = str(self.engine.dialect.create_connect_args(self.url)[1].get("host") or "").split(",")
        if len(hosts) > 1 and not self.read(_standby_names):
            raise Misconfigured(
                "the database has several hosts, but synchronous_standby_names is empty: a failover would lose "
                "certificates that were already handed out",
                code="store.async",
                hint=f"set synchronous_standby_names on the server (to accept the loss, add ?{DANGER}=1 to the URL)",
            )

    def _twice(self, run: Callable[[], T]) -> T:
        try:
            try:
                return run()
            except DBAPIError as error:
                if not error.connection_invalidated:
                    raise
                return run()
        except AnyDatabaseError as error:
            raise self.translate(error) from error

    def _write(self, work: Callable[[Connection], T]) -> T:
        with self.engine.connect() as connection:
            result = self.begin(work, connection)
            self.commit(connection)
        return result

    def impatient(self) -> Connection:
        """A connection to a SQLite database that does not wait for anybody's lock."""
        connection = self.engine.connect()
        connection.connection.cursor().execute("PRAGMA busy_timeout = 0")
        return connection

    def begin(self, work: Callable[[Connection], T], connection: Connection) -> T:
        """`work` in a transaction that is left open for `commit`; rolled back if this raises."""
        transaction = connection.begin()
        try:
            return self.run(partial(self._locked, work), connection)
        except BaseException:
            transaction.rollback()
            raise

    def _locked(self, work: Callable[[Connection], T], connection: Connection) -> T:
        if self.lite:  # a transaction that starts by reading can't always go on to write; this one waits for its turn
            connection.connection.cursor().execute("BEGIN IMMEDIATE")
        return work(connection)

    def commit(self, connection: Connection) -> None:
        """Durable when this returns, else rolled back; Unavailable when it is not known to be."""
        notices: list[str] = connection.info.setdefault("notices", [])
        notices.clear()
        try:
            connection.commit()
        except AnyDatabaseError as error:
            connection.rollback()
            if self.lite:  # SQLAlchemy takes it for ended; SQLite may have kept it open, and with it everybody's lock
                connection.connection.rollback()
            if isinstance(error, DBAPIError) and error.connection_invalidated:
                raise CommitLost("the connection to the database broke in COMMIT", code="store.commit") from error
            raise self.translate(error) from error
        if notices:  # PostgreSQL: a cancelled wait for the standby is success with a warning (trust 7.3)
            raise Unavailable(f"the database committed with a warning: {notices[0]}", code="store.commit")

    def _read(self, work: Callable[[Connection], T]) -> T:
        with self._reader.connect() as connection:
            return self.run(work, connection)

    def run(self, work: Callable[[Connection], T], connection: Connection) -> T:
        """What the driver raises where it is used directly, as SQLAlchemy would have raised it."""
        dialect = self.engine.dialect
        try:
            return work(connection)
        except dialect.loaded_dbapi.Error as error:
            broken = dialect.is_disconnect(error, connection.connection.driver_connection, None)
            if broken:
                connection.invalidate()
            base = dialect.loaded_dbapi.Error
            raise DBAPIError.instance(None, None, error, base, connection_invalidated=broken) from error
        except OverflowError as error:  # sqlite3's word for a number beyond 64 bits
            raise Refused("a number is too large to be put on record", code="store.refused") from error

    def translate(self, error: AnyDatabaseError) -> DaypassError:
        """What the driver said, in our tree, without the URL's password."""
        reason = str(error.orig if isinstance(error, DBAPIError) else error).strip().partition("\n")[0]
        if self.url.password:
            reason = reason.replace(str(self.url.password), "***")
        if isinstance(error, _OUR_FAULT):
            return Refused(f"the database refused what the store wrote: {reason}", code="store.refused")
        return Unavailable(
            f"the database is not available: {reason}",
            code="store.unavailable",
            hint="nothing was recorded as far as we know; it is safe to try again",
            retry_after=1,
        )


def parse_url(url: str) -> URL:
    """`sqlite:////path` or `postgresql://user@host/name`. Raises Misconfigured for anything else."""
    try:
        parsed = make_url(url)
    except ArgumentError as error:
        raise _bad_url("the database URL can't be read") from error
    backend = parsed.get_backend_name()
    if backend == "sqlite":
        if not parsed.database or ":memory:" in parsed.database or parsed.query.get("mode") == "memory":
            raise _bad_url("a database in memory forgets what was issued")
        return parsed.set(drivername="sqlite+pysqlite")
    if backend == "postgresql":
        return parsed.set(drivername="postgresql+psycopg")
    raise _bad_url(f"{backend} is not a database the store can use")


def _bad_url(message: str) -> Misconfigured:
    return Misconfigured(
        message, code="store.url", hint='write "sqlite:////path/to/file" or "postgresql://user@host/database"'
    )


def _sqlite(url: URL) -> Engine:
    engine = create_engine(
        url, connect_args={"timeout": LOCK_WAIT, "isolation_level": None, "cached_statements": 1024}
    )

    @event.listens_for(engine, "connect")
    def _prepare(connection: sqlite3.Connection, _: ConnectionPoolEntry) -> None:
        (mode,) = connection.execute("PRAGMA journal_mode=WAL").fetchone()
        if mode != "wal":  # without it readers and the writer stop each other
            raise Misconfigured(
                "the database's file system can't do what SQLite's write-ahead log needs",
                code="store.wal",
                hint="put it on a local disk (not NFS or the like), or use PostgreSQL",
            )
        for pragma in ("synchronous=FULL", "foreign_keys=ON"):
            connection.execute(f"PRAGMA {pragma}")

    return engine


def _postgresql(url: URL) -> Engine:
    try:
        import psycopg
    except ImportError as error:
        raise Misconfigured(
            "PostgreSQL needs the driver psycopg", code="store.driver", hint='pip install "daypass[ca,postgresql]"'
        ) from error

    engine = create_engine(
        url,
        # Whoever waited for the row of `installation` must then see what was committed meanwhile.
        isolation_level="READ COMMITTED",
        connect_args={
            "connect_timeout": 5,
            **_LIFELINE,
            "options": f"{url.query.get('options', '')} -c statement_timeout={int(LOCK_WAIT * 1000)}".strip(),
        },
    )

    @event.listens_for(engine, "connect")
    def _listen(connection: psycopg.Connection[Any], entry: ConnectionPoolEntry) -> None:
        notices = entry.info.setdefault("notices", [])
        connection.add_notice_handler(lambda notice: notices.append(str(notice.message_primary)))

    return engine


def _standby_names(connection: Connection) -> str:
    return str(connection.execute(select(func.current_setting(text("'synchronous_standby_names'")))).scalar_one())
