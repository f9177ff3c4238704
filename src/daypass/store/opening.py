"""Opening a database: is it there, is it ours, does it have the schema this version of daypass expects?"""

from __future__ import annotations

import os
from pathlib import Path

from sqlalchemy import URL, Connection, insert, inspect, select

from daypass.errors import DaypassError, Misconfigured
from daypass.store.database import Database, parse_url
from daypass.store.schema import (
    FIRST_INSTALLATION,
    FIRST_KRLS,
    REVISION,
    installation,
    krls,
    metadata,
    schema_version,
)
from daypass.store.store import SqlStore

__all__ = ["check_file", "open_store"]


def open_store(url: str, *, create: bool = False) -> SqlStore:
    """The store at `url`; `create` makes the tables in a database that is empty.

    Raises Misconfigured: no such database, not to be written, not reached, another schema version.
    """
    parsed = parse_url(url)
    check_file(parsed, create=create)
    database = Database(parsed)
    try:
        if create:
            database.write(_create)
        _check_version(database.read(_version))
        database.check_durability()
    except BaseException as error:
        database.dispose()
        if isinstance(error, DaypassError) and not isinstance(error, Misconfigured):
            raise Misconfigured(
                f"the store can't be opened: {error.message}",
                code="store.open",
                hint="check `database` in the configuration, and that this account may use it",
            ) from error
        raise
    return SqlStore(database)


def check_file(url: URL, *, create: bool) -> None:
    """SQLite's file is there (or made, for its owner alone) and can be written; else Misconfigured."""
    if url.get_backend_name() != "sqlite":
        return
    path = Path(str(url.database))
    try:
        if create:
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        flags = os.O_RDWR | (os.O_CREAT if create else 0)
        os.close(os.open(path, flags, 0o600))
    except FileNotFoundError as error:
        raise Misconfigured(
            f"there is no database at {path}", code="store.missing", hint="daypass ca init"
        ) from error
    except OSError as error:
        raise Misconfigured(
            f"the database {path} can't be written: {error.strerror}",
            code="store.file",
            hint="run the CA as the account that owns it",
        ) from error


def _create(connection: Connection) -> None:
    if inspect(connection).get_table_names():
        return
    metadata.create_all(connection)
    schema_version.create(connection)
    connection.execute(insert(installation).values(FIRST_INSTALLATION))
    connection.execute(insert(krls).values(FIRST_KRLS))
    connection.execute(insert(schema_version).values(version_num=REVISION))


def _version(connection: Connection) -> str | None:
    if not inspect(connection).has_table(schema_version.name):
        return None
    return connection.execute(select(schema_version.c.version_num)).scalar()


def _check_version(version: str | None) -> None:
    if version == REVISION:
        return
    has = f"schema version {version}" if version else "no tables of daypass"
    raise Misconfigured(
        f"the database has {has}, this daypass expects version {REVISION}",
        code="store.version",
        hint="daypass ca migrate",
    )
