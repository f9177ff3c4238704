"""What a list of a million revoked certificates costs the CA to make: 1,000,000 drawn at random from 10,000,000
serials, so that hardly any stand side by side, read from SQLite, written, and loaded by ssh-keygen before anybody is
given it.

The floor is ssh-keygen's part.
"""

from __future__ import annotations

import asyncio
import random
import sqlite3
import tempfile
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

from tests.parts.needs import need
from tests.store.build import NOW, POLICY, certificate, recording

from daypass import keygen
from daypass.assemble.krls import judge
from daypass.ca.krls import Krls, MadeKrl
from daypass.ca.ports import Recorded
from daypass.store import open_store
from daypass.wire import CertType

REVOKED, ISSUED = 1_000_000, 10_000_000
FIRST = 30_000_000 << 32  # as a block of serials starts today


def measure(quick: bool) -> dict[str, float]:
    many = REVOKED // 10 if quick else REVOKED
    with tempfile.TemporaryDirectory(prefix="daypass-bench-") as folder:
        database = Path(folder) / "ca.sqlite"
        made, took = asyncio.run(_made(database, many))
    began = time.perf_counter()
    assert keygen.loads(need("ssh-keygen"), made.krl)
    least = time.perf_counter() - began
    return {
        "krl_build_ms_1m": took * 1000,
        "krl_build_floor_ms": least * 1000,
        "krl_build_over_floor": took / least,
        "krl_bytes_per_revocation": len(made.krl) / many,
    }


async def _made(database: Path, many: int) -> tuple[MadeKrl, float]:
    store = open_store(f"sqlite:///{database}", create=True)
    try:
        now = NOW
        await store.publish("config_version = 1", POLICY, actor="bench", now=now)
        assert await store.record(recording(certificates=[certificate(serial=1)])) == Recorded()
        await asyncio.to_thread(_revoke, database, many, now)
        krls, began = Krls(store, CertType.USER, judge()), time.perf_counter()
        return await krls.current(now), time.perf_counter() - began
    finally:
        await store.close()


def _revoke(database: Path, many: int, now: int) -> None:
    """As many rows like the one that is there, each revoked, and the count of revocations with them."""
    with closing(sqlite3.connect(database)) as connection, connection:
        connection.row_factory = sqlite3.Row
        row = dict(connection.execute("SELECT * FROM certificates").fetchone())
        row |= {"revoked_at": now, "revoke_reason": "left", "valid_before": now + 86400, "recorded_at": now}
        fields, marks = ", ".join(row), ", ".join("?" * len(row))
        connection.executemany(f"INSERT INTO certificates ({fields}) VALUES ({marks})", _rows(row, many))  # noqa: S608
        connection.execute("UPDATE krls SET changes = changes + ?", [many])


def _rows(row: dict[str, Any], many: int) -> Iterator[list[Any]]:
    for serial in sorted(random.Random(6).sample(range(ISSUED), many)):  # noqa: S311  # the same in each run
        yield list((row | {"serial": FIRST + serial}).values())
