"""The contract for what the CA knows of hosts: labels, what they report, and whose accounts they make."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from tests.store.build import (
    HOST,
    NOW,
    POLICY,
    certificate,
    host_recording,
    key,
    person,
    question,
    recording,
    verified_ledger,
)
from tests.store.conftest import Scenario
from tests.store.ends import lock_person, revoke

from daypass.ca.host_ports import MAX_MACHINES, MAX_REPORTED, HostAbout, HostAccounts, KnownHost, Member
from daypass.errors import Invalid, NotFound
from daypass.model import HostFacts
from daypass.store import SqlStore

Run = Callable[[Scenario], None]
WEB = HostFacts("web-1.example.com", ("www.example.com",), {"env": "prod"})
MINE = key()
SAID = HostAccounts(("root", "postgres"), ("alice",))


async def enrolled(store: SqlStore, facts: HostFacts = WEB) -> KnownHost:
    await store.record(host_recording(facts, MINE))
    record = (await store.view(question(HOST, host=facts.name))).host
    assert record is not None
    found = await store.host(record.id)
    assert found is not None
    return found


def test_a_host_is_known_with_its_labels_and_has_said_nothing_yet(run: Run) -> None:
    async def scenario(store: SqlStore) -> None:
        found = await enrolled(store)
        assert (found.name, found.aliases, found.labels) == (WEB.name, WEB.aliases, WEB.labels)
        assert (found.accounts, found.bundle_version, found.synced_at) == (None, None, None)
        assert found.live_until == NOW + 57600
        assert await store.host("0" * 32) is None

    run(scenario)


def test_what_a_host_says_stays_until_it_says_something_else(run: Run) -> None:
    async def scenario(store: SqlStore) -> None:
        mine = await enrolled(store)
        await store.host_synced(mine.id, SAID, 7, NOW + 1)
        await store.host_synced(mine.id, HostAccounts(("root",)), 8, NOW + 2)
        found = await store.host(mine.id)
        assert found is not None
        assert (found.accounts, found.bundle_version, found.synced_at) == (HostAccounts(("root",)), 8, NOW + 2)
        await store.record(host_recording(HostFacts(WEB.name, (), {"env": "test"}), MINE))
        (again,) = await store.hosts()
        assert (again.accounts, again.labels) == (HostAccounts(("root",)), {"env": "test"})

    run(scenario)


def test_what_a_host_says_of_itself_is_kept_and_two_machines_are_told_apart(run: Run) -> None:
    async def scenario(store: SqlStore) -> None:
        mine = await enrolled(store)
        first = HostAbout(agent="daypass 0.1.0", machine="a" * 64, keys=("SHA256:x",))
        await store.host_synced(mine.id, SAID, 7, NOW + 1, trust_version=3, about=first)
        await store.host_synced(mine.id, SAID, 7, NOW + 2)
        found = await store.host(mine.id)
        assert found is not None
        assert (found.about, found.machines, found.trust_version) == (first, ("a" * 64,), 3)
        assert "host.clone" not in await verified_ledger(store)
        for machine in ("b" * 64, "a" * 64, "b" * 64, ""):
            await store.host_synced(mine.id, SAID, 7, NOW + 3, about=HostAbout(machine=machine))
        (found,) = await store.hosts()
        assert found.machines == ("a" * 64, "b" * 64)
        assert (await verified_ledger(store)).count("host.clone") == 1
        for number in range(20):
            await store.host_synced(mine.id, SAID, 7, NOW + 4, about=HostAbout(machine=f"{number:064}"))
        (found,) = await store.hosts()
        assert len(found.machines) == MAX_MACHINES
        assert (await verified_ledger(store)).count("host.clone") == MAX_MACHINES - 1
        await store.record(host_recording(WEB, MINE))
        (found,) = await store.hosts()
        assert (found.machines, found.about) == ((), None)

    run(scenario)


def test_hosts_come_by_name(run: Run) -> None:
    async def scenario(store: SqlStore) -> None:
        for name in ("b.example.com", "a.example.com"):
            await enrolled(store, HostFacts(name))
        assert [each.name for each in await store.hosts()] == ["a.example.com", "b.example.com"]

    run(scenario)


def test_too_much_and_what_no_database_holds_are_refused(run: Run) -> None:
    async def scenario(store: SqlStore) -> None:
        mine = await enrolled(store)
        with pytest.raises(Invalid):
            await store.host_synced(mine.id, HostAccounts(tuple("a" * MAX_REPORTED + "b")), 1, NOW)
        with pytest.raises(Invalid):
            await store.host_synced(mine.id, HostAccounts(("a\0b",)), 1, NOW)
        with pytest.raises(Invalid):
            await store.host_synced(mine.id, SAID, 1, NOW, about=HostAbout(agent="a\0b"))
        with pytest.raises(NotFound):
            await store.host_synced("0" * 32, SAID, 1, NOW)
        assert (await store.host(mine.id)) == mine

    run(scenario)


async def signed_in(store: SqlStore, login: str, *principals: str, end: int = NOW + 57600) -> int:
    """One certificate; gives its serial."""
    view = await store.view(question(login))
    made = certificate(principals=principals, valid_before=end)
    generation = view.person.generation if view.person else 0
    await store.record(recording(person(login), certificates=[made], generation=generation, policy=POLICY))
    return made.serial


def test_people_are_those_whose_certificates_carry_a_roles_own_principal(run: Run) -> None:
    async def scenario(store: SqlStore) -> None:
        await signed_in(store, "alice", "role:dev:alice", "role:ops")
        await signed_in(store, "alice", "role:db:alice")
        await signed_in(store, "bob", "role:dev")
        await signed_in(store, "carol", "role:dev:alice")
        await signed_in(store, "dave", "role:dev:dave", end=NOW)
        assert await store.people_of(["dev", "db", "ops"], NOW) == [Member("alice", ("db", "dev"), locked=False)]
        assert [each.login for each in await store.people_of(["dev"], NOW - 1)] == ["alice", "dave"]
        assert await store.people_of([], NOW) == []

    run(scenario)


def test_a_pass_that_was_given_up_takes_no_account_away_and_a_lock_is_told(run: Run) -> None:
    async def scenario(store: SqlStore) -> None:
        serial = await signed_in(store, "alice", "role:dev:alice")
        await signed_in(store, "bob", "role:dev:bob")
        await revoke(store, [serial], reason="lost", actor="root", now=NOW)
        who = person("bob")
        await lock_person(store, who.issuer, who.subject, reason="left", actor="root", now=NOW)
        found = await store.people_of(["dev"], NOW)
        assert found == [Member("alice", ("dev",), locked=False), Member("bob", ("dev",), locked=True)]

    run(scenario)
