"""Migrations make exactly the tables of schema.py, and a store opens only what it understands."""

from __future__ import annotations

import asyncio
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from sqlalchemy import create_engine, make_url, text
from tests.parts.postgres import Postgres
from tests.store.build import NOW
from tests.store.conftest import change, opened, rows

from daypass.errors import Misconfigured
from daypass.store import open_store
from daypass.store.database import Database, parse_url
from daypass.store.migrate import migrate

SQLITE_SCHEMA = "SELECT type, name, tbl_name, sql FROM sqlite_master WHERE name NOT LIKE 'sqlite_%'"
POSTGRESQL_SCHEMA = """
    SELECT 'column', table_name, column_name, data_type || ' ' || is_nullable || ' ' || coalesce(column_default, '')
      FROM information_schema.columns WHERE table_schema = 'public'
    UNION ALL SELECT 'index', tablename, indexname, indexdef FROM pg_indexes WHERE schemaname = 'public'
    UNION ALL SELECT 'constraint', conrelid::regclass::text, conname, pg_get_constraintdef(oid) FROM pg_constraint
      WHERE connamespace = 'public'::regnamespace
"""


def schema(url: str) -> set[tuple[str, ...]]:
    """Everything the database says of itself, and the first row."""
    engine = create_engine(url)
    with engine.connect() as connection:
        rows = connection.execute(text(SQLITE_SCHEMA if url.startswith("sqlite") else POSTGRESQL_SCHEMA)).all()
        first = [*connection.execute(text("SELECT * FROM installation")), *connection.execute(text(VERSION))]
    engine.dispose()
    return {tuple(_columns(str(value)) for value in row) for row in (*rows, *first)}


VERSION = "SELECT version_num FROM schema_version"


def _columns(sql: str) -> str:
    """CREATE TABLE's parts in an order of their own: SQLite keeps the text, constraints may stand anywhere, and
    columns that came later stand in one line with what was the last."""
    return "\n".join(
        sorted(bare for part in re.split(r"[\n,]", sql.replace('"', "")) if (bare := part.strip(" \t)")))
    )


