"""Which serials are revoked, as ranges that hold nobody else's; and the list that all processes share (trust 6.1)."""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import random
import sqlite3
import threading
from collections.abc import Callable, Coroutine, Iterable
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace
from sqlalchemy.dialects import sqlite
from tests.store.build import (
    CA_KEY,
    ISSUER,
    NOW,
    certificate,
    host_recording,
    key,
    question,
    recording,
)
from tests.store.conftest import opened
from tests.store.ends import lock_person
from tests.store.ends import revoke as end_these

from daypass.ca.krl_ports import DEAD_AFTER, RECORD_WITHIN, REVOKED_FOR, KeptKrl
from daypass.ca.ports import Recorded, Stale
from daypass.model import HostFacts
from daypass.store import SqlStore, krls, open_store
from daypass.store.serials import BLOCK
from daypass.wire import CertType, PublicKey

Run = Callable[[Callable[[SqlStore], Coroutine[Any, Any, None]]], None]
BASE = 1 << 40
LATER = NOW + DEAD_AFTER + 1
END = NOW + 57600  # of the certificates that `certificate` makes


async def issue(store: SqlStore, serials: Iterable[int], by: PublicKey = CA_KEY) -> None:
    made = [dataclasses.replace(certificate(serial=serial), signature_key=by) for serial in serials]
    assert await store.record(recording("alice", certificates=made, generation=await generation(store))) == Recorded()


async def generation(store: SqlStore) -> int:
    found = (await store.view(question("alice"))).person
    return found.generation if found else 0


async def revoke(store: SqlStore, serials: Iterable[int], now: int = NOW) -> None:
    await end_these(store, [*serials], reason="stolen", actor="root", now=now)


async def ranges(store: SqlStore, now: int = LATER, kind: CertType = CertType.USER) -> list[tuple[int, int]]:
    return [(first - BASE, last - BASE) for each in await store.revoked(kind, now) for first, last in each.serials]


CASES: list[tuple[str, list[int], list[int], list[tuple[int, int]]]] = [
    ("nothing", [1, 2], [], []),
    ("one", [1, 2, 3], [2], [(2, 2)]),
    ("neighbours", [1, 2, 3, 4], [2, 3], [(2, 3)]),
    ("over a gap that nobody has", [1, 5, 9], [1, 5, 9], [(1, 9)]),
    ("not over somebody's", [1, 2, 3], [1, 3], [(1, 1), (3, 3)]),
    ("not beyond the last", [1, 2, 3, 9], [1, 2, 3], [(1, 3)]),
    ("not into another block", [BLOCK - 1, BLOCK], [BLOCK - 1, BLOCK], [(BLOCK - 1, BLOCK - 1), (BLOCK, BLOCK)]),
]


@pytest.mark.parametrize(("issued", "gone", "wanted"), [row[1:] for row in CASES], ids=[row[0] for row in CASES])
def test_ranges_hold_what_is_revoked_and_what_nobody_can_be_given(
    run: Run, issued: list[int], gone: list[int], wanted: list[tuple[int, int]]
) -> None:
    async def scenario(store: SqlStore) -> None:
        await issue(store, [BASE + each for each in issued])
        if gone:
            await revoke(store, [BASE + each for each in gone])
        assert await ranges(store) == wanted

    run(scenario)


def test_a_gap_is_not_merged_while_what_is_in_it_may_still_be_recorded(run: Run) -> None:
    async def scenario(store: SqlStore) -> None:
        await issue(store, [BASE + 1, BASE + 3])
        await revoke(store, [BASE + 1, BASE + 3])
        assert await ranges(store, NOW + DEAD_AFTER) == [(1, 1), (3, 3)]
        assert await ranges(store, NOW + DEAD_AFTER + 1) == [(1, 3)]

    run(scenario)


def test_a_hosts_serial_parts_a_range_of_peoples(run: Run) -> None:
    """One serial space for both: the range would revoke what is not of this list's kind."""

    async def scenario(store: SqlStore) -> None:
        await issue(store, [BASE + 1, BASE + 3])
        host = certificate(serial=BASE + 2, kind=CertType.HOST, principals=("web-1.example.com",))
        await store.record(replace(host_recording(HostFacts("web-1.example.com")), certificates=(host,)))
        await revoke(store, [BASE + 1, BASE + 2, BASE + 3])
        assert await ranges(store) == [(1, 1), (3, 3)]
        assert await ranges(store, kind=CertType.HOST) == [(2, 2)]

    run(scenario)


def test_any_mix_lists_exactly_what_is_revoked(run: Run) -> None:
    """Every density: nobody's certificate is in a range, and no revoked one is outside."""

    async def scenario(store: SqlStore) -> None:
        dice = random.Random(7)  # noqa: S311  the same at each run
        serials = sorted(dice.sample(range(1, 2000), 600))
        await issue(store, [BASE + each for each in serials])
        gone = set(dice.sample(serials, 300))
        await revoke(store, [BASE + each for each in gone])
        found = await ranges(store)
        inside = {each for each in serials if any(first <= each <= last for first, last in found)}
        assert inside == gone
        assert all(first in gone and last in gone for first, last in found)

    run(scenario)


