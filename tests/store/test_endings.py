"""Endings: one transaction finds, marks and records (trust 3.5), and the same event twice is one ending."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import Any

import pytest
from msgspec.structs import replace
from sqlalchemy import insert, select
from tests.store.build import NOW, certificate, host_recording, key, question, recording, verified_ledger
from tests.store.ends import lock, unlock

from daypass.ca.ending_ports import Ending, Source, Unlock
from daypass.ca.ports import Recorded, Stale
from daypass.errors import NotFound
from daypass.model import HostFacts, OnceId, sign_in
from daypass.store import SqlStore
from daypass.store.schema import scim_resources

Run = Callable[[Callable[[SqlStore], Coroutine[Any, Any, None]]], None]
ASKED = {"source": Source.OPERATOR, "actor": "uid:0", "reason": "left", "about": "somebody"}


async def issue(store: SqlStore, name: str, *serials: int) -> int:
    made = [certificate(serial=serial) for serial in serials]
    known = (await store.view(question(name))).person
    generation = known.generation if known else 0
    assert await store.record(recording(name, certificates=made, generation=generation)) == Recorded()
    person = (await store.view(question(name))).person
    assert person is not None
    return person.id


def test_all_of_a_person_s_end_and_nobody_else_s(run: Run) -> None:
    async def scenario(store: SqlStore) -> None:
        alice, _ = await issue(store, "alice", 1, 2), await issue(store, "bob", 3)
        ended = await store.end(Ending(**ASKED, persons=(alice,), gone=True, lock=""), now=NOW)  # type: ignore[arg-type]
        assert (ended.serials, ended.persons, ended.again) == ((1, 2), (alice,), False)
        found = await store.ending(ended.id)
        assert found is not None
        assert (found.serials, found.gone, found.held, found.user_krl) == ((1, 2), True, False, None)
        assert (await verified_ledger(store))[-2:] == ["certificate.revoke", "person.lock"]

    run(scenario)


def test_a_dry_run_tells_and_writes_nothing(run: Run) -> None:
    async def scenario(store: SqlStore) -> None:
        alice = await issue(store, "alice", 1)
        before = await verified_ledger(store)
        assert (await store.end(Ending(**ASKED, persons=(alice,)), now=NOW, dry=True)).serials == (1,)  # type: ignore[arg-type]
        assert await verified_ledger(store) == before
        assert not await store.endings(0, 10)

    run(scenario)


def test_the_same_event_again_is_the_same_ending(run: Run) -> None:
    async def scenario(store: SqlStore) -> None:
        alice = await issue(store, "alice", 1)
        ending = Ending(**ASKED, persons=(alice,), once=OnceId("corp", "jti-1"))  # type: ignore[arg-type]
        first, second = await store.end(ending, now=NOW), await store.end(ending, now=NOW + 5)
        assert (second.id, second.serials, second.again) == (first.id, (1,), True)
        assert len(await store.endings(0, 10)) == 1

    run(scenario)


def test_one_that_is_not_on_record_ends_nothing(run: Run) -> None:
    async def scenario(store: SqlStore) -> None:
        alice = await issue(store, "alice", 1)
        with pytest.raises(NotFound):
            await store.end(Ending(**ASKED, persons=(alice,), serials=(99,)), now=NOW)  # type: ignore[arg-type]
        assert not await store.endings(0, 10)

    run(scenario)


def test_all_of_a_host_s_end_and_once_more_finds_none(run: Run) -> None:
    async def scenario(store: SqlStore) -> None:
        made = host_recording(HostFacts("web-1.example.com"), key(), key())
        await store.record(made)
        (known,) = await store.hosts()
        ending = Ending(**ASKED, hosts=(known.id,))  # type: ignore[arg-type]
        assert (await store.end(ending, now=NOW)).serials == tuple(sorted(each.serial for each in made.certificates))
        assert (await store.end(ending, now=NOW)).serials == ()

    run(scenario)


def test_what_was_decided_before_is_decided_anew(run: Run) -> None:
    async def scenario(store: SqlStore) -> None:
        alice = await issue(store, "alice", 1)
        await store.end(Ending(**ASKED, persons=(alice,)), now=NOW)  # type: ignore[arg-type]
        assert await store.record(recording("alice", generation=1)) == Stale()
        person = (await store.view(question("alice"))).person
        assert person is not None and person.ended_at == NOW

    run(scenario)


def test_a_sign_in_that_was_ended_is_known_to_be_over(run: Run) -> None:
    async def scenario(store: SqlStore) -> None:
        over, other = (sign_in("https://idp", sid, OnceId("idp", "x")) for sid in ("s1", "s2"))
        await store.end(Ending(**ASKED, signins=(over,)), now=NOW)  # type: ignore[arg-type]
        await store.end(Ending(**ASKED, signins=(over,)), now=NOW)  # type: ignore[arg-type]
        asked = question("alice")
        assert [(await store.view(replace(asked, signin=each))).over for each in (over, other, None)] == [
            True,
            False,
            False,
        ]

    run(scenario)


def test_a_sign_in_that_was_ended_after_it_was_decided_is_not_recorded(run: Run) -> None:
    """Nobody knew of it, so no person's generation has risen."""

    async def scenario(store: SqlStore) -> None:
        over, other = (sign_in("https://idp", sid, OnceId("idp", "x")) for sid in ("s1", "s2"))
        await store.end(Ending(**ASKED, signins=(over,)), now=NOW)  # type: ignore[arg-type]
        assert await store.record(replace(recording("alice"), signin=over)) == Stale()
        assert await store.record(replace(recording("alice"), signin=other)) == Recorded()
        seen = (await store.view(question("bob"))).sign_ins_over
        assert await store.record(replace(recording("bob"), signin=other, sign_ins_over=seen)) == Recorded()

    run(scenario)


