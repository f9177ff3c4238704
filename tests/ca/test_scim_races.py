"""Somebody is taken out of a directory while a certificate is issued to them: whichever comes first, they end without
access (trust 3.5, 6.8)."""

from __future__ import annotations

import asyncio
import contextlib
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from daypass.ca.ports import Recording, Store, Verdict
from daypass.ca.scim_ports import USER, Entry
from daypass.config import ProviderSection, ScimSection
from daypass.errors import Denied, Unavailable
from tests.ca.heart import Heart, heart
from tests.parts.op import Op


def pushing(op: Op) -> list[ProviderSection]:
    return [ProviderSection(name="idp", issuer=op.issuer, client_id=op.client_id, max_age="",
                            scim=ScimSection(match="externalId=sub"))]  # fmt: skip


async def race(ca: Heart, sub: str, later: Callable[[], float]) -> None:
    """A first sign-in of theirs, when nothing of them is on record but in the directory."""
    directory = ca.authority.directory
    entry = Entry(type=USER, id=sub, name=sub, resource="{}", external_id=sub, match=sub)
    made = await directory.put("idp", entry, None)
    await directory.settle("idp")

    async def out() -> None:
        await asyncio.sleep(later())
        await directory.put("idp", replace(made, active=False), made.version)
        await directory.settle("idp")

    async def signing() -> None:
        await asyncio.sleep(later())
        with contextlib.suppress(Denied, Unavailable):
            await ca.sign_in(sub=sub, email=f"{sub}@example.com", groups=["engineers"])

    await asyncio.gather(out(), signing(), signing())
    assert await live(ca.store, sub) == []
    with pytest.raises(Denied):
        await ca.sign_in(sub=sub, email=f"{sub}@example.com", groups=["engineers"])


async def live(store: Store, sub: str) -> list[Any]:
    people = await store.find_people(f"idp:{sub}")
    held = [each for person in people for each in await store.certificates_of(person.id, 0)]
    return [each.serial for each in held if each.revoked_at is None]


async def many(op: Op, database: Path, rounds: int) -> None:
    chance = random.Random(7)  # noqa: S311
    async with heart(op, database, providers=pushing(op)) as ca:
        for each in range(rounds):
            await race(ca, f"p{each}", lambda: chance.random() * 0.01)


def test_whoever_is_taken_out_meanwhile_ends_without_access(op: Op, tmp_path: Path) -> None:
    asyncio.run(many(op, tmp_path / "ca.sqlite", 25))


@pytest.mark.exhaustive
def test_whoever_is_taken_out_meanwhile_ends_without_access_a_thousand_times(op: Op, tmp_path: Path) -> None:
    asyncio.run(many(op, tmp_path / "ca.sqlite", 1000))


def test_whoever_is_taken_out_between_decision_and_record_ends_without_access(
    op: Op, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """At their first sign-in: there is no person yet whom an ending could find."""

    async def scenario() -> None:
        async with heart(op, tmp_path / "ca.sqlite", providers=pushing(op)) as ca:
            directory, record = ca.authority.directory, ca.store.record
            entry = Entry(type=USER, id="new", name="new", resource="{}", external_id="new", match="new")
            made = await directory.put("idp", entry, None)

            async def late(recording: Recording) -> Verdict:
                monkeypatch.undo()
                await directory.put("idp", replace(made, active=False), made.version)
                await directory.settle("idp")
                return await record(recording)

            monkeypatch.setattr(ca.store, "record", late)
            with pytest.raises(Denied) as caught:
                await ca.sign_in(sub="new", email="new@example.com", groups=["engineers"])
            assert caught.value.code == "scim.inactive"
            assert await live(ca.store, "new") == []

    asyncio.run(scenario())


def test_of_too_many_taken_out_at_once_the_sessions_wait_for_an_operator(op: Op, tmp_path: Path) -> None:
    async def scenario() -> None:
        async with heart(op, tmp_path / "ca.sqlite", providers=pushing(op)) as ca:
            directory, most = ca.authority.directory, ca.settings.endings.held_above
            entries = []
            for each in range(most + 2):
                sub = f"p{each}"
                entry = Entry(type=USER, id=sub, name=sub, resource="{}", external_id=sub, match=sub)
                entries.append(await directory.put("idp", entry, None))
                await ca.sign_in(sub=sub, email=f"{sub}@example.com", groups=["engineers"])
            for made in entries:
                await directory.put("idp", replace(made, active=False), made.version)
            await directory.settle()
            assert [await live(ca.store, each.id) for each in entries] == [[]] * len(entries)
            assert await ca.store.held()

    asyncio.run(scenario())