def test_what_has_expired_stays_for_slow_clocks_and_then_goes(run: Run) -> None:
    async def scenario(store: SqlStore) -> None:
        await issue(store, [BASE + 1])
        await revoke(store, [BASE + 1])
        assert await ranges(store, END + REVOKED_FOR - 1) == [(1, 1)]
        assert await ranges(store, END + REVOKED_FOR) == []

    run(scenario)


def test_each_section_names_the_key_that_signed_also_one_that_is_announced_no_more(run: Run) -> None:
    async def scenario(store: SqlStore) -> None:
        old: PublicKey = key()
        await issue(store, [BASE + 1, BASE + 3])
        await issue(store, [BASE + 2], old)
        await revoke(store, [BASE + 1, BASE + 2, BASE + 3])
        found = {each.ca_key: each.serials for each in await store.revoked(CertType.USER, LATER)}
        assert found == {
            CA_KEY: ((BASE + 1, BASE + 1), (BASE + 3, BASE + 3)),
            old: ((BASE + 2, BASE + 2),),
        }

    run(scenario)


def test_what_was_decided_too_long_ago_is_not_recorded(run: Run) -> None:
    """Its serial may stand in the middle of a range by then."""

    async def scenario(store: SqlStore) -> None:
        late = replace(recording("alice"), clock=lambda: NOW + RECORD_WITHIN + 1)
        just = replace(recording("bob"), clock=lambda: NOW + RECORD_WITHIN)
        assert [*await asyncio.gather(store.record(late), store.record(just))] == [Stale(), Recorded()]

    run(scenario)


def test_what_another_process_is_recording_at_that_moment_is_in_no_range(url: str) -> None:
    """It was in time when that process looked at its clock, which it does under the lock."""
    looking, on = threading.Event(), threading.Event()

    def clock() -> float:
        looking.set()
        on.wait(30)
        return NOW + RECORD_WITHIN

    async def scenario() -> None:
        async with opened(url) as one, opened(url) as other:
            await issue(one, [BASE + 1, BASE + 3])
            await revoke(one, [BASE + 1, BASE + 3])
            late = recording("bob", certificates=[certificate(serial=BASE + 2, principals=("bob",))])
            recorded = asyncio.create_task(other.record(replace(late, clock=clock)))
            assert await asyncio.to_thread(looking.wait, 30)
            listed = asyncio.create_task(ranges(one))
            await asyncio.sleep(0.2)  # in which a read that waits for nobody is over
            on.set()
            assert (await recorded, await listed) == (Recorded(), [(1, 1), (3, 3)])

    asyncio.run(scenario())


def test_each_revocation_is_counted_for_its_kind_alone(run: Run) -> None:
    async def scenario(store: SqlStore) -> None:
        await issue(store, [BASE + 1, BASE + 2])
        host = host_recording(HostFacts("web-1.example.com"))
        await store.record(host)
        await revoke(store, [BASE + 1])
        counted = [await store.revocations(kind) for kind in (CertType.USER, CertType.HOST)]
        assert counted == [1, 0]
        await revoke(store, [host.certificates[0].serial])
        await lock_person(store, ISSUER, "alice", reason="left", actor="root", now=NOW)
        counted = [await store.revocations(kind) for kind in (CertType.USER, CertType.HOST)]
        assert counted == [2, 1]

    run(scenario)


def test_of_two_processes_one_keeps_its_list_and_both_find_it(url: str) -> None:
    async def scenario() -> None:
        async with opened(url) as one, opened(url) as other:
            first, second = KeptKrl(7, b"first", 1, NOW), KeptKrl(8, b"second", 1, NOW)
            assert await one.keep_krl(CertType.USER, first, instead_of=0)
            assert not await other.keep_krl(CertType.USER, second, instead_of=0)
            assert await other.kept_krl(CertType.USER) == first
            assert (await other.kept_krl(CertType.HOST)).version == 0

    asyncio.run(scenario())


def test_what_is_not_revoked_is_not_read_however_much_there_is_of_it(tmp_path: Path) -> None:
    literal = {"literal_binds": True}
    asked = krls._listed(CertType.USER, NOW).compile(dialect=sqlite.dialect(), compile_kwargs=literal)
    asyncio.run(open_store(f"sqlite:///{tmp_path}/ca.sqlite", create=True).close())
    with contextlib.closing(sqlite3.connect(tmp_path / "ca.sqlite")) as connection:
        steps = [row[3] for row in connection.execute(f"EXPLAIN QUERY PLAN {asked}")]
    assert steps and not [each for each in steps if "SCAN" in each]
