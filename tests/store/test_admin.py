"""The contract of what operators do: revoke, lock, publish, join tokens, events, serial blocks."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable

import pytest
from tests.store.build import ISSUER, NOW, POLICY, certificate, question, recording, verified_ledger
from tests.store.conftest import Scenario, change, opened
from tests.store.ends import lock_person, revoke

from daypass.ca.ports import Recorded, Spent, Stale
from daypass.errors import Invalid, NotFound, Unavailable
from daypass.store import SqlStore, open_store

Run = Callable[[Scenario], None]
BLOCK = 1 << 24
MINUTE = (NOW // 60) << 32


def test_revoking_marks_the_certificate_and_raises_its_persons_generation(run: Run) -> None:
    async def scenario(store: SqlStore) -> None:
        one, two = recording("alice", once="a"), recording("bob", once="b")
        await asyncio.gather(store.record(one), store.record(two))
        serial = one.certificates[0].serial
        await revoke(store, [serial], reason="lost laptop", actor="root", now=NOW + 5)
        alice, bob = await asyncio.gather(
            store.view(question("alice", once="a")), store.view(question("bob", once="b"))
        )
        assert (alice.person and alice.person.generation, bob.person and bob.person.generation) == (2, 1)
        assert (alice.spent and alice.spent[0].revoked, bob.spent and bob.spent[0].revoked) == (True, False)
        assert await store.record(recording("alice", generation=1)) == Stale()
        assert await store.record(recording("alice", generation=2)) == Recorded()
        entry = json.loads((await store.ledger(3, 1))[0].entry)
        assert (entry["act"], entry["serials"], entry["reason"]) == ("certificate.revoke", [serial], "lost laptop")

    run(scenario)


def test_revoking_many_is_one_transaction_and_one_entry(run: Run) -> None:
    async def scenario(store: SqlStore) -> None:
        made = [recording("alice", certificates=tuple(certificate() for _ in range(60))) for _ in range(10)]
        for each in made:
            await store.record(each)
        serials = [cert.serial for each in made for cert in each.certificates]
        await revoke(store, serials, reason="all", actor="root", now=NOW)
        verdict = await store.record(made[-1])
        assert verdict == Stale()
        acts = await verified_ledger(store)
        assert acts.count("certificate.revoke") == 1
        found = (await store.view(question("alice", once=made[3].once.id))).spent
        assert found is not None
        assert all(each.revoked for each in found)
        assert len(found) == 60

    run(scenario)


def test_revoking_a_serial_that_is_not_on_record_revokes_none(run: Run) -> None:
    async def scenario(store: SqlStore) -> None:
        made = recording("alice", once="a")
        await store.record(made)
        with pytest.raises(NotFound):
            await revoke(store, [made.certificates[0].serial, 2**62], reason="x", actor="root", now=NOW)
        spent = (await store.view(question("alice", once="a"))).spent
        assert spent is not None
        assert not spent[0].revoked
        assert await store.record(recording("alice", generation=1)) == Recorded()

    run(scenario)


def test_a_locked_person_has_nothing_live_and_gets_nothing_more(run: Run) -> None:
    async def scenario(store: SqlStore) -> None:
        live, old = certificate(), certificate(valid_before=NOW - 10)
        await store.record(recording("alice", once="a", certificates=(live, old)))
        assert await lock_person(store, ISSUER, "alice", reason="left", actor="root", now=NOW) == (live.serial,)
        view = await store.view(question("alice", once="a"))
        assert view.person is not None
        assert (view.person.locked, view.person.generation) == (True, 2)
        assert view.spent is not None
        assert {each.serial: each.revoked for each in view.spent} == {live.serial: True, old.serial: False}
        assert await store.record(recording("alice", generation=2)) == Stale()
        with pytest.raises(NotFound):
            await lock_person(store, "https://other", "alice", reason="left", actor="root", now=NOW)

    run(scenario)


def test_a_lock_racing_recordings_always_ends_without_access(url: str) -> None:
    """Trust 3.5: two processes' stores on one database; whoever is first, nothing live remains."""

    async def scenario() -> None:
        async with opened(url) as one, opened(url) as two:
            for number in range(10):
                name = f"user{number}"
                await one.record(recording(name))
                racing = [recording(name, generation=1) for _ in range(12)]
                tasks = [asyncio.create_task(one.record(each)) for each in racing]
                await asyncio.sleep(0.001 * (number % 4))
                locked = await lock_person(two, ISSUER, name, reason="left", actor="root", now=NOW)
                verdicts = await asyncio.gather(*tasks)
                recorded = [
                    r.certificates[0].serial for r, v in zip(racing, verdicts, strict=True) if v == Recorded()
                ]
                assert set(recorded) < set(locked)
                assert {type(verdict) for verdict in verdicts} <= {Recorded, Stale}
            await verified_ledger(one)

    asyncio.run(scenario())


