"""A database that is locked, full, gone or not durable: no answer, nothing half recorded, and it passes."""

from __future__ import annotations

import asyncio
import os
import socket
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, closing, contextmanager
from pathlib import Path
from typing import Any

import psycopg
import pytest
from sqlalchemy import Connection
from tests.parts.needs import need
from tests.parts.postgres import Postgres, run_postgres
from tests.store.build import question, recording, verified_ledger
from tests.store.conftest import change, opened

from daypass.ca.ports import NameTaken, Recorded, Spent, Verdict
from daypass.errors import Internal, Unavailable
from daypass.store import database, open_store

LIFELINE = {
    socket.TCP_KEEPIDLE: 5,
    socket.TCP_KEEPINTVL: 2,
    socket.TCP_KEEPCNT: 3,
    socket.TCP_USER_TIMEOUT: 10_000,
}


def test_postgresql_ends_every_connection_and_the_store_goes_on(postgres: Postgres, postgres_template: str) -> None:
    name = postgres.fresh(postgres_template)
    url = postgres.url(name)

    async def scenario() -> None:
        async with opened(url) as store:
            await store.record(recording("alice", once="a"))
            with psycopg.connect(postgres.dsn(), autocommit=True) as admin:
                admin.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s", [name])
            assert isinstance(await store.record(recording("alice", once="a", generation=1)), Spent)
            assert await store.record(recording("alice", generation=1)) == Recorded()
            await verified_ledger(store)

    asyncio.run(scenario())


