"""The contract for hosts: one id for life, names that can't be taken over (trust 5.1)."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from msgspec.structs import replace
from tests.store.build import HOST, NOW, certificate, host_recording, key, question, recording
from tests.store.conftest import Scenario
from tests.store.ends import revoke

from daypass.ca.ports import EnrolledHost, HostRecord, NameTaken, Recorded
from daypass.model import HostFacts
from daypass.store import SqlStore

Run = Callable[[Scenario], None]
WEB = HostFacts("web-1.example.com", ("www.example.com",), {"env": "prod"})


async def host(store: SqlStore, name: str = WEB.name) -> HostRecord | None:
    return (await store.view(question(HOST, host=name))).host


def test_an_enrolled_host_is_found_by_every_name_with_what_its_token_said(run: Run) -> None:
    async def scenario(store: SqlStore) -> None:
        mine = key()
        assert await host(store) is None
        assert await store.record(host_recording(WEB, mine)) == Recorded()
        found = await host(store)
        assert found is not None
        assert len(bytes.fromhex(found.id)) == 16
        assert found == HostRecord(found.id, WEB.name, WEB.aliases, WEB.labels, (mine.blob,), NOW + 57600)
        assert await host(store, "www.example.com") == found

    run(scenario)


def test_the_same_key_enrols_again_and_keeps_the_id(run: Run) -> None:
    async def scenario(store: SqlStore) -> None:
        first, second = key(), key()
        await store.record(host_recording(WEB, first, second))
        before = await host(store)
        moved = HostFacts(WEB.name, ("w.example.com",), {"env": "test"})
        assert await store.record(host_recording(moved, second)) == Recorded()
        after = await host(store)
        assert before is not None
        assert after == HostRecord(before.id, WEB.name, moved.aliases, moved.labels, (second.blob,), NOW + 57600)

    run(scenario)


def test_a_name_with_a_live_certificate_does_not_pass_to_another_key(run: Run) -> None:
    """Not even together with the old one: that key has not been shown to be this host's."""

    async def scenario(store: SqlStore) -> None:
        mine = key()
        await store.record(host_recording(WEB, mine))
        before = await host(store)
        assert await store.record(host_recording(WEB, key(), once="x")) == NameTaken(WEB.name)
        assert await store.record(host_recording(WEB, mine, key(), once="y")) == NameTaken(WEB.name)
        assert await host(store) == before
        for once in ("x", "y"):
            assert (await store.view(question(HOST, once=once))).spent is None

    run(scenario)


def test_a_name_passes_to_another_key_within_one_cloud_instance_alone(run: Run) -> None:
    """Trust 5.1. What the keys before had ends with it."""

    async def scenario(store: SqlStore) -> None:
        mine, other = replace(WEB, instance="aws:i-1"), replace(WEB, instance="aws:i-2")
        await store.record(host_recording(mine, key()))
        before = await host(store)
        for stranger, once in ((other, "x"), (WEB, "y"), (replace(WEB, instance="gcp:i-1"), "z")):
            assert await store.record(host_recording(stranger, key(), once=once)) == NameTaken(WEB.name)
        assert await host(store) == before
        again = key()
        assert await store.record(host_recording(mine, again, once="again")) == Recorded()
        after = await host(store)
        assert before is not None and after is not None
        assert (after.id != before.id, after.keys) == (True, (again.blob,))

    run(scenario)


def test_a_name_is_free_for_another_key_once_nothing_is_live(run: Run) -> None:
    async def scenario(store: SqlStore) -> None:
        first = host_recording(WEB)
        await store.record(first)
        await revoke(store, [first.certificates[0].serial], reason="replaced", actor="root", now=NOW)
        found = await host(store)
        assert found is not None
        assert found.live_until == 0
        await store.record(host_recording(WEB, valid_before=NOW - 1))
        assert await store.record(host_recording(WEB)) == Recorded()

    run(scenario)


