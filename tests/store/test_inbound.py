"""What events of providers are compared with: sign-ins, and the order in which things happened elsewhere."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

from msgspec.structs import replace
from tests.store.build import question, recording

from daypass.ca.ports import Recorded
from daypass.store import SqlStore

Run = Callable[[Callable[[SqlStore], Coroutine[Any, Any, None]]], None]


async def person(store: SqlStore, name: str, signin: str = "") -> int:
    assert await store.record(replace(recording(name), signin=signin or None)) == Recorded()
    found = (await store.view(question(name))).person
    assert found is not None
    return found.id


def test_a_sign_in_is_known_by_its_certificates(run: Run) -> None:
    async def scenario(store: SqlStore) -> None:
        await person(store, "alice", "SIGNIN-1")
        assert await store.signed_in("SIGNIN-1")
        assert not await store.signed_in("SIGNIN-2")

    run(scenario)


def test_the_last_word_is_the_one_that_happened_last(run: Run) -> None:
    async def scenario(store: SqlStore) -> None:
        alice, bob = await person(store, "alice"), await person(store, "bob")
        said = [("idp", alice, 100.5), ("idp", alice, 100.5), ("idp", alice, 100.4), ("idp", alice, 101.0),
                ("other", alice, 1.0), ("idp", bob, 1.0)]  # fmt: skip
        assert [await store.take_word(*each) for each in said] == [True, True, False, True, True, True]
        at_once = [store.take_word("idp", bob, float(at)) for at in range(2, 10)]
        await asyncio.gather(*at_once)
        assert not await store.take_word("idp", bob, 8.9)

    run(scenario)
