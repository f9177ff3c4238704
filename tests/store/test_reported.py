"""What hosts report of their system accounts: names kept from everybody, and what a hostile host can't do by it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from tests.store.build import ISSUER, NOW, host_recording, recording, verified_ledger
from tests.store.conftest import Scenario
from tests.store.ends import revoke

from daypass.ca.host_ports import HostAccounts
from daypass.ca.person_ports import NewIdentity
from daypass.ca.ports import NameTaken, Recorded
from daypass.errors import Conflict
from daypass.model import HostFacts
from daypass.store import SqlStore
from daypass.store.reported import MAX_KEPT

Run = Callable[[Scenario], None]
SAID: Any = {"reason": "she asked", "actor": "uid:0", "now": NOW}
GIT = NewIdentity("example", ISSUER, "git")


async def enrolled(store: SqlStore, name: str = "web-1") -> str:
    await store.record(host_recording(HostFacts(name)))
    return next(each.id for each in await store.hosts() if each.name == name)


def test_names_of_system_accounts_are_reserved_as_far_as_nobody_has_them(run: Run) -> None:
    async def scenario(store: SqlStore) -> None:
        await store.record(recording("bob"))
        await store.record(host_recording(HostFacts("web-1")))
        (host,) = await store.hosts()
        for system in (("git", "bob", "Not-A-Login", "x" * 40), ("git", "bob"), ("git", "bob", "jenkins")):
            await store.host_synced(host.id, HostAccounts(system, ("carol",)), 1, NOW)
        assert [each.name for each in await store.reserved_names()] == ["git", "jenkins"]
        assert await store.record(recording("git")) == NameTaken("git", "system account on web-1")
        assert (await store.people())[0].names == ("bob",)
        acts = await verified_ledger(store)
        assert (acts.count("name.reserve"), acts.count("name.clash")) == (2, 1)
        with pytest.raises(Conflict) as caught:
            await store.reserve("git", NewIdentity("example", ISSUER, "git"), **SAID)
        assert "a role whose emails list git@… gives it to that person" in (caught.value.hint or "")

    run(scenario)


async def report(store: SqlStore, host: str, *system: str) -> None:
    await store.host_synced(host, HostAccounts(system), 1, NOW)


def test_a_hostile_host_keeps_a_bounded_number_of_names_from_people(run: Run) -> None:
    """It may say something else at every call, and wants everybody's future name."""

    async def scenario(store: SqlStore) -> None:
        host = await enrolled(store)
        for turn in range(8):
            await report(store, host, *(f"u{turn}-{number}" for number in range(MAX_KEPT // 4)))
        kept = await store.reserved_names()
        assert len(kept) == MAX_KEPT and {each.reason for each in kept} == {"system account on web-1"}
        assert await store.record(recording("u7-0")) == Recorded()
        assert (await verified_ledger(store)).count("name.reserve") == 4
        entries = [row.entry for row in await store.ledger(0, 100) if row.act == "name.reserve"]
        assert all(len(entry) < 1000 and b'"count":125' in entry for entry in entries)
        other = await enrolled(store, "web-2")
        await report(store, other, "u7-1")
        assert await store.record(recording("u7-1")) == NameTaken("u7-1", "system account on web-2")

    run(scenario)


def test_a_host_that_goes_beyond_its_bound_is_told_of(run: Run) -> None:
    async def scenario(store: SqlStore) -> None:
        await report(store, await enrolled(store), *(f"u{number}" for number in range(MAX_KEPT + 1)))
        (entry,) = [row.entry for row in await store.ledger(0, 100) if row.act == "name.reserve"]
        assert b'"refused":"more than 500 names of one host are not kept"' in entry

    run(scenario)


def test_an_operator_gives_a_name_that_no_live_host_reports(run: Run) -> None:
    """The way out: the hostile host's certificate is revoked, or it says something else by now."""

    async def scenario(store: SqlStore) -> None:
        host = await enrolled(store)
        (found,) = await store.hosts()
        await report(store, host, "git", "smith")
        with pytest.raises(Conflict):
            await store.reserve("git", GIT, **SAID)
        await report(store, host, "smith")
        assert await store.reserve("git", GIT, **SAID) == 1
        with pytest.raises(Conflict):
            await store.reserve("smith", NewIdentity("example", ISSUER, "smith"), **SAID)
        assert found.live_until > NOW
        late = SAID | {"now": found.live_until}
        assert await store.reserve("smith", NewIdentity("example", ISSUER, "smith"), **late) == 2
        assert await store.record(recording("smith", generation=2)) == Recorded()

    run(scenario)


def test_the_word_of_a_host_whose_certificates_are_revoked_keeps_no_name(run: Run) -> None:
    async def scenario(store: SqlStore) -> None:
        made = host_recording(HostFacts("web-1"))
        await store.record(made)
        (host,) = await store.hosts()
        await report(store, host.id, "git")
        await revoke(store, [made.certificates[0].serial], reason="broken into", actor="uid:0", now=NOW)
        assert await store.reserve("git", GIT, **SAID) == 1

    run(scenario)
