"""The contract of `Store.record` and `Store.view`: who gets a verdict of what, and what is on record after it."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable

import pytest
from msgspec.structs import replace
from tests.store.build import CA_KEY, HOST, NOW, POLICY, certificate, person, question, recording, verified_ledger
from tests.store.conftest import Scenario, change, opened
from tests.store.ends import lock_person

from daypass.ca.ports import NameTaken, Recorded, Spent, Stale
from daypass.errors import Invalid, Unavailable
from daypass.store import SqlStore

Run = Callable[[Scenario], None]


def test_a_first_sign_in_makes_the_person_and_claims_the_login_name(run: Run) -> None:
    async def scenario(store: SqlStore) -> None:
        assert (await store.view(question("alice"))).person is None
        assert await store.record(recording("alice", claims=("alice", "al"))) == Recorded()
        found = (await store.view(question("alice"))).person
        assert found is not None
        assert (found.login, found.names, found.generation, found.locked) == ("alice", ("al", "alice"), 1, False)

    run(scenario)


def test_a_view_knows_the_policy_in_force_and_the_time_of_the_last_entry(run: Run) -> None:
    async def scenario(store: SqlStore) -> None:
        await store.record(recording("alice", time=NOW + 50))
        view = await store.view(question("bob", once="never"))
        assert (view.policy_hash, view.last_time, view.spent, view.host) == (POLICY, NOW + 50, None, None)

    run(scenario)


def test_a_replay_gets_the_certificates_its_id_was_spent_on(run: Run) -> None:
    async def scenario(store: SqlStore) -> None:
        first = recording("alice", once="a", certificates=(certificate(), certificate()))
        assert await store.record(first) == Recorded()
        verdict = await store.record(recording("alice", once="a", generation=1))
        assert isinstance(verdict, Spent)
        assert [each.certificate for each in verdict.certificates] == [c.encode() for c in first.certificates]
        assert (await store.view(question("alice", once="a"))).spent == verdict.certificates
        assert verdict.certificates[0].public_key == first.certificates[0].public_key.blob

    run(scenario)


def test_the_same_id_of_another_provider_is_another_id(run: Run) -> None:
    async def scenario(store: SqlStore) -> None:
        first = recording("alice", once="a")
        assert await store.record(first) == Recorded()
        other = replace(first, once=replace(first.once, provider="other"), certificates=(certificate(),))
        assert await store.record(other) == Recorded()

    run(scenario)


@pytest.mark.parametrize("order", [("first", "second"), ("second", "first")])
def test_of_equal_ids_in_one_batch_the_first_is_recorded_and_the_others_get_its_certificates(
    run: Run, order: tuple[str, str]
) -> None:
    async def scenario(store: SqlStore) -> None:
        both = {name: recording("alice", once="same") for name in order}
        winner, loser = await asyncio.gather(*(store.record(both[name]) for name in order))
        assert winner == Recorded()
        assert isinstance(loser, Spent)
        assert [each.serial for each in loser.certificates] == [both[order[0]].certificates[0].serial]

    run(scenario)


def test_a_batch_gives_each_its_own_verdict_and_no_loser_leaves_a_trace(run: Run) -> None:
    """Trust 3.6: one replay never rolls back its neighbours."""

    async def scenario(store: SqlStore) -> None:
        await asyncio.gather(store.record(recording("alice", once="a")), store.record(recording("locked")))
        await lock_person(store, person().issuer, "locked", reason="left", actor="root", now=NOW)
        batch = {
            "fresh": recording("bob"),
            "replay": recording("alice", once="a", generation=1),
            "stale generation": recording("alice", once="sg", generation=7),
            "stale policy": recording("alice", once="sp", generation=1, policy=b"q" * 32),
            "locked": recording("locked", once="lo", generation=2),
            "unknown generation": recording("carol", once="ug", generation=3),
            "name taken": recording("mallory", once="nt", claims=("alice",)),
            "second claim of one name": recording("mallory", once="sc", claims=("bob",)),
            "again": recording("alice", generation=1),
        }
        verdicts = await asyncio.gather(*(store.record(each) for each in batch.values()))
        kinds = {name: type(verdict) for name, verdict in zip(batch, verdicts, strict=True)}
        assert kinds == {
            "fresh": Recorded,
            "replay": Spent,
            "stale generation": Stale,
            "stale policy": Stale,
            "locked": Stale,
            "unknown generation": Stale,
            "name taken": NameTaken,
            "second claim of one name": NameTaken,
            "again": Recorded,
        }
        for once in ("sg", "sp", "lo", "ug", "nt", "sc"):
            assert (await store.view(question("alice", once=once))).spent is None, once
        assert (await store.view(question("mallory"))).person is None
        assert (await verified_ledger(store)).count("certificate.issue") == 4

    run(scenario)


def test_one_person_may_record_several_times_in_one_batch(run: Run) -> None:
    async def scenario(store: SqlStore) -> None:
        assert await asyncio.gather(*(store.record(recording("alice")) for _ in range(4))) == [Recorded()] * 4
        assert (
            await asyncio.gather(*(store.record(recording("alice", generation=1)) for _ in range(4)))
            == [Recorded()] * 4
        )

    run(scenario)


def test_a_name_belongs_to_issuer_and_subject_together(run: Run) -> None:
    async def scenario(store: SqlStore) -> None:
        assert await store.record(recording("alice")) == Recorded()
        other = person("alice", issuer="https://other.example")
        assert await store.record(recording(other)) == NameTaken("alice")
        assert await store.record(recording(other, claims=("alice2",))) == Recorded()

    run(scenario)


def test_an_id_that_was_not_spent_for_want_of_the_name_can_be_used_with_another_name(run: Run) -> None:
    async def scenario(store: SqlStore) -> None:
        await store.record(recording("alice"))
        assert await store.record(recording("mallory", once="m", claims=("alice",))) == NameTaken("alice")
        assert await store.record(recording("mallory", once="m")) == Recorded()

    run(scenario)


def test_a_person_without_a_login_name_is_on_record_all_the_same(run: Run) -> None:
    async def scenario(store: SqlStore) -> None:
        assert await store.record(recording("alice", claims=())) == Recorded()
        found = (await store.view(question("alice"))).person
        assert found is not None
        assert (found.login, found.names) == ("", ())

    run(scenario)


def test_a_released_name_is_a_tombstone_that_only_its_own_person_can_claim_again(url: str) -> None:
    """Trust 1.3."""

    async def scenario() -> None:
        async with opened(url) as store:
            await store.record(recording("alice", claims=("alice", "al")))
            change(url, "UPDATE names SET released_at = 1 WHERE name = 'al'")
            found = (await store.view(question("alice"))).person
            assert found is not None
            assert found.names == ("alice",)
            assert await store.record(recording("mallory", claims=("al",))) == NameTaken("al")
            assert await store.record(recording("alice", generation=1, claims=("al",))) == Recorded()
            found = (await store.view(question("alice"))).person
            assert found is not None
            assert (found.login, found.names) == ("al", ("al", "alice"))

    asyncio.run(scenario())


def test_nothing_is_recorded_while_the_installation_is_in_recovery(url: str) -> None:
    """Trust 7.2."""

    async def scenario() -> None:
        async with opened(url) as store:
            change(url, "UPDATE installation SET recovery_since = 1")
            with pytest.raises(Unavailable, match="restored"):
                await store.record(recording("alice"))
            change(url, "UPDATE installation SET recovery_since = NULL")
            assert await store.record(recording("alice")) == Recorded()

    asyncio.run(scenario())


def test_ids_are_forgotten_along_the_way(run: Run) -> None:
    async def scenario(store: SqlStore) -> None:
        await store.record(recording("alice", once="old", once_expires=NOW + 10))
        await store.record(recording("alice", once="soon", generation=1, time=NOW + 60))
        assert (await store.view(question(once="old"))).spent is not None
        await store.record(recording("alice", once="later", generation=1, time=NOW + 4000))
        assert (await store.view(question(once="old"))).spent is None
        assert (await store.view(question(once="soon"))).spent is not None

    run(scenario)


def test_nothing_is_recorded_before_a_policy_is_published(url: str) -> None:
    from daypass.store import open_store

    async def scenario() -> None:
        store = open_store(url)
        try:
            assert await store.record(recording(policy=b"")) == Stale()
        finally:
            await store.close()

    asyncio.run(scenario())


def test_an_entry_tells_who_got_what_and_never_the_one_time_id(run: Run) -> None:
    async def scenario(store: SqlStore) -> None:
        made = recording("alice", once="one-time")
        await store.record(made)
        (row,) = await store.ledger(1, 10)
        entry = json.loads(row.entry)
        cert = made.certificates[0]
        assert b"one-time" not in row.entry
        assert len(entry.pop("once")) == 64
        assert entry == {
            "seq": 2,
            "time": NOW,
            "act": "certificate.issue",
            "actor": "example:alice",
            "policy": POLICY.hex(),
            "version": 1,
            "provider": "example",
            "issuer": "https://idp.example",
            "subject": "alice",
            "roles": ["dev"],
            "serial": cert.serial,
            "type": "user",
            "key_id": cert.key_id,
            "principals": list(cert.principals),
            "valid_after": cert.valid_after,
            "valid_before": cert.valid_before,
            "public_key": cert.public_key.fingerprint,
            "ca_key": CA_KEY.fingerprint,
        }

    run(scenario)


def test_ledger_time_never_goes_back(run: Run) -> None:
    async def scenario(store: SqlStore) -> None:
        await store.record(recording("alice", time=NOW + 100))
        await store.record(recording("bob", time=NOW + 10))
        assert [row.time for row in await store.ledger(0, 10)] == [NOW, NOW + 100, NOW + 100]

    run(scenario)


BAD = {
    "NUL in the subject": lambda: recording(person("ali\0ce"), claims=()),
    "a lone surrogate in the one-time id": lambda: recording(once="\ud800"),
    "no certificate": lambda: recording(certificates=()),
    "a validity beyond 63 bits": lambda: recording(certificates=(certificate(valid_before=2**64 - 1),)),
    "serial 0": lambda: recording(certificates=(certificate(serial=0),)),
    "a serial beyond 63 bits": lambda: recording(certificates=(certificate(serial=2**63),)),
}


@pytest.mark.parametrize("bad", BAD.values(), ids=BAD.keys())
def test_what_no_database_could_hold_is_refused_before_it_meets_its_neighbours(
    run: Run, bad: Callable[[], object]
) -> None:
    async def scenario(store: SqlStore) -> None:
        bads = [store.record(bad()) for _ in range(2)]  # type: ignore[arg-type]
        results = await asyncio.gather(store.record(recording("bob")), *bads, return_exceptions=True)
        assert results[0] == Recorded()
        assert [type(each) for each in results[1:]] == [Invalid, Invalid]

    run(scenario)


def test_a_serial_that_is_on_record_already_fails_alone(run: Run) -> None:
    async def scenario(store: SqlStore) -> None:
        taken = certificate()
        await store.record(recording("alice", certificates=(taken,)))
        names = [f"user{number}" for number in range(7)]
        recordings = [recording(name) for name in names]
        recordings.insert(3, recording("eve", certificates=(certificate(serial=taken.serial),)))
        results = await asyncio.gather(*map(store.record, recordings), return_exceptions=True)
        assert isinstance(results.pop(3), Exception)
        assert results == [Recorded()] * 7
        assert (await store.view(question("eve"))).person is None
        await verified_ledger(store)

    run(scenario)


def test_a_host_is_no_person(run: Run) -> None:
    async def scenario(store: SqlStore) -> None:
        await store.record(recording(HOST, claims=()))
        assert (await store.view(question(HOST))).person is None

    run(scenario)