def test_a_revocation_racing_a_recording_leaves_no_generation_unseen(url: str) -> None:
    async def scenario() -> None:
        async with opened(url) as one, opened(url) as two:
            first = recording("alice")
            await one.record(first)
            tasks = [asyncio.create_task(one.record(recording("alice", generation=1))) for _ in range(20)]
            await revoke(two, [first.certificates[0].serial], reason="x", actor="root", now=NOW)
            assert await two.record(recording("alice", generation=1)) == Stale()
            assert await one.record(recording("alice", generation=1)) == Stale()
            await asyncio.gather(*tasks)
            acts = await verified_ledger(two)
            after = acts[acts.index("certificate.revoke") :]
            assert "certificate.issue" not in after

    asyncio.run(scenario())


def test_publishing_makes_a_configuration_the_active_one_for_every_process(url: str) -> None:
    async def scenario() -> None:
        async with opened(url) as one, opened(url) as two:
            assert await two.record(recording("alice", policy=b"n" * 32)) == Stale()
            new = await one.publish("new", b"n" * 32, actor="root", now=NOW + 1)
            assert (new.version, new.document, new.actor) == (2, "new", "root")
            assert await two.active_config() == new
            assert await two.record(recording("alice", policy=POLICY)) == Stale()
            assert await two.record(recording("alice", policy=b"n" * 32)) == Recorded()

    asyncio.run(scenario())


def test_publishing_the_active_configuration_again_changes_nothing(run: Run) -> None:
    async def scenario(store: SqlStore) -> None:
        before = await store.active_config()
        assert await store.publish("config_version = 1", POLICY, actor="someone", now=NOW + 9) == before
        assert await verified_ledger(store) == ["config.publish"]

    run(scenario)


def test_an_older_configuration_can_be_published_again(run: Run) -> None:
    async def scenario(store: SqlStore) -> None:
        await store.publish("new", b"n" * 32, actor="root", now=NOW)
        again = await store.publish("config_version = 1", POLICY, actor="root", now=NOW)
        assert again.version == 3
        assert (await store.view(question())).policy_hash == POLICY

    run(scenario)


def test_every_entry_names_the_version_that_was_in_force_when_it_was_written(run: Run) -> None:
    async def scenario(store: SqlStore) -> None:
        await store.record(recording("alice"))
        await store.publish("new", b"n" * 32, actor="root", now=NOW)
        await store.record(recording("bob", policy=b"n" * 32))
        await store.add_event("x", {}, actor="root", now=NOW)
        entries = [json.loads(row.entry) for row in await store.ledger(0, 9)]
        assert [(entry["act"], entry["version"], entry["policy"]) for entry in entries] == [
            ("config.publish", 0, ""),
            ("certificate.issue", 1, POLICY.hex()),
            ("config.publish", 1, POLICY.hex()),
            ("certificate.issue", 2, (b"n" * 32).hex()),
            ("x", 2, (b"n" * 32).hex()),
        ]
        assert [entry.get("published") for entry in entries] == [1, None, 2, None, None]

    run(scenario)


