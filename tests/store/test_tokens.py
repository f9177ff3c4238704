"""The contract for join tokens: what is on record of them, and how often each may be used."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable

import pytest
from msgspec.structs import replace
from tests.store.build import HOST, NOW, certificate, host_recording, key, question, verified_ledger
from tests.store.conftest import Scenario, opened

from daypass.ca.ports import NameTaken, OnRecord, Recorded, Recording, Stale, UsedUp, Verdict
from daypass.ca.token_ports import JoinToken, Terms
from daypass.errors import Conflict, Invalid, NotFound
from daypass.model import HostFacts, Joining
from daypass.store import SqlStore
from daypass.wire import CertType, PublicKey

Run = Callable[[Scenario], None]
TERMS = Terms(("web-*.example.com",), ("10.0.0.0/8",), 10, "f" * 32)
TOKEN = JoinToken(
    id="abc",
    secret_hash=b"h" * 32,
    facts=HostFacts("web-1.example.com", ("w1",), {"env": "prod"}, ("10.0.0.7",)),
    created_by="root",
    expires_at=NOW + 3600,
    labels={"x": "y"},
    terms=TERMS,
    created_at=NOW,
)
SEVERAL = JoinToken("many", b"h" * 32, HostFacts(""), "root", NOW + 3600, terms=Terms(("*",), (), 10), created_at=NOW)
WEB = HostFacts("web-1.example.com")


def joining(name: str, *keys: PublicKey, by: str = SEVERAL.id, **how: object) -> Recording:
    made = host_recording(HostFacts(name), *keys)
    return replace(made, joins=Joining(by, **how))  # type: ignore[arg-type]


async def host_id(store: SqlStore, name: str) -> str | None:
    found = (await store.view(question(HOST, host=name))).host
    return found.id if found else None


async def used(store: SqlStore) -> int:
    found = await store.join_token(SEVERAL.id)
    assert found is not None
    return found.uses


async def details(store: SqlStore, act: str) -> list[dict[str, object]]:
    return [json.loads(row.entry) for row in await store.ledger(0, 1000) if row.act == act]


def test_a_join_token_comes_back_as_it_was_given_and_leaves_no_secret_in_the_ledger(run: Run) -> None:
    async def scenario(store: SqlStore) -> None:
        await store.add_join_token(TOKEN, now=NOW)
        assert await store.join_token("abc") == TOKEN
        assert await store.join_token("abd") is None
        (row,) = await store.ledger(1, 5)
        assert row.act == "token.create"
        assert (b"h" * 32).hex().encode() not in row.entry
        entry = json.loads(row.entry)
        assert (entry["patterns"], entry["networks"], entry["max_uses"]) == (
            ["web-*.example.com"],
            ["10.0.0.0/8"],
            10,
        )
        with pytest.raises(Conflict):
            await store.add_join_token(TOKEN, now=NOW)

    run(scenario)


def test_tokens_that_can_still_be_used_come_newest_first(run: Run) -> None:
    async def scenario(store: SqlStore) -> None:
        await store.add_join_token(TOKEN, now=NOW)
        await store.add_join_token(replace(SEVERAL, expires_at=NOW + 60), now=NOW + 1)
        assert [each.id for each in await store.join_tokens(NOW)] == ["many", "abc"]
        assert [each.id for each in await store.join_tokens(NOW + 60)] == ["abc"]

    run(scenario)


def test_revoking_tokens_is_all_or_none_and_keeps_its_first_time(run: Run) -> None:
    async def scenario(store: SqlStore) -> None:
        await store.add_join_token(TOKEN, now=NOW)
        await store.add_join_token(SEVERAL, now=NOW)
        with pytest.raises(NotFound):
            await store.revoke_join_tokens(["abc", "nope"], reason="lost", actor="root", now=NOW + 1)
        assert [each.revoked_at for each in await store.join_tokens(NOW)] == [None, None]
        await store.revoke_join_tokens(["abc"], reason="lost", actor="root", now=NOW + 2)
        await store.revoke_join_tokens(["abc", "many"], reason="lost", actor="root", now=NOW + 3)
        assert {each.id: each.revoked_at for each in await store.join_tokens(NOW)} == {
            "abc": NOW + 2,
            "many": NOW + 3,
        }
        first, _ = await details(store, "token.revoke")
        assert (first["tokens"], first["reason"], first["actor"]) == (["abc"], "lost", "root")
        with pytest.raises(Invalid):
            await store.revoke_join_tokens(["a\0b"], reason="lost", actor="root", now=NOW)

    run(scenario)


def test_a_token_of_ten_uses_lets_exactly_ten_of_many_in_through_two_processes(url: str) -> None:
    async def scenario() -> None:
        async with opened(url) as one, opened(url) as two:
            await one.add_join_token(SEVERAL, now=NOW)
            asked = [joining(f"web-{number}.example.com") for number in range(200)]
            stores = [one, two] * 100
            verdicts = await asyncio.gather(*(at.record(each) for at, each in zip(stores, asked, strict=True)))
            assert {kind: verdicts.count(kind()) for kind in (Recorded, UsedUp)} == {Recorded: 10, UsedUp: 190}
            assert await used(two) == 10
            assert len(await one.hosts()) == 10
            for each, verdict in zip(asked, verdicts, strict=True):
                spent = (await one.view(question(HOST, once=each.once.id))).spent
                assert (spent is not None) == (verdict == Recorded())
            assert (await verified_ledger(one)).count("certificate.issue") == 10

    asyncio.run(scenario())


@pytest.mark.parametrize(
    ("token", "time"),
    [("nope", NOW), ("many", NOW + 3600)],
    ids=["one that is not on record", "one that has expired"],
)
def test_a_use_is_counted_only_of_a_token_that_is_good(run: Run, token: str, time: int) -> None:
    async def scenario(store: SqlStore) -> None:
        await store.add_join_token(SEVERAL, now=NOW)
        assert await store.record(replace(joining(WEB.name, by=token), time=time)) == UsedUp()
        assert await used(store) == 0
        assert await store.hosts() == []

    run(scenario)


def test_a_token_revoked_between_look_and_record_lets_nobody_in(run: Run) -> None:
    async def scenario(store: SqlStore) -> None:
        await store.add_join_token(SEVERAL, now=NOW)
        await store.revoke_join_tokens(["many"], reason="lost", actor="root", now=NOW)
        assert await store.record(joining(WEB.name)) == UsedUp()

    run(scenario)


def test_a_host_that_loses_its_name_costs_no_use(run: Run) -> None:
    async def scenario(store: SqlStore) -> None:
        await store.add_join_token(SEVERAL, now=NOW)
        await store.record(host_recording(WEB))
        assert await store.record(joining(WEB.name)) == NameTaken(WEB.name)
        assert await used(store) == 0

    run(scenario)


def test_a_proposed_name_is_nobodys_with_a_live_certificate_not_even_the_same_keys(run: Run) -> None:
    """Else a host with few labels could have those of a token that is for others."""

    async def scenario(store: SqlStore) -> None:
        mine = key()
        await store.add_join_token(SEVERAL, now=NOW)
        await store.record(host_recording(HostFacts(WEB.name, ("www.example.com",)), mine))
        assert await store.record(joining(WEB.name, mine, patterns=("w*",))) == NameTaken(WEB.name)
        assert await store.record(joining("www.example.com", patterns=("w*",))) == NameTaken("www.example.com")
        assert await store.record(joining(WEB.name, mine)) == Recorded()

    run(scenario)


def test_an_alias_is_nobodys_name_though_nothing_of_its_host_lives(run: Run) -> None:
    async def scenario(store: SqlStore) -> None:
        await store.add_join_token(SEVERAL, now=NOW)
        await store.record(host_recording(HostFacts(WEB.name, ("www.example.com",)), valid_before=NOW))
        before = await host_id(store, WEB.name)
        assert await store.record(joining("www.example.com", patterns=("w*",))) == NameTaken("www.example.com")
        assert await store.record(joining("www.example.com")) == NameTaken("www.example.com")
        assert (await host_id(store, "www.example.com"), await used(store)) == (before, 0)

    run(scenario)


def test_an_autoscaled_name_is_another_host_s_once_nothing_of_the_one_before_lives(run: Run) -> None:
    async def scenario(store: SqlStore) -> None:
        await store.add_join_token(SEVERAL, now=NOW)
        await store.record(host_recording(WEB, valid_before=NOW))
        before = await host_id(store, WEB.name)
        assert await store.record(joining(WEB.name, patterns=("w*",), address="10.0.0.9")) == Recorded()
        after = await host_id(store, WEB.name)
        assert before != after
        (only,) = await store.hosts()
        assert (only.id, only.enrolled_from) == (after, "10.0.0.9")
        (told,) = await details(store, "host.replace")
        assert (told["host"], told["replaces"], told["serials"]) == (after, before, [])

    run(scenario)


def test_a_replacement_revokes_what_the_host_before_it_held_and_takes_its_names(run: Run) -> None:
    async def scenario(store: SqlStore) -> None:
        await store.add_join_token(SEVERAL, now=NOW)
        old = host_recording(HostFacts(WEB.name, ("www.example.com",)), key(), key())
        await store.record(old)
        before = await host_id(store, WEB.name)
        assert await store.record(joining(WEB.name, replaces=before)) == Recorded()
        after = await host_id(store, WEB.name)
        assert after != before
        assert await host_id(store, "www.example.com") is None
        serials = [each.serial for each in old.certificates]
        assert [(await found(store, each)).revoked_at for each in serials] == [NOW, NOW]
        assert (await found(store, serials[0])).host is None
        (told,) = await details(store, "host.replace")
        assert (told["replaces"], told["serials"]) == (before, serials)
        assert (await verified_ledger(store))[-3:] == ["certificate.issue", "host.replace", "certificate.revoke"]
        assert [each["serials"] for each in await details(store, "certificate.revoke")] == [serials]

    run(scenario)


@pytest.mark.parametrize("name", ["db-1.example.com", "www.example.com"])
def test_a_replacement_takes_no_other_host_s_name(run: Run, name: str) -> None:
    async def scenario(store: SqlStore) -> None:
        await store.add_join_token(SEVERAL, now=NOW)
        await store.record(host_recording(WEB))
        await store.record(host_recording(HostFacts("db-1.example.com", ("www.example.com",))))
        before = await host_id(store, WEB.name)
        assert await store.record(joining(name, replaces=before)) == NameTaken(name)
        assert len(await store.hosts()) == 2
        assert "host.replace" not in await verified_ledger(store)

    run(scenario)


def test_a_renewal_beside_its_replacement_leaves_nothing_live(run: Run) -> None:
    """In one transaction or in two, whichever comes first."""

    async def scenario(store: SqlStore) -> None:
        await store.add_join_token(SEVERAL, now=NOW)
        mine = key()
        old = host_recording(WEB, mine)
        await store.record(old)
        before = await host_id(store, WEB.name)
        renewing = replace(host_recording(WEB, mine), renews=old.certificates[0].serial)
        taking = joining(WEB.name, replaces=before)
        verdicts: list[Verdict] = list(await asyncio.gather(store.record(renewing), store.record(taking)))
        if verdicts[1] == Stale():
            verdicts[1] = await store.record(taking)
        assert verdicts[1] == Recorded()
        (only,) = await store.hosts()
        assert only.id != before
        for each in (old, renewing) if verdicts[0] == Recorded() else (old,):
            assert (await found(store, each.certificates[0].serial)).revoked_at is not None

    run(scenario)


def test_addresses_stay_with_the_host(run: Run) -> None:
    async def scenario(store: SqlStore) -> None:
        made = certificate(kind=CertType.HOST, principals=(WEB.name,))
        facts = HostFacts(WEB.name, addresses=("10.0.0.7",))
        await store.record(replace(host_recording(facts), certificates=(made,)))
        (only,) = await store.hosts()
        assert only.addresses == ("10.0.0.7",)
        record = (await store.view(question(HOST, host=WEB.name))).host
        assert record is not None
        assert record.addresses == ("10.0.0.7",)

    run(scenario)


async def found(store: SqlStore, serial: int) -> OnRecord:
    record = await store.on_record(serial)
    assert record is not None
    return record
