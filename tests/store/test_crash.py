"""What a CA has answered is on record, whenever it is killed."""

from __future__ import annotations

import asyncio
import json
import random
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from sqlalchemy import create_engine, text
from tests.store.build import recording, verified_ledger
from tests.store.conftest import opened

from daypass.ca.ports import Recorded

Answered = dict[str, tuple[int, ...]]


@contextmanager
def worker(url: str, name: str, out: Path) -> Iterator[subprocess.Popen[bytes]]:
    with out.open("wb") as stdout:
        command = [sys.executable, "-m", "tests.store.worker", url, name]
        process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=stdout)
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def finish(process: subprocess.Popen[bytes]) -> None:
    process.communicate(timeout=20)
    assert process.returncode == 0


def wait_for_answers(*outs: Path) -> None:
    deadline = time.monotonic() + 20
    while not all(out.stat().st_size for out in outs):
        assert time.monotonic() < deadline, "the workers answer nothing"
        time.sleep(0.01)


def answered(*outs: Path) -> Answered:
    """What the workers said; a last line that was cut off was not said."""
    lines = [
        line.split() for out in outs for line in out.read_text().splitlines(keepends=True) if line.endswith("\n")
    ]
    return {once: tuple(map(int, serials)) for once, *serials in lines}


def assert_whole(url: str, said: Answered) -> None:
    """Every answer is on record; ids, certificates and ledger entries belong together one to one."""
    engine = create_engine(url)
    with engine.connect() as connection:
        spent = {
            row[0]: tuple(json.loads(row[1])) for row in connection.execute(text("SELECT id, serials FROM once_ids"))
        }
        on_record = sorted(connection.execute(text("SELECT serial FROM certificates")).scalars())
        entries = connection.execute(text("SELECT entry FROM ledger WHERE act = 'certificate.issue'")).scalars()
        in_ledger = sorted(json.loads(bytes(entry))["serial"] for entry in entries)
    engine.dispose()
    assert {once: spent.get(once) for once in said} == said
    assert sorted(serial for serials in spent.values() for serial in serials) == on_record == in_ledger

    async def verify() -> None:
        async with opened(url) as store:
            await verified_ledger(store)
            assert await store.record(recording("afterwards")) == Recorded()

    asyncio.run(verify())


async def publish(url: str) -> None:
    async with opened(url):
        pass


@pytest.mark.parametrize("seed", [1, 2])
def test_a_ca_that_is_killed_has_on_record_all_it_answered_and_nothing_by_halves(
    url: str, tmp_path: Path, seed: int
) -> None:
    """Two CA processes on one database, one of them killed at any moment: the other goes on."""
    asyncio.run(publish(url))
    outs = [tmp_path / name for name in ("survivor", "killed")]
    moments = random.Random(seed)  # noqa: S311
    with worker(url, "survivor", outs[0]) as survivor, worker(url, "killed", outs[1]) as killed:
        wait_for_answers(*outs)
        time.sleep(moments.uniform(0, 0.3))
        killed.send_signal(signal.SIGKILL)
        killed.wait()
        before = len(answered(outs[0]))
        time.sleep(0.3)
        finish(survivor)
        assert len(answered(outs[0])) > before
    assert_whole(url, answered(*outs))