def test_migrations_make_what_the_code_expects(
    empty_url: str, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    if empty_url.startswith("sqlite"):
        created = f"sqlite:///{tmp_path}/created.sqlite"
    else:
        cluster: Postgres = request.getfixturevalue("postgres")
        created = cluster.fresh_url()
    asyncio.run(open_store(created, create=True).close())
    migrate(empty_url)
    assert schema(empty_url) == schema(created)


def test_a_migrated_database_opens_and_migrating_again_changes_nothing(empty_url: str) -> None:
    migrate(empty_url)
    before = schema(empty_url)
    migrate(empty_url)
    assert schema(empty_url) == before
    asyncio.run(open_store(empty_url).close())


def test_a_database_of_the_first_release_keeps_what_is_in_it(empty_url: str) -> None:
    """Its CA says what to run; after that it is as a new one, and nothing on record has changed."""
    migrate(empty_url, "0001")
    with pytest.raises(Misconfigured, match="schema version 0001, this daypass expects version 0006") as caught:
        open_store(empty_url)
    assert caught.value.hint == "daypass ca migrate"
    change(empty_url, "INSERT INTO serial_blocks (start, taken_at, process) VALUES (7, 8, 'then')")
    migrate(empty_url)

    async def scenario() -> None:
        async with opened(empty_url) as store:
            assert await store.device(b"d" * 32, NOW) is None

    asyncio.run(scenario())
    assert rows(empty_url, "SELECT start, taken_at, process FROM serial_blocks") == [(7, 8, "then")]


def test_creating_again_leaves_what_is_there(url: str) -> None:
    async def scenario() -> None:
        store = open_store(url, create=True)
        published = await store.publish("x", b"x" * 32, actor="root", now=1)
        await store.close()
        store = open_store(url, create=True)
        assert await store.active_config() == published
        await store.close()

    asyncio.run(scenario())


@pytest.mark.parametrize("version", ["0000", "0001", "9999", None])
def test_another_schema_version_is_refused_with_what_to_do(url: str, version: str | None) -> None:
    if version is None:
        change(url, "DROP TABLE schema_version")
    else:
        change(url, "UPDATE schema_version SET version_num = :version", version=version)
    with pytest.raises(Misconfigured) as caught:
        open_store(url)
    assert caught.value.hint == "daypass ca migrate"


BAD_URLS = {
    "no database there": "sqlite:///{tmp}/missing.sqlite",
    "in memory": "sqlite://",
    "in memory, by name": "sqlite:///:memory:",
    "in memory, by mode": "sqlite:///file:x?mode=memory&uri=true",
    "a folder": "sqlite:///{tmp}",
    "not a database": "sqlite:///{tmp}/text",
    "another database": "mysql://localhost/x",
    "no URL": "ca.sqlite",
    "nobody listens": "postgresql://ca:hunter2@127.0.0.1:1/ca",
    "no such socket": "postgresql://ca:hunter2@/ca?host={tmp}",
}


@pytest.mark.parametrize("bad", BAD_URLS.values(), ids=BAD_URLS.keys())
def test_a_store_that_cannot_be_opened_says_why_and_shows_no_password(bad: str, tmp_path: Path) -> None:
    (tmp_path / "text").write_text("this is no database at all, and long enough to be looked at" * 20)
    with pytest.raises(Misconfigured) as caught:
        open_store(bad.format(tmp=tmp_path))
    assert caught.value.hint
    assert "hunter2" not in caught.value.message


def test_a_file_that_cannot_be_written_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "ca.sqlite"
    asyncio.run(open_store(f"sqlite:///{path}", create=True).close())
    path.chmod(0o400)
    me = os.geteuid()
    try:
        if me == 0:
            os.seteuid(65534)  # root could write it all the same
        with pytest.raises(Misconfigured, match="can't be written"):
            open_store(f"sqlite:///{path}")
    finally:
        os.seteuid(me)


def test_the_file_is_for_its_owner_alone(tmp_path: Path) -> None:
    path = tmp_path / "new" / "ca.sqlite"
    asyncio.run(open_store(f"sqlite:///{path}", create=True).close())
    assert path.stat().st_mode & 0o077 == 0
    assert path.parent.stat().st_mode & 0o077 == 0


def test_opening_a_store_does_not_load_alembic(tmp_path: Path) -> None:
    code = f"""
import asyncio, sys
from daypass.store import open_store
asyncio.run(open_store("sqlite:///{tmp_path}/ca.sqlite", create=True).close())
sys.exit("alembic" in sys.modules)
"""
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_sqlite_is_opened_to_be_durable(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/ca.sqlite"
    asyncio.run(open_store(url, create=True).close())
    opened = Database(parse_url(url))
    wanted = {"journal_mode": "wal", "synchronous": 2, "foreign_keys": 1, "busy_timeout": 5000}
    found = opened.read(
        lambda connection: {name: connection.exec_driver_sql(f"PRAGMA {name}").scalar() for name in wanted}
    )
    assert found == wanted
    opened.dispose()


def test_several_hosts_without_a_synchronous_standby_are_refused(postgres: Postgres, postgres_template: str) -> None:
    """Trust 7.3: a failover to an asynchronous standby loses certificates that were handed out."""
    url = f"{postgres.fresh_url(postgres_template)},{postgres.directory}"
    with pytest.raises(Misconfigured, match="synchronous_standby_names"):
        open_store(url)
    asyncio.run(open_store(f"{url}&daypass_danger_async=1").close())


def test_a_file_system_that_can_not_do_a_write_ahead_log_is_refused(tmp_path: Path) -> None:
    """SQLite's dot-file locking stands in for it: it has no shared memory, as network file systems have none."""
    url = make_url(f"sqlite:///file:{tmp_path}/ca.sqlite?vfs=unix-dotfile&uri=true")
    database = Database(url)
    with pytest.raises(Misconfigured) as caught:
        database.read(lambda connection: connection.info)
    assert caught.value.code == "store.wal" and caught.value.hint
    database.dispose()