def provider(person: int, number: int, **changes: Any) -> Ending:
    return Ending(
        source=Source.SCIM, actor="scim:corp", reason="inactive", about="somebody", persons=(person,),
        lock="scim:corp", gone=True, once=OnceId("scim:corp", str(number)), hold_above=2, **changes,
    )  # fmt: skip


def test_more_people_than_may_be_in_a_minute_wait_for_an_operator_all_of_them(run: Run) -> None:
    async def scenario(store: SqlStore) -> None:
        people = [await issue(store, name, serial) for serial, name in enumerate(("alice", "bob", "carol"), 1)]
        first, second = [await store.end(provider(each, each), now=NOW) for each in people[:2]]
        assert not first.held and not second.held
        again = await store.end(provider(people[0], 7), now=NOW)
        assert not again.held, "the same person twice is one"
        third = await store.end(provider(people[2], 3), now=NOW + 30)
        assert third.held and third.serials == (3,)
        assert set(await store.held()) == {first.id, second.id, again.id, third.id}
        assert (await verified_ledger(store)).count("ending.held") == 1
        assert await store.release(third.id, actor="uid:0", now=NOW)
        assert third.id not in await store.held()
        later = await store.end(provider(people[2], 4), now=NOW + 100)
        assert not later.held

    run(scenario)


def test_an_operator_s_word_is_held_by_nobody(run: Run) -> None:
    async def scenario(store: SqlStore) -> None:
        people = tuple([await issue(store, name, serial) for serial, name in enumerate("abcd", 1)])
        ended = await store.end(Ending(**ASKED, persons=people, hold_above=2), now=NOW)  # type: ignore[arg-type]
        assert not ended.held and ended.serials == (1, 2, 3, 4)

    run(scenario)


def test_a_provider_undoes_its_own_lock_alone_and_an_operator_any(run: Run) -> None:
    async def scenario(store: SqlStore) -> None:
        said: dict[str, Any] = {"reason": "x", "actor": "y", "now": NOW}
        alice = await issue(store, "alice", 1)
        ended = await store.end(provider(alice, 1), now=NOW)
        assert not await unlock(store, alice, **said, by="scim:other")
        assert await unlock(store, alice, **said, by="scim:corp")
        found = await store.ending(ended.id)
        assert found is not None and found.undone_at == NOW
        await store.end(provider(alice, 2), now=NOW)
        await lock(store, alice, **said)  # an operator's word stands above a provider's
        assert not await unlock(store, alice, **said, by="scim:corp")
        await store.end(provider(alice, 3), now=NOW)
        assert not await unlock(store, alice, **said, by="scim:corp")
        assert await unlock(store, alice, **said)
        assert not [each.id for each in await store.endings(0, 9) if each.undone_at is None]

    run(scenario)


def test_an_ending_of_several_is_undone_once_nobody_of_them_is_out(run: Run) -> None:
    async def scenario(store: SqlStore) -> None:
        said: dict[str, Any] = {"reason": "x", "actor": "y", "now": NOW}
        people = (await issue(store, "alice", 1), await issue(store, "bob", 2))
        ended = await store.end(Ending(**ASKED, persons=people, lock="", gone=True), now=NOW)  # type: ignore[arg-type]
        for person, undone in zip(people, (None, NOW), strict=True):
            assert await unlock(store, person, **said)
            found = await store.ending(ended.id)
            assert found is not None and found.undone_at == undone

    run(scenario)


