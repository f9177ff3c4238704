"""Persons on record: found by any identity of theirs, with what their providers said last, and shown as they are."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence

import pytest
from msgspec.structs import replace
from tests.store.build import ISSUER, NOW, person, question, recording
from tests.store.conftest import Scenario, change, opened, rows

from daypass.ca.person_ports import PersonRecord
from daypass.ca.ports import NameTaken, Recorded
from daypass.ca.subject import Subject
from daypass.store import SqlStore

Run = Callable[[Scenario], None]
ALICE = replace(person("alice"), email="alice@example.com", groups=frozenset({"dev"}), claims={"team": "blue"})


def test_a_first_sign_in_keeps_who_it_was_and_what_was_said(run: Run) -> None:
    async def scenario(store: SqlStore) -> None:
        assert await store.record(recording(ALICE)) == Recorded()
        (found,) = await store.people()
        assert (found.id, found.login, found.names, found.locked_at) == (1, "alice", ("alice",), None)
        (identity,) = found.identities
        assert (identity.issuer, identity.subject, identity.provider) == (ISSUER, "alice", "example")
        assert (identity.email, identity.linked_at, identity.linked_by) == ("alice@example.com", NOW, None)
        assert Subject.of_record(identity, found.login) == Subject(
            "example", ISSUER, "alice", ALICE.email, ALICE.groups, {"team": "blue"}, login="alice"
        )
        assert await store.person(found.id) == found

    run(scenario)


def test_the_last_word_of_a_provider_is_kept_also_within_one_batch(run: Run) -> None:
    async def scenario(store: SqlStore) -> None:
        for groups in ({"dev"}, {"dev"}, {"ops"}):
            who = replace(ALICE, groups=frozenset(groups))
            generation = 1 if await store.people() else 0
            assert await store.record(recording(who, generation=generation)) == Recorded()
            assert _groups(await store.people()) == groups
        many = [replace(ALICE, groups=frozenset({str(n)})) for n in range(4)]
        await asyncio.gather(*(store.record(recording(who, generation=1)) for who in many))
        assert _groups(await store.people()) == {"3"}

    run(scenario)


def _groups(found: Sequence[PersonRecord]) -> set[str]:
    facts = found[0].identities[0].facts
    assert facts is not None and len(found) == 1
    return set(facts.groups)


def test_facts_are_written_only_where_they_changed(url: str) -> None:
    async def scenario() -> None:
        async with opened(url) as store:
            await store.record(recording(ALICE))
            change(url, "UPDATE identities SET facts = '{}'")  # with the hash it had
            await store.record(recording(replace(ALICE, claims={"team": "blue", "nonce": "x"}), generation=1))
            assert rows(url, "SELECT facts FROM identities") == [("{}",)]
            await store.record(recording(replace(ALICE, acr="high"), generation=1))
            assert rows(url, "SELECT facts FROM identities") != [("{}",)]

    asyncio.run(scenario())


def test_two_identities_of_one_person_are_one_person(url: str) -> None:
    other = replace(person("a.smith", issuer="https://other"), provider="other")

    async def scenario() -> None:
        async with opened(url) as store:
            await store.record(recording(ALICE))
            link = (
                "INSERT INTO identities (issuer, subject, person_id, provider, linked_at) VALUES (:i, :s, 1, '', 9)"
            )
            change(url, link, i=other.issuer, s=other.subject)
            found = (await store.view(question(other))).person
            assert found is not None
            assert (found.id, found.login, found.subject) == (1, "alice", "a.smith")
            both = [recording(ALICE, generation=1), recording(other, generation=1, claims=("alice", "al"))]
            assert await asyncio.gather(*(store.record(each) for each in both)) == [Recorded()] * 2
            (record,) = await store.people()
            assert record.names == ("al", "alice")
            assert [each.provider for each in record.identities] == ["other", "example"]
            assert rows(url, "SELECT DISTINCT person_id FROM certificates") == [(1,)]

    asyncio.run(scenario())


def test_a_person_of_before_identities_had_facts_gets_them_at_the_next_sign_in(url: str) -> None:
    async def scenario() -> None:
        async with opened(url) as store:
            await store.record(recording(ALICE))
            change(url, "UPDATE identities SET provider = '', email = NULL, facts = NULL, facts_hash = NULL")
            (before,) = await store.people()
            assert before.identities[0].facts is None
            assert Subject.of_record(before.identities[0], "alice").groups == frozenset()
            await store.record(recording(ALICE, generation=1))
            assert _groups(await store.people()) == {"dev"}

    asyncio.run(scenario())


WORDS = {
    "#1": [1],
    "#2": [2],
    "#3": [],
    "#": [],
    "#-1": [],
    "#\u0661": [],
    "#99999999999999999999999": [],
    "alice": [1],
    "Alice": [],
    "alice ": [],
    "al": [1],
    "alice@example.com": [1],
    "ALICE@example.com": [],
    "example:alice": [1],
    "other:alice": [],
    "example:": [],
    ":alice": [],
    "bob": [2],
    "example:bob": [2],
    "": [],
    "%": [],
    "both@example.com": [2, 3],
}


@pytest.mark.parametrize("word", WORDS)
def test_people_are_found_by_exactly_what_they_are_called(run: Run, word: str) -> None:
    async def scenario(store: SqlStore) -> None:
        both = "both@example.com"
        await store.record(recording(ALICE, claims=("alice", "al")))
        await store.record(recording(replace(person("bob"), email=both)))
        assert [each.id for each in await store.find_people(word)] == ([2] if WORDS[word] == [2, 3] else WORDS[word])
        await store.record(recording(replace(person("carol"), email=both)))
        expected = [3] if word == "#3" else WORDS[word]
        assert [each.id for each in await store.find_people(word)] == expected

    run(scenario)


def test_a_refused_name_is_noted_with_who_wanted_it(url: str) -> None:
    mallory = replace(person("mallory"), email="m@example.com")

    async def scenario() -> None:
        async with opened(url) as store:
            await store.record(recording(ALICE))
            for time in (NOW, NOW + 50):
                assert await store.record(recording(mallory, claims=("alice",), time=time)) == NameTaken("alice")
            kept = rows(url, "SELECT subject, name, provider, email, first_at, last_at FROM conflicts")
            assert kept == [("mallory", "alice", "example", "m@example.com", NOW, NOW + 50)]

    asyncio.run(scenario())


def test_of_one_identity_only_the_latest_conflicts_are_kept(url: str) -> None:
    async def scenario() -> None:
        async with opened(url) as store:
            names = tuple(f"n{n}" for n in range(20))
            await store.record(recording(ALICE, claims=names))
            for number, name in enumerate(names):
                await store.record(recording("mallory", claims=(name,), time=NOW + number))
            await store.record(recording("trudy", claims=("n0",)))
            kept = rows(url, "SELECT subject, name FROM conflicts ORDER BY last_at, subject DESC")
            assert kept == [("trudy", "n0"), *(("mallory", f"n{n}") for n in range(12, 20))]

    asyncio.run(scenario())


def test_nobody_gets_a_reserved_name_but_who_may_despite_that(url: str) -> None:
    async def scenario() -> None:
        async with opened(url) as store:
            reserve = "INSERT INTO names (name, claimed_at, reason) VALUES ('git', 1, 'system account on web-1')"
            change(url, reserve)
            refused = NameTaken("git", "system account on web-1")
            assert await store.record(recording("git")) == refused
            may = recording("git", claims=("git", "other"))
            assert await store.record(replace(may, despite=frozenset({"other"}))) == refused
            assert await store.record(replace(may, despite=frozenset({"git"}))) == Recorded()
            assert (await store.find_people("git"))[0].login == "git"
            late = recording(person("git", issuer="https://other"))
            assert await store.record(replace(late, despite=frozenset({"git"}))) == NameTaken("git")

    asyncio.run(scenario())


def test_two_who_may_have_a_reserved_name_do_not_both_get_it(url: str) -> None:
    async def scenario() -> None:
        async with opened(url) as store:
            change(url, "INSERT INTO names (name, claimed_at) VALUES ('git', 1)")
            both = [recording(person("git", issuer=issuer)) for issuer in ("https://one", "https://two")]
            verdicts = await asyncio.gather(
                *(store.record(replace(each, despite=frozenset({"git"}))) for each in both)
            )
            assert sorted(map(str, verdicts)) == [str(NameTaken("git")), str(Recorded())]

    asyncio.run(scenario())


def test_identities_that_are_all_linked_elsewhere_leave_nobody_in_the_list(url: str) -> None:
    async def scenario() -> None:
        async with opened(url) as store:
            await asyncio.gather(store.record(recording("alice")), store.record(recording("bob")))
            change(url, "UPDATE identities SET person_id = 1")
            assert [each.id for each in await store.people()] == [1]
            gone = await store.person(2)
            assert isinstance(gone, PersonRecord) and gone.identities == ()

    asyncio.run(scenario())
