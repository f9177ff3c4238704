"""`daypass ca migrate`: bring a database to the schema this version expects. Nothing else imports Alembic."""

from __future__ import annotations

from functools import partial
from pathlib import Path

from alembic import command
from alembic.config import Config
from sqlalchemy import Connection, text

from daypass.store.database import Database, parse_url
from daypass.store.opening import check_file

__all__ = ["migrate"]


def migrate(url: str, revision: str = "head") -> None:
    """All missing migrations up to `revision` in one transaction; an empty database gets every table.

    Raises Misconfigured, Unavailable.
    """
    parsed = parse_url(url)
    check_file(parsed, create=True)
    database = Database(parsed)
    try:
        database.write(partial(_upgrade, revision))
    finally:
        database.dispose()


def _upgrade(revision: str, connection: Connection) -> None:
    if connection.dialect.name == "postgresql":
        connection.execute(text("SET LOCAL statement_timeout = 0"))  # a large table takes as long as it takes
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).with_name("migrations")))
    config.attributes["connection"] = connection
    command.upgrade(config, revision)