def test_events_stand_in_the_chain_and_cannot_pass_for_what_they_are_not(run: Run) -> None:
    async def scenario(store: SqlStore) -> None:
        await store.add_event("credential.reused", {"provider": "x", "serials": [1]}, actor="daypass", now=NOW)
        for reserved in ("seq", "time", "act", "actor", "policy", "version"):
            with pytest.raises(Invalid):
                await store.add_event("x", {reserved: 1}, actor="daypass", now=NOW)
        assert await verified_ledger(store) == ["config.publish", "credential.reused"]

    run(scenario)


def test_the_ledger_is_read_in_pages(run: Run) -> None:
    async def scenario(store: SqlStore) -> None:
        for number in range(7):
            await store.add_event(f"event.{number}", {}, actor="root", now=NOW)
        assert [row.seq for row in await store.ledger(3, 3)] == [4, 5, 6]
        assert [row.seq for row in await store.ledger(6, 100)] == [7, 8]

    run(scenario)


def test_blocks_start_at_the_minute_and_never_meet(url: str) -> None:
    async def scenario() -> None:
        async with opened(url) as one, opened(url) as two:
            blocks = await asyncio.gather(*(store.reserve_serials(NOW) for _ in range(20) for store in (one, two)))
            starts = [block.start for block in blocks]
            assert len(set(starts)) == 40
            assert all(MINUTE <= start < MINUTE + (1 << 32) and start % BLOCK == 0 for start in starts)
            assert {len(block) for block in blocks} == {BLOCK}

    asyncio.run(scenario())


def test_serial_0_is_never_handed_out(run: Run) -> None:
    """Trust 6.1: a KRL can't revoke it."""

    async def scenario(store: SqlStore) -> None:
        blocks = [await store.reserve_serials(0) for _ in range(256)]
        assert min(block.start for block in blocks) == 1
        with pytest.raises(Unavailable, match="this minute"):
            await store.reserve_serials(59)
        assert (await store.reserve_serials(60)).start >= 1 << 32

    run(scenario)


def test_a_clock_behind_the_newest_block_gets_no_serials(run: Run) -> None:
    async def scenario(store: SqlStore) -> None:
        await store.reserve_serials(NOW)
        with pytest.raises(Unavailable) as caught:
            await store.reserve_serials(NOW - 60)
        assert caught.value.code == "serials.clock"

    run(scenario)


@pytest.mark.parametrize(
    ("floor", "minutes", "allowed"),
    [(MINUTE + 255 * BLOCK - 1, 0, True), (MINUTE + (1 << 32), 0, False), (MINUTE + (1 << 32), 2, True)],
)
def test_blocks_start_above_what_hosts_have_reported(url: str, floor: int, minutes: int, allowed: bool) -> None:
    """Trust 7.1: what a restored database has forgotten, hosts may still know."""
    change(url, "UPDATE installation SET serial_floor = :floor", floor=floor)

    async def scenario() -> None:
        store = open_store(url)
        try:
            if allowed:
                assert (await store.reserve_serials(NOW + 60 * minutes)).start > floor
            else:
                with pytest.raises(Unavailable):
                    await store.reserve_serials(NOW + 60 * minutes)
        finally:
            await store.close()

    asyncio.run(scenario())


def test_only_ids_that_could_pass_nowhere_any_more_are_forgotten(run: Run) -> None:
    async def scenario(store: SqlStore) -> None:
        await store.record(recording("alice", once="old", once_expires=NOW + 10))
        await store.record(recording("bob", once="new", once_expires=NOW + 20))
        assert await store.forget_expired(NOW + 10) == 0
        assert await store.forget_expired(NOW + 20) == 1
        assert (await store.view(question(once="old"))).spent is None
        assert isinstance(await store.record(recording("bob", once="new", generation=1)), Spent)

    run(scenario)


def test_a_closed_store_says_so(url: str) -> None:
    async def scenario() -> None:
        store = open_store(url)
        await store.close()
        await store.close()
        with pytest.raises(Unavailable, match="closed"):
            await store.active_config()

    asyncio.run(scenario())
