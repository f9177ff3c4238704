"""Sealed tokens: one process at a time, for as long as a certificate of their sign-in lives, and no longer."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import Any

import pytest
from msgspec.structs import replace
from tests.store.build import NOW, certificate, question, recording

from daypass.ca.ending_ports import Ending, Source
from daypass.store import SqlStore

Run = Callable[[Callable[[SqlStore], Coroutine[Any, Any, None]]], None]
DAY = 86400


async def signed_in(store: SqlStore, name: str, serial: int, *, signin: str = "S", until: int = NOW + 57600) -> None:
    known = (await store.view(question(name))).person
    made = (certificate(serial=serial, valid_before=until),)
    asked = recording(name, certificates=made, generation=known.generation if known else 0)
    await store.record(replace(asked, signin=signin))


def lost(serial: int) -> Ending:
    return Ending(source=Source.OPERATOR, actor="uid:0", reason="lost", about="a serial", serials=(serial,))


async def kept(store: SqlStore, serial: int, *, signin: str = "S", sealed: bytes = b"sealed") -> bool:
    return await store.keep_recheck(signin, serial, "corp", sealed, NOW + 900)


async def due(store: SqlStore, now: int = NOW + 900) -> list[tuple[str, bytes, bool]]:
    return [(each.signin, each.sealed, each.doubtful) for each in await store.due_rechecks(now, now + 60, 10)]


def test_one_process_at_a_time_asks_and_one_that_died_is_told_of(run: Run) -> None:
    async def scenario(store: SqlStore) -> None:
        await signed_in(store, "alice", 1)
        assert await kept(store, 1)
        assert await due(store, NOW + 899) == []
        assert await due(store) == [("S", b"sealed", False)]
        assert await due(store) == []
        assert await due(store, NOW + 960) == [("S", b"sealed", True)]

    run(scenario)


def test_what_came_back_is_kept_unless_the_person_signed_in_anew_meanwhile(run: Run) -> None:
    async def scenario(store: SqlStore) -> None:
        await signed_in(store, "alice", 1)
        await kept(store, 1)
        (first,) = await store.due_rechecks(NOW + 900, NOW + 960, 10)
        assert await store.settle_recheck(first, b"rotated", NOW + 1800)
        assert await due(store, NOW + 1800) == [("S", b"rotated", False)]
        await kept(store, 1, sealed=b"anew")
        assert not await store.settle_recheck(first, b"old", NOW + 1800)
        await store.drop_recheck(first)
        assert await due(store) == [("S", b"anew", False)]

    run(scenario)


@pytest.mark.parametrize("what", [{"serials": (1,)}, {"signins": ("S",)}, {"persons": (1,)}, {"roles": ("dev",)}])
def test_whatever_ends_the_sign_in_takes_its_token_with_it(run: Run, what: dict[str, Any]) -> None:
    async def scenario(store: SqlStore) -> None:
        await signed_in(store, "alice", 1)
        await signed_in(store, "bob", 2, signin="T")
        await kept(store, 1)
        await kept(store, 2, signin="T", sealed=b"bob's")
        within = (1,) if "roles" in what else None
        await store.end(
            Ending(source=Source.OPERATOR, actor="uid:0", reason="left", about="alice", within=within, **what),
            now=NOW,
        )
        assert await due(store) == [("T", b"bob's", False)]

    run(scenario)


def test_a_token_stays_while_another_certificate_of_its_sign_in_does(run: Run) -> None:
    async def scenario(store: SqlStore) -> None:
        await signed_in(store, "alice", 1)
        await signed_in(store, "alice", 2, until=NOW + 1200)
        await kept(store, 2)
        await store.end(lost(2), now=NOW)
        assert await due(store, NOW + 2000) == [("S", b"sealed", False)]
        await store.end(lost(1), now=NOW)
        assert await due(store, NOW + DAY) == []

    run(scenario)


def test_with_the_last_certificate_s_end_it_is_forgotten(run: Run) -> None:
    async def scenario(store: SqlStore) -> None:
        await signed_in(store, "alice", 1)
        await kept(store, 1)
        assert await due(store, NOW + 57600) == []
        assert await due(store, NOW + 900) == []

    run(scenario)


def test_nothing_is_kept_for_what_is_revoked_or_another_s(run: Run) -> None:
    async def scenario(store: SqlStore) -> None:
        await signed_in(store, "alice", 1)
        assert not await kept(store, 1, signin="T")
        await store.end(lost(1), now=NOW)
        assert not await kept(store, 1)
        assert await due(store) == []

    run(scenario)
