"""Every test that takes `url` or `store` runs on SQLite and on PostgreSQL."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import create_engine, text
from tests.parts.postgres import Postgres
from tests.store.build import NOW, POLICY

from daypass.store import SqlStore, open_store

Scenario = Callable[[SqlStore], Coroutine[Any, Any, None]]


@pytest.fixture(scope="session")
def postgres_template(postgres: Postgres) -> str:
    name = postgres.fresh()
    asyncio.run(open_store(postgres.url(name), create=True).close())
    return name


@pytest.fixture(params=["sqlite", "postgresql"])
def empty_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """A database without tables."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path}/ca.sqlite"
    cluster: Postgres = request.getfixturevalue("postgres")
    return cluster.fresh_url()


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """A database with all tables and nothing in them."""
    if request.param == "sqlite":
        made = f"sqlite:///{tmp_path}/ca.sqlite"
        asyncio.run(open_store(made, create=True).close())
        return made
    template: str = request.getfixturevalue("postgres_template")
    cluster: Postgres = request.getfixturevalue("postgres")
    return cluster.fresh_url(template)


@asynccontextmanager
async def opened(url: str, *, policy: bytes = POLICY) -> AsyncIterator[SqlStore]:
    """A store whose active policy is `policy`."""
    store = open_store(url)
    try:
        await store.publish("config_version = 1", policy, actor="root", now=NOW)
        yield store
    finally:
        await store.close()


@pytest.fixture
def run(url: str) -> Callable[[Scenario], None]:
    """Plays a scenario on a fresh store."""

    async def play(scenario: Scenario) -> None:
        async with opened(url) as store:
            await scenario(store)

    return lambda scenario: asyncio.run(play(scenario))


def change(url: str, sql: str, **values: object) -> None:
    """Puts a database into a state no method of the store leads to."""
    engine = create_engine(url)
    with engine.begin() as connection:
        connection.execute(text(sql), values)
    engine.dispose()


def rows(url: str, sql: str) -> list[tuple[object, ...]]:
    """What a database holds, past the store."""
    engine = create_engine(url)
    with engine.connect() as connection:
        found = [tuple(row) for row in connection.execute(text(sql))]
    engine.dispose()
    return found
