"""The contract for holders of certificates: what is theirs, given up once, renewed while live (trust 4.2, 5.1)."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable

import pytest
from msgspec.structs import replace
from tests.store.build import (
    HOST,
    NOW,
    certificate,
    host_recording,
    key,
    person,
    question,
    recording,
    verified_ledger,
)
from tests.store.conftest import Scenario, change
from tests.store.ends import revoke

from daypass.ca.ports import OnRecord, Owner, Recorded, Recording, Stale, Verdict
from daypass.errors import Invalid, NotFound, Unauthenticated
from daypass.model import HostFacts, OnceId
from daypass.store import SqlStore
from daypass.wire import CertType, PublicKey

Run = Callable[[Scenario], None]
WEB = HostFacts("web-1.example.com", ("www.example.com",), {"env": "prod"})
ONCE = OnceId("sshpop", "jti")


def renewal(
    of: int, *, once: str, public: PublicKey, names: tuple[str, ...] = (WEB.name,), time: int = NOW
) -> Recording:
    made = certificate(public_key=public, kind=CertType.HOST, principals=names)
    base = recording(HOST, once=once, claims=(), certificates=(made,), time=time)
    return replace(base, host=HostFacts(WEB.name), renews=of)


async def serial_of(store: SqlStore, facts: HostFacts, public: PublicKey) -> int:
    made = host_recording(facts, public)
    assert await store.record(made) == Recorded()
    return made.certificates[0].serial


async def give_up(store: SqlStore, serial: int, once: tuple[OnceId, int] | None = None) -> bool:
    return await store.give_up(serial, reason="lost", actor="me", details={"more": 1}, now=NOW, once=once)


def test_a_certificate_on_record_says_whose_it_is(run: Run) -> None:
    async def scenario(store: SqlStore) -> None:
        mine, host = recording("alice"), host_recording(WEB)
        await store.record(mine)
        await store.record(host)
        found = await store.on_record(mine.certificates[0].serial)
        assert found is not None and found.owner is not None
        assert found.owner == Owner(found.owner.id, person().issuer, "alice", "alice", locked=False)
        (cert,) = mine.certificates
        times = (cert.valid_after, cert.valid_before, None)
        assert found == OnRecord(cert.serial, cert.key_id, cert.encode(), cert.principals, *times, found.owner)
        server = await store.on_record(host.certificates[0].serial)
        record = (await store.view(question(HOST, host=WEB.name))).host
        assert server is not None and record is not None
        assert (server.owner, server.host) == (None, record.id)

    run(scenario)


@pytest.mark.parametrize("serial", [0, -1, 10**9, 2**63 - 1, 2**63, 2**64 - 1])
def test_a_serial_that_is_on_no_record_gives_nothing(run: Run, serial: int) -> None:
    async def scenario(store: SqlStore) -> None:
        assert await store.on_record(serial) is None
        with pytest.raises(NotFound):
            await give_up(store, serial)

    run(scenario)


def test_a_removed_host_s_certificate_is_nobody_s(run: Run, url: str) -> None:
    async def scenario(store: SqlStore) -> None:
        serial = await serial_of(store, WEB, key())
        change(url, "UPDATE hosts SET removed_at = 1")
        found = await store.on_record(serial)
        assert found is not None and (found.owner, found.host) == (None, None)

    run(scenario)


def test_a_person_s_certificates_come_newest_first_and_are_nobody_else_s(run: Run) -> None:
    async def scenario(store: SqlStore) -> None:
        made = [recording("alice", time=NOW + at) for at in range(3)]
        made.append(recording("alice", certificates=(certificate(valid_before=NOW - 1),), time=NOW + 9))
        for each in (*made, recording("bob"), host_recording(WEB)):
            assert await store.record(each) == Recorded()
        serials = [each.certificates[0].serial for each in made]
        await revoke(store, [serials[1]], reason="lost", actor="root", now=NOW + 5)
        found = await store.on_record(serials[0])
        assert found is not None and found.owner is not None
        mine = await store.certificates_of(found.owner.id, NOW)
        assert [(each.serial, each.revoked_at) for each in mine] == [
            (serials[2], None), (serials[1], NOW + 5), (serials[0], None),
        ]  # fmt: skip
        assert await store.certificates_of(found.owner.id + 999, NOW) == []

    run(scenario)


def test_giving_up_revokes_raises_the_generation_and_stands_in_the_ledger(run: Run) -> None:
    async def scenario(store: SqlStore) -> None:
        mine = recording("alice")
        await store.record(mine)
        assert await give_up(store, mine.certificates[0].serial)
        found = await store.on_record(mine.certificates[0].serial)
        assert found is not None and found.revoked_at == NOW
        who = (await store.view(question("alice"))).person
        assert who is not None and who.generation == 2
        (*_, last) = await store.ledger(0, 100)
        entry = json.loads(last.entry)
        assert (entry["act"], entry["actor"], entry["reason"], entry["more"]) == (
            "certificate.revoke",
            "me",
            "lost",
            1,
        )
        assert await store.record(recording("alice", generation=1)) == Stale()  # trust 3.5: decided on before

    run(scenario)


def test_giving_up_twice_or_at_once_counts_once(run: Run) -> None:
    async def scenario(store: SqlStore) -> None:
        mine = recording("alice")
        await store.record(mine)
        serial = mine.certificates[0].serial
        before = len(await verified_ledger(store))
        results = await asyncio.gather(*(give_up(store, serial) for _ in range(5)))
        assert sorted(results) == [False] * 4 + [True]
        assert len(await verified_ledger(store)) == before + 1

    run(scenario)


def test_the_id_of_a_token_that_revokes_is_spent_with_it(run: Run) -> None:
    async def scenario(store: SqlStore) -> None:
        one, other = await serial_of(store, WEB, key()), await serial_of(store, HostFacts("db-1.example.com"), key())
        assert await give_up(store, one, (ONCE, NOW + 600))
        with pytest.raises(Unauthenticated, match="used before"):
            await give_up(store, other, (ONCE, NOW + 600))
        found = await store.on_record(other)
        assert found is not None and found.revoked_at is None
        with pytest.raises(NotFound):
            await give_up(store, 10**9, (OnceId("sshpop", "free"), NOW + 600))
        assert await store.spend(OnceId("sshpop", "free"), expires=NOW + 600, now=NOW)  # nothing of it was kept

    run(scenario)


def test_details_can_not_overwrite_what_every_entry_says(run: Run) -> None:
    async def scenario(store: SqlStore) -> None:
        with pytest.raises(Invalid):
            await store.give_up(1, reason="", actor="me", details={"actor": "root"}, now=NOW)
        with pytest.raises(Invalid):
            await store.give_up(1, reason="a\0b", actor="me", details={}, now=NOW)

    run(scenario)


def test_a_nonce_is_spent_once_and_forgotten_when_it_could_pass_no_more(run: Run) -> None:
    """The database does not grow, though nobody signs in meanwhile."""

    async def scenario(store: SqlStore) -> None:
        nonces = [OnceId("pass", f"1.{at:032x}") for at in range(50)]
        for nonce in nonces:
            assert await store.spend(nonce, expires=NOW + 120, now=NOW)
            assert not await store.spend(nonce, expires=NOW + 120, now=NOW)
        results = await asyncio.gather(
            *(store.spend(OnceId("pass", "x"), expires=NOW + 120, now=NOW) for _ in range(5))
        )
        assert sorted(results) == [False] * 4 + [True]
        assert await store.spend(OnceId("pass", "later"), expires=NOW + 300, now=NOW + 121)
        assert await store.forget_expired(NOW + 121) == 0  # all gone by then
        assert await store.spend(nonces[0], expires=NOW + 300, now=NOW + 121)

    run(scenario)


def test_a_live_certificate_of_the_host_is_renewed_and_the_record_stays(run: Run) -> None:
    async def scenario(store: SqlStore) -> None:
        mine, second = key(), key()
        made = host_recording(WEB, mine, second)
        await store.record(made)
        before = (await store.view(question(HOST, host=WEB.name))).host
        assert before is not None
        serial = made.certificates[0].serial
        assert (
            await store.record(renewal(serial, once="r", public=mine, names=(WEB.name, WEB.aliases[0]))) == Recorded()
        )
        after = (await store.view(question(HOST, host=WEB.name))).host
        assert after is not None and replace(after, keys=before.keys) == before
        assert set(after.keys) == set(before.keys)
        entry = json.loads((await store.ledger(0, 100))[-1].entry)
        assert (entry["act"], entry["renews"]) == ("certificate.issue", serial)

    run(scenario)


def test_the_old_key_s_word_moves_the_name_to_another_key(run: Run) -> None:
    """Trust 5.1. The other keys of the host stay."""

    async def scenario(store: SqlStore) -> None:
        mine, second, fresh = key(), key(), key()
        made = host_recording(WEB, mine, second)
        await store.record(made)
        told = (("host.rekey", {"to": fresh.fingerprint}),)
        moved = replace(renewal(made.certificates[0].serial, once="r", public=fresh), events=told)
        assert await store.record(moved) == Recorded()
        after = (await store.view(question(HOST, host=WEB.name))).host
        assert after is not None and set(after.keys) == {second.blob, fresh.blob}
        assert (await verified_ledger(store))[-2:] == ["certificate.issue", "host.rekey"]
        assert await store.record(host_recording(WEB, fresh, once="again")) == Recorded()

    run(scenario)


async def revoked(store: SqlStore, serial: int) -> Verdict:
    await revoke(store, [serial], reason="stolen", actor="root", now=NOW)
    return await store.record(renewal(serial, once="r", public=key()))


async def expired(store: SqlStore, serial: int) -> Verdict:
    return await store.record(renewal(serial, once="r", public=key(), time=NOW + 57600))


async def unknown(store: SqlStore, serial: int) -> Verdict:
    return await store.record(renewal(serial + 10**6, once="r", public=key()))


async def wider(store: SqlStore, serial: int) -> Verdict:
    return await store.record(renewal(serial, once="r", public=key(), names=(WEB.name, "db-1.example.com")))


async def person_s(store: SqlStore, _serial: int) -> Verdict:
    mine = recording("alice")
    await store.record(mine)
    return await store.record(renewal(mine.certificates[0].serial, once="r", public=key()))


@pytest.mark.parametrize("sin", [revoked, expired, unknown, wider, person_s])
def test_what_is_not_live_or_not_the_host_s_renews_nothing(
    run: Run, sin: Callable[[SqlStore, int], asyncio.Future[Verdict]]
) -> None:
    """Looked at under the lock: a revocation that races a renewal ends without access."""

    async def scenario(store: SqlStore) -> None:
        serial = await serial_of(store, WEB, key())
        assert await sin(store, serial) == Stale()
        assert (await store.view(question(HOST, once="r"))).spent is None

    run(scenario)


def test_a_key_is_known_by_the_hosts_that_live_with_it(run: Run) -> None:
    async def scenario(store: SqlStore) -> None:
        mine = key()
        serial = await serial_of(store, WEB, mine)
        record = (await store.view(question(HOST, host=WEB.name))).host
        assert record is not None
        assert await store.hosts_with_key(mine.blob, NOW) == {record.id}
        assert (
            await store.hosts_with_key(key().blob, NOW) == await store.hosts_with_key(mine.blob, NOW + 57600) == set()
        )
        await revoke(store, [serial], reason="stolen", actor="root", now=NOW)
        assert await store.hosts_with_key(mine.blob, NOW) == set()

    run(scenario)
