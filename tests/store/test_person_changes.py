"""Lock, unlock, rename, link, reserve: what is on record after each, and who gets in while it happens."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest
from msgspec.structs import replace
from tests.store.build import ISSUER, NOW, certificate, person, question, recording, verified_ledger
from tests.store.conftest import Scenario, opened, rows
from tests.store.ends import lock, lock_person, unlock

from daypass.ca.person_ports import Linked, NewIdentity
from daypass.ca.ports import NameTaken, Recorded, Stale
from daypass.errors import Conflict, NotFound
from daypass.store import SqlStore, open_store

Run = Callable[[Scenario], None]
SAID: Any = {"reason": "she asked", "actor": "uid:0", "now": NOW}
OTHER = person("a.smith", issuer="https://other")
NEW = NewIdentity("other", OTHER.issuer, OTHER.subject)
ALICES = NewIdentity("example", ISSUER, "alice")


async def names_of(store: SqlStore, number: int) -> tuple[str, tuple[str, ...]]:
    found = await store.person(number)
    assert found is not None
    return found.login, found.names


def test_a_locked_person_may_sign_in_again_once_unlocked_and_what_was_revoked_stays_so(run: Run) -> None:
    async def scenario(store: SqlStore) -> None:
        cert = certificate()
        await store.record(recording(certificates=(cert,)))
        assert await lock(store, 1, **SAID) == (cert.serial,)
        assert await lock(store, 1, **(SAID | {"now": NOW + 9})) == ()
        locked = await store.person(1)
        assert locked is not None and locked.locked_at == NOW
        await unlock(store, 1, **SAID)
        unlocked = await store.person(1)
        assert unlocked is not None and unlocked.locked_at is None
        found = await store.on_record(cert.serial)
        assert found is not None and found.revoked_at == NOW
        assert await store.record(recording(generation=4)) == Recorded()
        assert not await unlock(store, 1, **SAID)

    run(scenario)


def test_who_is_locked_is_so_by_every_identity(run: Run) -> None:
    async def scenario(store: SqlStore) -> None:
        await store.record(recording())
        await store.link(1, NEW, merge=False, **SAID)
        await lock_person(store, OTHER.issuer, OTHER.subject, **SAID)
        for who in ("alice", OTHER):
            view = await store.view(question(who))
            assert view.person is not None and view.person.locked
            assert await store.record(recording(who, generation=view.person.generation)) == Stale()

    run(scenario)


CARRYING = {
    "the login": (("alice",), True),
    "a role for the own account": (("role:dev:alice", "role:ops"), True),
    "a role for shared accounts": (("role:ops",), False),
    "a role of that name": (("role:alice",), False),
    "another's account": (("role:dev:malice",), False),
}


@pytest.mark.parametrize(("principals", "ended"), CARRYING.values(), ids=CARRYING.keys())
def test_renaming_ends_what_carries_the_old_name(run: Run, principals: tuple[str, ...], ended: bool) -> None:
    async def scenario(store: SqlStore) -> None:
        cert = certificate(principals=principals)
        await store.record(recording(certificates=(cert,)))
        assert await store.rename(1, "smith", **SAID) == ((cert.serial,) if ended else ())
        assert await names_of(store, 1) == ("smith", ("smith",))
        found = await store.on_record(cert.serial)
        assert found is not None and (found.revoked_at is not None) == ended

    run(scenario)


def test_an_old_name_goes_to_nobody_but_back_to_who_had_it(run: Run) -> None:
    async def scenario(store: SqlStore) -> None:
        await store.record(recording())
        await store.record(recording("bob"))
        await store.rename(1, "smith", **SAID)
        assert await store.record(recording(OTHER, claims=("alice",))) == NameTaken("alice")
        for attempt in (store.rename(2, "alice", **SAID), store.reserve("alice", NEW, **SAID)):
            with pytest.raises(Conflict, match="goes to nobody else"):
                await attempt
        await store.rename(1, "alice", **SAID)
        assert await names_of(store, 1) == ("alice", ("alice",))
        with pytest.raises(Conflict, match="has this name already"):
            await store.rename(1, "alice", **SAID)
        with pytest.raises(Conflict, match="that of bob"):
            await store.rename(1, "bob", **SAID)

    run(scenario)


def test_a_linked_identity_is_the_person_with_their_login(run: Run) -> None:
    async def scenario(store: SqlStore) -> None:
        await store.record(recording())
        assert await store.record(recording(OTHER, claims=("alice",))) == NameTaken("alice")
        (conflict,) = await store.conflicts()
        assert (conflict.subject, conflict.name, conflict.taken and conflict.taken.person) == ("a.smith", "alice", 1)
        assert await store.link(1, NEW, merge=False, **SAID) == Linked()
        assert await store.conflicts() == []
        view = await store.view(question(OTHER))
        assert view.person is not None
        assert (view.person.id, view.person.login, view.person.generation) == (1, "alice", 2)
        assert await store.record(recording(OTHER, generation=2, claims=("alice",))) == Recorded()
        with pytest.raises(Conflict, match=r"alice \(#1\) already"):
            await store.link(1, NEW, merge=True, **SAID)

    run(scenario)


def test_an_identity_with_certificates_of_its_own_is_merged_only_on_purpose(run: Run) -> None:
    async def scenario(store: SqlStore) -> None:
        cert = certificate(principals=("smith",))
        await store.record(recording())
        await store.record(recording(OTHER, claims=("smith",), certificates=(cert,)))
        with pytest.raises(Conflict, match="has had certificates") as caught:
            await store.link(1, NEW, merge=False, **SAID)
        assert caught.value.hint is not None and "--merge" in caught.value.hint
        assert await store.link(1, NEW, merge=True, **SAID) == Linked(2, (cert.serial,))
        assert [each.id for each in await store.people()] == [1]
        assert await names_of(store, 1) == ("alice", ("alice",))
        assert await names_of(store, 2) == ("", ())
        assert await store.record(recording("carol", claims=("smith",))) == NameTaken("smith")
        assert await store.record(recording(OTHER, generation=1, claims=("smith",))) == Stale()
        await store.rename(1, "smith", **SAID)  # both names are hers
        for change in (lock(store, 2, **SAID), store.link(2, NEW, merge=True, **SAID)):
            with pytest.raises(NotFound):
                await change

    run(scenario)


def test_who_is_locked_does_not_come_in_by_being_merged(run: Run) -> None:
    async def scenario(store: SqlStore) -> None:
        await asyncio.gather(store.record(recording()), store.record(recording(OTHER, claims=())))
        other = (await store.find_people("example:a.smith"))[0].id
        await lock(store, other, **SAID)
        with pytest.raises(Conflict, match="who is locked"):
            await store.link(3 - other, NEW, merge=True, **SAID)

    run(scenario)


def test_a_reserved_name_goes_to_nobody_until_it_is_somebody_s(run: Run) -> None:
    async def scenario(store: SqlStore) -> None:
        assert await store.reserve("alice", None, **SAID) is None
        assert await store.record(recording()) == NameTaken("alice", "she asked")
        assert [each.name for each in await store.reserved_names()] == ["alice"]
        with pytest.raises(Conflict, match="is reserved"):
            await store.reserve("alice", None, **SAID)
        assert await store.reserve("alice", ALICES, **SAID) == 1
        assert await store.reserved_names() == []
        view = await store.view(question())
        assert view.person is not None and (view.person.login, view.person.generation) == ("alice", 2)
        with pytest.raises(Conflict, match="this identity is alice"):
            await store.reserve("other", ALICES, **SAID)

    run(scenario)


def test_a_person_made_in_advance_has_their_name_from_the_first_sign_in(run: Run) -> None:
    async def scenario(store: SqlStore) -> None:
        in_flight = recording(claims=("other",))  # decided on before
        await store.reserve("alice", ALICES, **SAID)
        assert await store.record(in_flight) == Stale()
        assert await store.record(recording(generation=2)) == Recorded()
        assert await names_of(store, 1) == ("alice", ("alice",))
        assert (await store.find_people("#1"))[0].identities[0].facts is not None

    run(scenario)


def test_each_change_stands_in_the_history_of_the_person(run: Run) -> None:
    async def scenario(store: SqlStore) -> None:
        await store.record(recording())
        await store.record(recording(OTHER, claims=("smith",)))
        await store.rename(1, "al", **SAID)
        await store.link(1, NEW, merge=True, **SAID)
        await lock(store, 1, **SAID)
        await unlock(store, 1, **SAID)
        history = await store.history(1, 10)
        assert history.signed_in_at == NOW
        acts = ["person.unlock", "person.lock", "certificate.revoke", "person.link", "person.rename"]
        assert [each["act"] for each in history.entries] == acts
        assert {each["reason"] for each in history.entries} == {"she asked"}
        assert [each["act"] for each in (await store.history(2, 10)).entries] == ["person.merge"]
        assert len((await store.history(1, 2)).entries) == 2
        await verified_ledger(store)

    run(scenario)


UNKNOWN = {
    "lock": lambda store: lock(store, 7, **SAID),
    "unlock": lambda store: unlock(store, 7, **SAID),
    "rename": lambda store: store.rename(7, "x", **SAID),
    "link": lambda store: store.link(7, NEW, merge=False, **SAID),
    "lock by identity": lambda store: lock_person(store, "https://nobody", "x", **SAID),
}


@pytest.mark.parametrize("attempt", UNKNOWN.values(), ids=UNKNOWN.keys())
def test_nothing_is_done_to_who_is_not_on_record(run: Run, attempt: Callable[[SqlStore], Any]) -> None:
    async def scenario(store: SqlStore) -> None:
        with pytest.raises(NotFound):
            await attempt(store)
        assert await verified_ledger(store) == ["config.publish"]

    run(scenario)


@pytest.mark.parametrize("seed", range(4))
def test_a_change_racing_issuances_never_leaves_the_old_name_alive(url: str, seed: int) -> None:
    """Whoever decided before it has to decide again; what was recorded before it is revoked by it."""

    async def scenario() -> None:
        async with opened(url) as one:
            two = open_store(url)
            await one.record(recording())
            racing = [one.record(recording(generation=1)) for _ in range(8)]
            racing.insert(2 * seed, two.rename(1, "smith", **SAID))  # type: ignore[arg-type]
            await asyncio.gather(*racing)
            old = "SELECT count(*) FROM certificates WHERE principals LIKE '%alice%' AND revoked_at IS NULL"
            assert rows(url, old) == [(0,)]
            assert await names_of(one, 1) == ("smith", ("smith",))
            await two.close()

    asyncio.run(scenario())


def test_a_link_racing_a_first_sign_in_makes_no_second_person(url: str) -> None:
    async def scenario() -> None:
        async with opened(url) as one:
            two = open_store(url)
            await one.record(recording())
            for number in range(6):
                who = replace(OTHER, subject=f"s{number}", login=f"s{number}")
                identity = NewIdentity("other", who.issuer, who.subject)
                verdict, linked = await asyncio.gather(
                    one.record(recording(who)),
                    two.link(1, identity, merge=False, **SAID),
                    return_exceptions=True,
                )
                assert isinstance(verdict, Recorded) == isinstance(linked, Conflict), (verdict, linked)
                (found,) = await one.find_people(f"{'other' if isinstance(linked, Linked) else 'example'}:s{number}")
                assert (found.id == 1) == isinstance(linked, Linked)
            await two.close()

    asyncio.run(scenario())


def test_what_was_decided_on_a_person_before_they_were_merged_is_decided_anew(run: Run) -> None:
    """However often each of the two had been revoked before: the generations must not meet by chance."""

    async def scenario(store: SqlStore) -> None:
        await store.record(recording())
        await store.record(recording(OTHER, claims=("smith",)))
        for _ in range(3):
            await lock(store, 2, **SAID)
            await unlock(store, 2, **SAID)
        merged = (await store.view(question(OTHER))).person
        await store.link(1, NEW, merge=True, **SAID)
        assert merged is not None and merged.generation == 7
        for generation in range(merged.generation + 1):
            in_flight = recording(OTHER, generation=generation, claims=("smith",))
            assert await store.record(in_flight) == Stale(), generation
        assert await names_of(store, 1) == ("alice", ("alice",))

    run(scenario)


def test_of_two_who_want_one_name_at_once_one_gets_it(url: str) -> None:
    async def scenario() -> None:
        async with opened(url) as one:
            two = open_store(url)
            for number in range(6):
                claims = (f"name{number}",)
                verdicts = await asyncio.gather(
                    one.record(recording(f"a{number}", claims=claims)),
                    two.record(recording(f"b{number}", claims=claims)),
                )
                assert sorted(type(each).__name__ for each in verdicts) == ["NameTaken", "Recorded"]
            assert len(await one.conflicts()) == 6
            await two.close()

    asyncio.run(scenario())