def test_an_operator_s_word_stands_above_a_directory_s_of_that_person_alone(run: Run) -> None:
    async def scenario(store: SqlStore) -> None:
        alice = await issue(store, "alice", 1)
        mine = Unlock(person=alice, reason="x", actor="y", entries=(("corp", "alice"),))
        assert not await store.unlock(mine, now=NOW), "there is no such entry"
        row = {"type": "User", "name": "n", "resource": "{}", "version": "1", "created_at": 1, "modified_at": 1}
        rows = [
            row | {"provider": provider, "id": str(number), "match": match, "active": active}
            for number, (provider, match, active) in enumerate(
                (("corp", "alice", 0), ("corp", "bob", 0), ("other", "alice", 0))
            )
        ]
        await store._write(lambda connection: connection.execute(insert(scim_resources), rows))
        assert await store.unlock(mine, now=NOW + 5)
        of = select(scim_resources.c.id).where(scim_resources.c.allowed_at == NOW + 5)
        assert await store._read(lambda connection: list(connection.execute(of).scalars())) == ["0"]
        assert (await verified_ledger(store))[-1] == "person.unlock"

    run(scenario)


def test_keys_are_found_by_fingerprint_while_their_certificates_hold(run: Run) -> None:
    async def scenario(store: SqlStore) -> None:
        cert = certificate(serial=1)
        await store.record(recording("alice", certificates=[cert]))
        named = cert.public_key.fingerprint, NOW
        assert await store.keys_called(*named) == [cert.public_key.blob]
        ended = await store.end(Ending(**ASKED, keys=(cert.public_key.blob,)), now=NOW)  # type: ignore[arg-type]
        assert ended.serials == (1,)
        assert await store.keys_called(*named) == []

    run(scenario)


def test_the_flood_of_one_provider_holds_nothing_of_another_s(run: Run) -> None:
    async def scenario(store: SqlStore) -> None:
        people = [await issue(store, name, serial) for serial, name in enumerate("abcd", 1)]
        first = await store.end(replace(provider(people[3], 9), actor="logout:other", source=Source.LOGOUT), now=NOW)
        flood = [await store.end(provider(each, each), now=NOW) for each in people[:3]]
        assert set(await store.held()) == {each.id for each in flood}
        assert first.id not in await store.held()
        after = await store.end(replace(provider(people[3], 10), actor="scim:other"), now=NOW)
        assert not after.held

    run(scenario)


OWN_WORDS: dict[str, dict[str, Any]] = {
    "an operator takes the person out": {"source": Source.OPERATOR, "persons": (1,), "lock": "", "gone": True},
    "an operator revokes the certificate": {"source": Source.OPERATOR, "serials": (1,)},
    "an operator revokes a role": {"source": Source.OPERATOR, "roles": ("dev",), "within": (1,)},
    "the person leaves everywhere": {"source": Source.SELF, "persons": (1,)},
}


@pytest.mark.parametrize("word", OWN_WORDS.values(), ids=list(OWN_WORDS))
@pytest.mark.parametrize("when", [NOW, NOW + 10**6], ids=["while it holds", "after its end"])
def test_whose_sessions_a_flood_has_left_open_ends_by_another_s_word(
    run: Run, word: dict[str, Any], when: int
) -> None:
    async def scenario(store: SqlStore) -> None:
        alice, bob = await issue(store, "alice", 1), await issue(store, "bob", 2)
        assert alice == 1
        for person in (alice, bob):
            await store.end(replace(provider(person, person), held=True), now=NOW)
        assert await store.spared(0) == [1, 2]
        again = await store.end(provider(alice, 9), now=when)
        assert (again.serials, await store.spared(0)) == ((), [1, 2]), "by no provider's"
        said = await store.end(Ending(actor="x", reason="x", about="x", **word), now=when)
        assert said.serials == (1,)
        assert await store.spared(0) == [2]

    run(scenario)


def test_whom_two_have_called_out_is_in_once_both_have_taken_it_back(run: Run) -> None:
    async def scenario(store: SqlStore) -> None:
        said: dict[str, Any] = {"reason": "x", "actor": "y", "now": NOW}
        alice = await issue(store, "alice", 1)
        for number, word in enumerate(("scim:corp", "signal:corp", "scim:corp")):
            await store.end(replace(provider(alice, number), lock=word), now=NOW)
        assert not await unlock(store, alice, **said, by="scim:corp")
        assert not await unlock(store, alice, **said, by="scim:corp"), "it has taken back what it said"
        assert (await store.view(question("alice"))).person.locked  # type: ignore[union-attr]
        assert await unlock(store, alice, **said, by="signal:corp")
        assert not (await store.view(question("alice"))).person.locked  # type: ignore[union-attr]
        for number, word in enumerate(("scim:corp", "signal:corp"), 3):
            await store.end(replace(provider(alice, number), lock=word), now=NOW)
        assert await unlock(store, alice, **said), "an operator's word undoes all"

    run(scenario)
