from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from daypass.store import open_store
from tests.ca.heart import Scenario, heart
from tests.parts.op import Op
from tests.parts.postgres import Postgres

Play = Callable[..., None]


@pytest.fixture
def play(op: Op, tmp_path: Path) -> Play:
    """Runs a scenario on an authority of its own."""

    def run(scenario: Scenario, **changes: Any) -> None:
        async def go() -> None:
            async with heart(op, tmp_path / "ca.sqlite", **changes) as ready:
                await scenario(ready)

        asyncio.run(go())

    return run


@pytest.fixture(params=["sqlite", "postgresql"])
def database(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The URL of one with all tables, which two processes can open."""
    postgres: Postgres | None = request.getfixturevalue("postgres") if request.param == "postgresql" else None
    url = postgres.fresh_url() if postgres else f"sqlite:///{tmp_path}/ca.sqlite"
    asyncio.run(open_store(url, create=True).close())
    return url