def test_a_postgresql_that_vanishes_without_a_word_is_missed_within_seconds(postgres: Postgres) -> None:
    """A machine that lost its power answers no packet: TCP alone would wait a quarter of an hour, or two hours."""

    def options(connection: Connection) -> dict[int, int]:
        with socket.socket(fileno=os.dup(connection.connection.driver_connection.fileno())) as mine:  # type: ignore[union-attr]
            return {name: mine.getsockopt(socket.IPPROTO_TCP, name) for name in LIFELINE}

    async def relayed(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        theirs, to_them = await asyncio.open_unix_connection(postgres.directory / ".s.PGSQL.5432")
        pumps = [asyncio.create_task(pump(*each)) for each in ((reader, to_them), (theirs, writer))]
        await asyncio.wait(pumps)

    async def pump(source: asyncio.StreamReader, target: asyncio.StreamWriter) -> None:
        while data := await source.read(65536):
            target.write(data)
        target.close()

    async def scenario() -> None:
        async with await asyncio.start_server(relayed, "127.0.0.1", 0) as server:
            port = server.sockets[0].getsockname()[1]
            one = database.Database(database.parse_url(f"postgresql://daypass@127.0.0.1:{port}/postgres"))
            assert await asyncio.to_thread(one.read, options) == LIFELINE
            one.dispose()

    asyncio.run(scenario())


@contextmanager
def _lock_sqlite(path: str) -> Iterator[None]:
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("BEGIN IMMEDIATE")
        yield


@contextmanager
def _lock_postgresql(url: str) -> Iterator[None]:
    with psycopg.connect(url) as connection:
        connection.execute("SELECT * FROM installation FOR UPDATE")
        yield


LOCKS: dict[str, Callable[[str], AbstractContextManager[None]]] = {
    "sqlite": lambda url: _lock_sqlite(url.removeprefix("sqlite:///")),
    "postgresql": lambda url: _lock_postgresql(url.replace("+psycopg", "")),
}


def test_a_database_locked_by_someone_else_is_unavailable_until_it_is_free(
    url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(database, "LOCK_WAIT", 0.3)

    async def scenario() -> None:
        async with opened(url) as store:
            with LOCKS[url.partition("+")[0].partition(":")[0]](url):
                results = await asyncio.gather(
                    *(store.record(recording(f"user{number}", once=f"{number}")) for number in range(3)),
                    return_exceptions=True,
                )
                assert [type(each) for each in results] == [Unavailable] * 3
                assert (await store.view(question("user1", once="1"))).spent is None
            assert await store.record(recording("user1", once="1")) == Recorded()
            assert await verified_ledger(store) == ["config.publish", "certificate.issue"]

    asyncio.run(scenario())


FULL_DISK = """
import asyncio, subprocess, sys
from pathlib import Path
from tests.store.build import question, recording, verified_ledger
from tests.store.conftest import change, opened
from daypass.ca.ports import Recorded
from daypass.errors import Internal, Unavailable
from daypass.store import open_store

folder = Path(sys.argv[1])
subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", folder], check=True)
url = f"sqlite:///{folder}/ca.sqlite"

async def scenario():
    await open_store(url, create=True).close()
    ballast = folder / "ballast"
    ballast.write_bytes(bytes(100_000))
    async with opened(url) as store:
        said = []
        try:
            for number in range(10_000):
                assert await store.record(recording(f"user{number}", once=f"{number}")) == Recorded()
                said.append(number)
        except Unavailable as error:
            assert "full" in error.message, error.message
        assert 0 < len(said) < 10_000
        ballast.unlink()
        for number in said:
            assert len((await store.view(question(once=f"{number}"))).spent) == 1
        last = len(said)
        assert (await store.view(question(once=f"{last}"))).spent is None
        assert await store.record(recording(f"user{last}", once=f"{last}")) == Recorded()
        assert (await verified_ledger(store)).count("certificate.issue") == last + 1

asyncio.run(scenario())
"""


def test_a_full_disk_is_unavailable_and_nothing_is_recorded_by_halves(tmp_path: Path) -> None:
    unshare = need("root with mount namespaces")
    command = [str(unshare), "-m", sys.executable, "-c", FULL_DISK, str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr


def sql(cluster: Postgres, statement: str) -> list[tuple[Any, ...]]:
    with psycopg.connect(cluster.dsn(), autocommit=True) as connection:
        result = connection.execute(statement.encode())
        return result.fetchall() if result.description else []


def test_a_commit_that_sqlite_refuses_leaves_nobody_locked_out(tmp_path: Path) -> None:
    """A constraint that is looked at in COMMIT: SQLite says no there, and keeps the transaction open."""
    path = tmp_path / "ca.sqlite"
    url = f"sqlite:///{path}"

    async def scenario() -> None:
        async with opened(url) as store:
            await store.record(recording("alice"))  # on the loop from here on: the first one goes to the worker
            change(url, "CREATE TABLE late (p REFERENCES persons (id) DEFERRABLE INITIALLY DEFERRED)")
            change(url, "CREATE TRIGGER t AFTER INSERT ON ledger BEGIN INSERT INTO late VALUES (999); END")
            with pytest.raises(Internal):
                await store.record(recording("bob", once="b"))
            change(url, "DROP TRIGGER t")
            assert await store.record(recording("bob", once="b")) == Recorded()
            await verified_ledger(store)

    asyncio.run(open_store(url, create=True).close())
    asyncio.run(scenario())


@pytest.fixture
def lonely() -> Iterator[Postgres]:
    """A primary that waits for a standby which never comes."""
    with run_postgres() as cluster:

        async def prepare() -> None:
            await open_store(cluster.url(), create=True).close()
            async with opened(cluster.url()):
                sql(cluster, "ALTER DATABASE postgres SET synchronous_commit = off")

        asyncio.run(prepare())
        sql(cluster, "ALTER SYSTEM SET synchronous_standby_names = 'ghost'")
        sql(cluster, "SELECT pg_reload_conf()")
        yield cluster


WAITS = "SELECT pid FROM pg_stat_activity WHERE wait_event = 'SyncRep'"
CANCEL = WAITS.replace("pid", "pg_cancel_backend(pid)", 1)
TERMINATE = WAITS.replace("pid", "pg_terminate_backend(pid)", 1)


async def when_it_waits(cluster: Postgres, do: str, recorded: asyncio.Task[Verdict]) -> None:
    """As soon as a COMMIT waits for the standby, and not before."""
    while not sql(cluster, do):
        assert not recorded.done()
        await asyncio.sleep(0.02)


def comes_back(cluster: Postgres) -> None:
    sql(cluster, "ALTER SYSTEM RESET synchronous_standby_names")
    sql(cluster, "SELECT pg_reload_conf()")


def test_a_commit_that_no_standby_has_confirmed_is_not_answered(lonely: Postgres) -> None:
    """Trust 7.3: cancelled, PostgreSQL calls such a commit a success, with a warning. Nor does a default of the
    database (synchronous_commit = off) make the store answer sooner."""

    async def scenario() -> None:
        store = open_store(lonely.url())
        recorded = asyncio.create_task(store.record(recording("alice", once="a")))
        await when_it_waits(lonely, CANCEL, recorded)
        with pytest.raises(Unavailable, match="warning"):
            await recorded
        comes_back(lonely)
        assert isinstance(await store.record(recording("alice", once="a")), Spent)
        await store.close()

    asyncio.run(scenario())


def test_a_connection_that_breaks_in_commit_is_read_again_before_it_is_answered(lonely: Postgres) -> None:
    async def scenario() -> None:
        store = open_store(lonely.url())
        await store.view(question())
        once = [recording("alice", once="a"), recording("mallory", once="m", claims=("alice",))]
        recorded = asyncio.create_task(store.record(once[0]))
        refused = asyncio.create_task(store.record(once[1]))
        await when_it_waits(lonely, TERMINATE, recorded)
        await when_it_waits(lonely, WAITS, recorded)  # once more, so the second reading is a confirmed one
        comes_back(lonely)
        assert [await recorded, await refused] == [Recorded(), NameTaken("alice")]
        spent = (await store.view(question(once="a"))).spent
        assert spent is not None
        assert spent[0].serial == once[0].certificates[0].serial
        assert (await verified_ledger(store)).count("certificate.issue") == 1
        await store.close()

    asyncio.run(scenario())