def test_names_and_aliases_of_hosts_share_one_space(run: Run) -> None:
    async def scenario(store: SqlStore) -> None:
        await store.record(host_recording(WEB))
        as_name = HostFacts("www.example.com")
        as_alias = HostFacts("evil.example.com", ("other.example.com", WEB.name))
        assert await store.record(host_recording(as_name)) == NameTaken("www.example.com")
        assert await store.record(host_recording(as_alias)) == NameTaken(WEB.name)
        assert await host(store, "other.example.com") is None

    run(scenario)


def test_two_hosts_that_claim_one_name_in_one_batch_are_told_apart(run: Run) -> None:
    async def scenario(store: SqlStore) -> None:
        verdicts = await asyncio.gather(
            store.record(host_recording(WEB)),
            store.record(host_recording(WEB)),
            store.record(recording("alice")),
            store.record(host_recording(HostFacts("db-1.example.com"))),
        )
        # The second finds a host without a live certificate of its own yet, but one that is being recorded.
        assert list(verdicts) == [Recorded(), NameTaken(WEB.name), Recorded(), Recorded()]

    run(scenario)


def test_a_login_name_and_a_host_name_do_not_meet(run: Run) -> None:
    async def scenario(store: SqlStore) -> None:
        await store.record(recording("web"))
        assert await store.record(host_recording(HostFacts("web"))) == Recorded()
        assert await store.record(recording("bob", certificates=(certificate(),))) == Recorded()

    run(scenario)


def test_laptops_hear_of_every_name_that_has_a_certificate(run: Run) -> None:
    async def scenario(store: SqlStore) -> None:
        assert await store.enrolled(NOW) == ()
        await store.record(host_recording(WEB))
        await store.record(host_recording(HostFacts("db-1.example.com")))
        await store.record(host_recording(HostFacts("old.example.com"), valid_before=NOW - 1))
        await store.record(recording("alice"))
        db = EnrolledHost("db-1.example.com", ("db-1.example.com",))
        web = EnrolledHost(WEB.name, (WEB.name, "www.example.com"), (), {"env": "prod"})
        assert await store.enrolled(NOW) == (db, web)
        assert await store.enrolled(NOW + 57600) == ()

    run(scenario)


def test_a_host_that_gave_up_an_alias_is_not_listed_under_it(run: Run) -> None:
    async def scenario(store: SqlStore) -> None:
        mine = key()
        await store.record(host_recording(WEB, mine))
        await store.record(host_recording(HostFacts(WEB.name), mine))
        assert [each.names for each in await store.enrolled(NOW)] == [(WEB.name,)]

    run(scenario)


def test_a_host_whose_certificate_was_revoked_is_listed_until_that_would_have_ended(run: Run) -> None:
    """Or else revoking a stolen key would bring ssh's question back for its thief."""

    async def scenario(store: SqlStore) -> None:
        made = host_recording(WEB, key())
        await store.record(made)
        await revoke(store, [made.certificates[0].serial], reason="stolen", actor="root", now=NOW)
        web = EnrolledHost(WEB.name, (WEB.name, "www.example.com"), (), {"env": "prod"}, live=False)
        assert await store.enrolled(NOW) == (web,)
        assert await store.enrolled(NOW + 57600) == ()

    run(scenario)


def test_a_token_spent_by_the_second_of_two_who_came_together_is_spent_on_its_certificates(run: Run) -> None:
    """The first wants a live name for another key and loses; what is kept of the token must be the winner's."""

    async def scenario(store: SqlStore) -> None:
        mine, other = key(), key()
        await store.record(host_recording(WEB, mine))
        verdicts = await asyncio.gather(
            store.record(host_recording(WEB, other, once="t")), store.record(host_recording(WEB, mine, once="t"))
        )
        assert list(verdicts) == [NameTaken(WEB.name), Recorded()]
        spent = (await store.view(question(HOST, once="t", host=WEB.name))).spent
        assert spent is not None
        assert [each.public_key for each in spent] == [mine.blob]

    run(scenario)
