"""A database that is locked, full, gone or not durable: no answer, nothing half recorded, and it passes."""

from __future__ import annotations

import asyncio
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, closing, contextmanager
from pathlib import Path
from typing import Any

import psycopg
import pytest
from tests.parts.needs import need
from tests.parts.postgres import Postgres, run_postgres
from tests.store.build import question, recording, verified_ledger
from tests.store.conftest import opened

from daypass.ca.ports import Recorded, Spent
from daypass.errors import Unavailable
from daypass.store import database, open_store


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
from tests.store.conftest import opened
from daypass.ca.ports import Recorded
from daypass.errors import Unavailable
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


STOP_WAITING = {
    "cancelled": "SELECT pg_cancel_backend(pid) FROM pg_stat_activity WHERE wait_event = 'SyncRep'",
    "terminated": "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE wait_event = 'SyncRep'",
}


@pytest.mark.parametrize("stop", STOP_WAITING.values(), ids=STOP_WAITING.keys())
def test_a_commit_that_no_standby_has_confirmed_is_not_answered(lonely: Postgres, stop: str) -> None:
    """Trust 7.3: PostgreSQL calls such a commit a success, with a warning. Nor does a default of the database
    (synchronous_commit = off) make the store answer sooner."""

    async def scenario() -> None:
        store = open_store(lonely.url())
        recorded = asyncio.create_task(store.record(recording("alice", once="a")))
        while not sql(lonely, stop):
            assert not recorded.done()
            await asyncio.sleep(0.02)
        with pytest.raises(Unavailable):
            await recorded
        sql(lonely, "ALTER SYSTEM RESET synchronous_standby_names")
        sql(lonely, "SELECT pg_reload_conf()")
        assert isinstance(await store.record(recording("alice", once="a")), Recorded | Spent)
        await store.close()

    asyncio.run(scenario())
