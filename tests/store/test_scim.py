"""What directories say, on record: kept, unique, due until it is dealt with, and looked at by every recording."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import Any

import pytest
from msgspec.structs import replace
from tests.store.build import NOW, person, recording

from daypass.ca.ports import Recorded, Stale
from daypass.ca.scim_ports import GROUP, USER, Entry, Looked, ScimToken
from daypass.errors import Conflict, NotFound
from daypass.store import SqlStore

Run = Callable[[Callable[[SqlStore], Coroutine[Any, Any, None]]], None]
P = "corp"


def user(number: str = "u1", match: str | None = "alice", **more: Any) -> Entry:
    return Entry(type=USER, id=number, name=more.pop("name", number), resource="{}", match=match, **more)


def group(number: str, *members: str, name: str = "") -> Entry:
    return Entry(type=GROUP, id=number, name=name or number, resource="{}", members=members)


async def put(store: SqlStore, entry: Entry, expected: str | None = None, provider: str = P) -> Entry:
    return await store.scim_put(provider, entry, expected=expected, now=NOW)


async def due(store: SqlStore) -> dict[str, frozenset[str]]:
    """Of those that are due, their groups; and then they are settled."""
    found = await store.scim_due(P, 100)
    for provider, each in found:
        await store.scim_settled(provider, each)
    return {each.id: each.groups for _, each in found}


def test_a_user_is_due_until_settled_and_after_every_change_of_access(run: Run) -> None:
    async def scenario(store: SqlStore) -> None:
        made = await put(store, user())
        assert await due(store) == {"u1": frozenset()}
        made = await put(store, replace(made, resource='{"displayName":"A"}'), made.version)
        assert await due(store) == {}
        await put(store, replace(made, active=False), made.version)
        assert list(await due(store)) == ["u1"]
        await store.scim_delete(P, USER, "u1", expected=None, now=NOW)
        assert list(await due(store)) == ["u1"]
        assert await store.scim_find(P, Looked(types=(USER,))) == []

    run(scenario)


def test_what_was_said_meanwhile_stays_due(run: Run) -> None:
    async def scenario(store: SqlStore) -> None:
        made = await put(store, user())
        ((_, before),) = await store.scim_due(P, 1)
        await put(store, replace(made, active=False), made.version)
        await store.scim_settled(P, before)
        assert list(await due(store)) == ["u1"]

    run(scenario)


def test_groups_within_groups_concern_everybody_below(run: Run) -> None:
    async def scenario(store: SqlStore) -> None:
        for number in ("u1", "u2"):
            await put(store, user(number, number))
        await put(store, group("inner", "u1"))
        outer = await put(store, group("outer", "inner", "u2"))
        assert await due(store) == {"u1": {"inner", "outer"}, "u2": {"outer"}}
        await put(store, replace(outer, name="renamed"), outer.version)
        assert await due(store) == {"u1": {"inner", "renamed"}, "u2": {"renamed"}}
        await store.scim_delete(P, GROUP, "outer", expected=None, now=NOW)
        assert await due(store) == {"u1": {"inner"}, "u2": frozenset()}

    run(scenario)


def test_groups_in_a_ring_end(run: Run) -> None:
    async def scenario(store: SqlStore) -> None:
        await put(store, user())
        await put(store, group("a", "b", "u1"))
        await put(store, group("b", "a"))
        assert (await due(store))["u1"] == {"a", "b"}

    run(scenario)


def test_many_users_are_told_the_same_groups_as_few(run: Run) -> None:
    async def scenario(store: SqlStore) -> None:
        for each in range(25):
            await put(store, user(f"u{each}", f"m{each}"))
        await put(store, group("inner", "u3", "u4"))
        await put(store, group("outer", "inner"))
        found = {each.id: each.groups for each in await store.scim_find(P, Looked(types=(USER,)))}
        assert found["u3"] == (("inner", "inner"), ("outer", "outer"))
        assert found["u9"] == ()
        one = await store.scim_find(P, Looked(types=(USER,), id="u3"))
        assert one[0].groups == found["u3"]

    run(scenario)


@pytest.mark.parametrize(
    ("what", "second"), [("name", user("u2", "other", name="u1")), ("match", user("u2", "alice"))]
)
def test_a_name_and_a_match_are_one_users_alone(run: Run, what: str, second: Entry) -> None:
    async def scenario(store: SqlStore) -> None:
        await put(store, user())
        with pytest.raises(Conflict) as caught:
            await put(store, second)
        assert caught.value.code == "scim.taken"
        await put(store, second, provider="another")  # whose directory is another space

    run(scenario)


def test_an_old_version_changes_nothing(run: Run) -> None:
    async def scenario(store: SqlStore) -> None:
        made = await put(store, user())
        await put(store, replace(made, active=False), made.version)
        with pytest.raises(Conflict):
            await put(store, replace(made, active=True), made.version)
        with pytest.raises(Conflict):
            await store.scim_delete(P, USER, "u1", expected=made.version, now=NOW)
        with pytest.raises(NotFound):
            await put(store, user("u9"), "")

    run(scenario)


def test_only_who_is_active_is_vouched_for(run: Run) -> None:
    async def scenario(store: SqlStore) -> None:
        assert await store.scim_vouched(P, "alice") is None
        made = await put(store, user())
        await put(store, group("dba", "u1"))
        said = await store.scim_vouched(P, "alice")
        assert said is not None and said.groups == {"dba"}
        await put(store, replace(made, active=False), made.version)
        assert await store.scim_vouched(P, "alice") is None
        assert await store.scim_vouched("another", "alice") is None

    run(scenario)


@pytest.mark.parametrize("change", ["out", "group", "deleted", "nothing"])
def test_a_recording_on_what_the_directory_says_no_more_is_decided_again(run: Run, change: str) -> None:
    async def scenario(store: SqlStore) -> None:
        made = await put(store, user())
        said = await store.scim_vouched(P, "alice")
        match change:
            case "out":
                await put(store, replace(made, active=False), made.version)
            case "group":
                await put(store, group("dba", "u1"))
            case "deleted":
                await store.scim_delete(P, USER, "u1", expected=None, now=NOW)
        verdict = await store.record(replace(recording("alice"), vouched=said))
        assert isinstance(verdict, Recorded if change == "nothing" else Stale)

    run(scenario)


CASES = [("sub", "alice", ["alice"]), ("email", "alice@example.com", ["alice"]), ("claim:oid", "0-1", ["alice"]),
         ("claim:oid", "0-", []), ("sub", "Alice", []), ("claim:other", "0-1", [])]  # fmt: skip


@pytest.mark.parametrize(("side", "match", "meant"), CASES)
def test_a_user_means_who_signs_in_as_that(run: Run, side: str, match: str, meant: list[str]) -> None:
    async def scenario(store: SqlStore) -> None:
        alice = replace(person("alice"), email="Alice@example.com", claims={"oid": "0-1", "x": "0-1"})
        bob = replace(person("bob"), email="bob@example.com", claims={"oid": ["0-1", "0-2"]})
        for each in (alice, bob):
            assert isinstance(await store.record(recording(each)), Recorded)
        found = await store.scim_people("example", side, match)
        assert [each.identity.subject for each in found] == meant
        assert await store.scim_people("another", side, match) == []

    run(scenario)


def test_a_token_is_made_used_and_revoked_once(run: Run) -> None:
    async def scenario(store: SqlStore) -> None:
        token = ScimToken(id="ab" * 6, provider=P, secret_hash=b"h" * 32, created_by="uid:0", expires_at=NOW + 60)
        await store.add_scim_token(token, now=NOW)
        await store.use_scim_token(token.id, now=NOW + 1)
        for later in (2, 3):
            await store.revoke_scim_token(token.id, reason="test", actor="uid:0", now=NOW + later)
        found = await store.scim_token(token.id)
        assert found is not None and (found.used_at, found.revoked_at) == (NOW + 1, NOW + 2)
        acts = [row.act for row in await store.ledger(0, 100) if row.act.startswith("scim.")]
        assert acts == ["scim.token.create", "scim.token.revoke"]
        with pytest.raises(NotFound):
            await store.revoke_scim_token("nope", reason="test", actor="uid:0", now=NOW)

    run(scenario)
