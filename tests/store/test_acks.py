"""The contract for hosts' answers: the newest word of each, told of the endings that it is about."""

from __future__ import annotations

import pytest
from tests.store.build import NOW, certificate, question, recording, verified_ledger
from tests.store.test_known_hosts import Run, enrolled

from daypass.ca.ack_ports import (
    ANSWERED,
    FINAL,
    SOME,
    AckRecord,
    BrokenIn,
    Closed,
    GoneRecord,
    Limit,
    Looked,
    Remains,
    Said,
    Session,
    Sessions,
)
from daypass.ca.ending_ports import Ending, Source
from daypass.ca.ports import Recorded
from daypass.errors import NotFound
from daypass.model import HostFacts
from daypass.store import SqlStore
from daypass.wire import Certificate

ALICE = Session(id="0" * 12, account="alice", address="192.0.2.1", since=NOW, way="certificate", serial=1)


async def somebody(store: SqlStore, *serials: int) -> tuple[int, Certificate]:
    """A person with these certificates, and the first of them."""
    made = [certificate(serial=serial) for serial in serials]
    assert await store.record(recording("alice", certificates=made)) == Recorded()
    person = (await store.view(question("alice"))).person
    assert person is not None
    return person.id, made[0]


async def gone(store: SqlStore, person: int, **changes: object) -> str:
    asked = {"source": Source.OPERATOR, "actor": "uid:0", "reason": "left", "about": "alice", "gone": True} | changes
    return (await store.end(Ending(**asked, persons=(person,)), now=NOW)).id  # type: ignore[arg-type]


def of(certificate: Certificate, **changes: object) -> Session:
    asked = {"serial": certificate.serial, "ca": certificate.signature_key.fingerprint} | changes
    return Session(**({each: getattr(ALICE, each) for each in ALICE.__struct_fields__} | asked))


def said(host: str, **told: object) -> Said:
    return Said(**({"host": host, "bundle_version": 1, "krl_version": 1} | told))  # type: ignore[arg-type]


def test_the_newest_word_of_a_host_takes_the_place_of_the_last(run: Run) -> None:
    async def scenario(store: SqlStore) -> None:
        mine = await enrolled(store)
        for version in (5, 7, 6):
            await store.host_acked(said(mine.id, bundle_version=version, krl_version=2 * version), NOW + version)
        assert await store.acks() == {mine.id: AckRecord(6, 12, NOW + 6)}

    run(scenario)


def test_open_sessions_stay_until_the_host_says_others(run: Run) -> None:
    async def scenario(store: SqlStore) -> None:
        mine = await enrolled(store)
        for sessions, wanted in (((ALICE,), (ALICE,)), (None, (ALICE,)), ((), ())):
            await store.host_acked(said(mine.id, sessions=sessions), NOW)
            assert await store.open_sessions() == ([Sessions(mine.id, mine.name, NOW, wanted)] if wanted else [])

    run(scenario)


def test_a_closed_session_is_told_of_the_ending_that_took_its_certificate(run: Run) -> None:
    async def scenario(store: SqlStore) -> None:
        mine, (alice, held) = await enrolled(store), await somebody(store, 1, 2)
        ending = await gone(store, alice)
        for ca, wanted in (("SHA256:another", 0), (held.signature_key.fingerprint, 1)):
            closed = Closed(session=of(held, ca=ca), closed_at=NOW + 1, reason="revoked", survivors=("sleep",))
            await store.host_acked(said(mine.id, closed=(closed, closed)), NOW)
            told = (await store.words(ending)).get(mine.id)
            assert (0 if told is None else len(told.closed)) == wanted, "by the CA's key as well as by the serial"

    run(scenario)


def test_a_host_answers_for_its_own_sessions_alone(run: Run) -> None:
    async def scenario(store: SqlStore) -> None:
        mine, other = await enrolled(store), await enrolled(store, HostFacts("web-2.example.com"))
        await store.host_acked(said(mine.id, sessions=(ALICE,)), NOW)
        limit = Limit(ALICE.id, NOW, "left open")
        await store.end_session(mine.id, limit, told={}, actor="uid:0", now=NOW)
        closed = (Closed(session=ALICE, closed_at=NOW + 1, reason="x"),)
        for sessions in ((), None):
            await store.host_acked(said(other.id, closed=closed, sessions=sessions), NOW)
        assert await store.session_ends() == {mine.id: (limit,)}
        assert [each.host for each in await store.open_sessions()] == [mine.id]

    run(scenario)


def test_what_stays_behind_is_the_newest_look_and_of_an_ending_that_there_is(run: Run) -> None:
    async def scenario(store: SqlStore) -> None:
        mine, (alice, _) = await enrolled(store), await somebody(store, 1)
        ending = await gone(store, alice)
        left = Remains(account="alice", kind="cron", what="* * * * * sh")
        for found in ((left,), ()):
            looked = tuple(Looked(ending=each, time=NOW, remains=found) for each in (ending, "e" + "a" * 10))
            await store.host_acked(said(mine.id, looked=looked), NOW)
            assert (await store.words(ending))[mine.id].remains == found

    run(scenario)


def test_who_is_looked_for_is_touched_in_nothing_and_is_back_with_the_next_certificate(run: Run) -> None:
    async def scenario(store: SqlStore) -> None:
        alice, _ = await somebody(store, 1)
        await gone(store, alice, gone=False, looked=True)
        (told,) = await store.gone(0, 9)
        assert (told.held, told.undone) == (True, False)
        person = (await store.view(question("alice"))).person
        assert person is not None
        again = recording(
            "alice",
            certificates=[certificate(serial=2)],
            generation=person.generation,
            time=NOW + 5,
        )
        assert await store.record(again) == Recorded()
        (told,) = await store.gone(0, 9)
        assert (told.held, told.undone) == (True, True)

    run(scenario)


def test_who_is_gone_is_told_of_and_who_is_held_is_spared(run: Run) -> None:
    async def scenario(store: SqlStore) -> None:
        alice, held = await somebody(store, 1, 2)
        first = await gone(store, alice, held=True)
        await gone(store, alice, gone=False, source=Source.LOGOUT, actor="logout:corp")
        assert await store.gone(0, 9) == [GoneRecord(first, NOW, (held.key_id,), False, ("alice",), held=True)]
        assert await store.spared(0) == [1, 2]
        assert await store.release(first, actor="uid:0", now=NOW)
        assert await store.spared(0) == []
        assert [each.held for each in await store.gone(0, 9)] == [False]

    run(scenario)


def test_who_is_held_is_locked_on_no_host_before_an_operator_says_so(run: Run) -> None:
    async def scenario(store: SqlStore) -> None:
        await store.record(recording("alice", certificates=[certificate(serial=1, principals=("role:dev:alice",))]))
        person = (await store.view(question("alice"))).person
        assert person is not None
        first = await gone(store, person.id, held=True, lock="scim:corp")
        assert [each.locked for each in await store.people_of(["dev"], NOW)] == [False]
        assert await store.release(first, actor="uid:0", now=NOW)
        assert [each.locked for each in await store.people_of(["dev"], NOW)] == [True]

    run(scenario)


def test_an_end_of_a_session_goes_with_the_session_and_the_operators_is_on_record(run: Run) -> None:
    async def scenario(store: SqlStore) -> None:
        mine = await enrolled(store)
        other = of(certificate(serial=9), id="1" * 12)
        limit, asked = Limit(ALICE.id, NOW + 60, "a role"), Limit(other.id, NOW, "asked for")
        await store.host_acked(said(mine.id, sessions=(ALICE, other), limits=(limit,)), NOW)
        await store.end_session(mine.id, asked, told={"account": "alice"}, actor="uid:0", now=NOW)
        assert await store.session_ends() == {mine.id: (limit, asked)}
        closed = Closed(session=other, closed_at=NOW, reason="asked for")
        await store.host_acked(said(mine.id, sessions=(), closed=(closed,)), NOW)
        assert await store.session_ends() == {}
        assert (await verified_ledger(store))[-2:] == ["session.end", "session.closed"]
        with pytest.raises(NotFound):
            await store.end_session("nobody", asked, told={}, actor="uid:0", now=NOW)

    run(scenario)


def test_a_report_is_kept_and_once_more_when_it_proves_more(run: Run) -> None:
    async def scenario(store: SqlStore) -> None:
        alice, _ = await somebody(store, 1)
        ending = await gone(store, alice)
        kept = []
        for n, proven in enumerate((SOME, SOME, ANSWERED, ANSWERED, FINAL, FINAL, SOME)):
            assert await store.unproven(0, 9) == ([] if n > 4 else [(ending, n > 0)])
            kept.append(await store.prove(ending, f"{{{n}}}", proven=proven, told={"hosts": 0}, now=NOW))
        assert kept == [True, False, True, False, True, False, False]
        found = await store.ending(ending)
        assert found is not None
        assert found.report == "{4}"
        assert (await verified_ledger(store)).count("ending.report") == 3
        assert [each.serial for each in await store.hit_by(ending)] == [1]

    run(scenario)


def test_a_login_by_break_glass_is_an_alarm_once_however_often_it_is_told(run: Run) -> None:
    async def scenario(store: SqlStore) -> None:
        mine = await enrolled(store)
        told = [BrokenIn(id=each * 12, account="root", address="192.0.2.1", time=NOW, serial=9) for each in "ab"]
        for some in (told[:1], told, told):
            await store.host_acked(said(mine.id, break_glass=tuple(some)), NOW)
        await store.host_acked(said(mine.id, bundle_version=2), NOW)
        await store.host_acked(said(mine.id, break_glass=tuple(told)), NOW)
        assert (await verified_ledger(store)).count("host.break-glass") == 2

    run(scenario)
