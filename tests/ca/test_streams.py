"""Hosts that listen: what wakes them, what does not, and every way a stream ends. `look` is called by hand here."""

from __future__ import annotations

import asyncio
import contextlib
import sqlite3
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from daypass.api import HostBundle, HostHeartbeat
from daypass.ca import host_stream, pace, streams
from daypass.ca.ending_ports import Ending, Source
from daypass.ca.host_calls import HostSaid, Synced
from daypass.ca.host_stream import HostStream
from daypass.config import RoleSection
from daypass.config.schema import NewAccountsSection
from daypass.errors import Throttled, Unavailable
from daypass.model import HostFacts, Secret
from daypass.wire import Certificate, Krl, PublicKey
from tests.ca.heart import Heart, Scenario, heart
from tests.parts.op import Op
from tests.parts.sshpop import Holder
from tests.store.ends import lock_person, revoke

NAME = "web-1.example.com"
WEB = RoleSection(name="web", groups=["engineers"], accounts=["deploy"], labels={"tier": ["web"]})
OWN = RoleSection(
    name="own", groups=["engineers"], accounts=["{login}"], hosts=["*"], new_accounts=NewAccountsSection()
)
Play = Callable[..., None]


@pytest.fixture
def play(op: Op, tmp_path: Path) -> Play:
    def run(scenario: Scenario, **changes: Any) -> None:
        async def whole() -> None:
            async with heart(op, tmp_path / "ca.sqlite", **({"roles": [WEB]} | changes)) as built:
                async with asyncio.timeout(20):
                    await scenario(built)

        asyncio.run(whole())

    return run


async def enrolled(ca: Heart, name: str = NAME, by: Holder | None = None, **labels: str) -> Holder:
    private = by.private if by is not None else Ed25519PrivateKey.generate()
    token, _ = await ca.authority.make_join_token(HostFacts(name, (), labels or {"tier": "web"}), 600, "root")
    issuance = await ca.enrol(Secret(token), PublicKey.from_cryptography(private.public_key()))
    return Holder(private, Certificate.parse(issuance.certificates[0].certificate))


class Listener:
    """One host's stream, read line by line."""

    def __init__(self, stream: HostStream) -> None:
        self.stream = stream
        self._told: AsyncIterator[Synced] = stream.told()

    async def line(self) -> Synced | None:
        return await anext(self._told, None)

    async def bundle(self) -> HostBundle:
        line = await self.line()
        assert line is not None and line.bundle is not None
        return msgspec.json.decode(line.bundle[0], type=HostBundle)

    async def beat(self) -> HostHeartbeat:
        line = await self.line()
        assert line is not None and line.heartbeat is not None
        return msgspec.json.decode(line.heartbeat[0], type=HostHeartbeat)

    async def quiet(self) -> None:
        """Nobody has woken it."""
        assert not self.stream._woken.is_set()


async def listens(ca: Heart, host: Holder) -> Listener:
    """Its first line has been read, and the process has looked once."""
    record = await ca.store.on_record(host.serial)
    assert record is not None and record.host is not None
    known = await ca.store.host(record.host)
    assert known is not None
    synced = await ca.authority.host_calls.sync(known, HostSaid("", 0, (), ()))
    made = Listener(ca.authority.streams.open(known, host.certificate, synced))
    await made.bundle()
    await ca.authority.streams.look()
    if made.stream._woken.is_set():
        await made.beat()
    return made


async def look(ca: Heart) -> None:
    await ca.authority.streams.look()


async def over(listener: Listener, retry_after: int | None) -> None:
    assert await listener.line() is None
    assert listener.stream.retry_after == retry_after


def test_another_policy_wakes_those_that_it_concerns_and_nobody_else(play: Play) -> None:
    async def scenario(ca: Heart) -> None:
        web, db = (
            await listens(ca, await enrolled(ca)),
            await listens(ca, await enrolled(ca, "db-1.example.com", t="d")),
        )
        await ca.publish(roles=[WEB, RoleSection(name="ops", groups=["ops"], accounts=["root"], hosts=["web-*"])])
        await look(ca)
        assert [role.name for role in (await web.bundle()).roles] == ["ops", "web"]
        await db.quiet()

    play(scenario)


def test_a_revocation_reaches_everybody_and_brings_the_krl(play: Play) -> None:
    async def scenario(ca: Heart) -> None:
        listener = await listens(ca, await enrolled(ca))
        issuance, _ = await ca.sign_in()
        serial = issuance.certificates[0].serial
        await revoke(ca.store, [serial], reason="lost", actor="root", now=int(ca.clock.now()))
        await look(ca)
        line = await listener.line()
        assert line is not None and line.bundle is not None and line.krl is not None
        (section,) = Krl.parse(line.krl).sections
        assert section.serials == ((serial, serial),)
        listener.stream.wake()
        again = await listener.line()
        assert again is not None and again.krl is None

    play(scenario)


def test_who_records_an_ending_tells_its_own_hosts_without_waiting_for_the_next_look(
    play: Play, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(streams, "LOOK_EVERY", 3600)

    async def scenario(ca: Heart) -> None:
        listener = await listens(ca, await enrolled(ca))
        await ca.sign_in()
        (person,) = await ca.store.people()
        watching = asyncio.create_task(ca.authority.streams.watch())
        about = {"source": Source.OPERATOR, "actor": "root", "reason": "left", "about": "alice"}
        await ca.store.end(Ending(**about, persons=(person.id,)), now=int(ca.clock.now()))  # type: ignore[arg-type]
        line = await listener.line()
        watching.cancel()
        assert line is not None and line.krl is not None and Krl.parse(line.krl).sections

    play(scenario)


def test_somebody_new_is_told_within_seconds_though_nobody_waits_for_that(play: Play) -> None:
    async def scenario(ca: Heart) -> None:
        listener = await listens(ca, await enrolled(ca))
        await ca.sign_in()
        await look(ca)
        await listener.quiet()
        ca.clock.later += 5
        await look(ca)
        assert [each.login for each in (await listener.bundle()).people] == ["alice"]

    play(scenario, roles=[OWN])


def test_a_lock_is_told_at_once(play: Play) -> None:
    async def scenario(ca: Heart) -> None:
        await ca.sign_in()
        listener = await listens(ca, await enrolled(ca))
        await lock_person(ca.store, ca.op.issuer, "alice-1", reason="left", actor="root", now=int(ca.clock.now()))
        await look(ca)
        assert [each.locked for each in (await listener.bundle()).people] == [True]

    play(scenario, roles=[OWN])


def test_new_labels_wake_that_host_alone(play: Play) -> None:
    async def scenario(ca: Heart) -> None:
        host, other = await enrolled(ca), await enrolled(ca, "web-2.example.com")
        listener, beside = await listens(ca, host), await listens(ca, other)
        await enrolled(ca, by=host, tier="db")
        await look(ca)
        assert (await listener.bundle()).roles == []
        await beside.quiet()

    play(scenario)


def test_what_hosts_do_not_act_on_wakes_nobody(play: Play) -> None:
    async def scenario(ca: Heart) -> None:
        listener = await listens(ca, await enrolled(ca))
        await ca.sign_in()
        await ca.authority.make_join_token(HostFacts("web-9.example.com"), 600, "root")
        await look(ca)
        await listener.quiet()

    play(scenario)


def test_what_came_between_admission_and_stream_is_not_missed(play: Play) -> None:
    async def scenario(ca: Heart) -> None:
        host = await enrolled(ca)
        first = await listens(ca, await enrolled(ca, "web-2.example.com"))
        record = await ca.store.on_record(host.serial)
        assert record is not None and record.host is not None
        known = await ca.store.host(record.host)
        assert known is not None
        await enrolled(ca, by=host, tier="db")
        await look(ca)
        synced = await ca.authority.host_calls.sync(known, HostSaid("", 0, (), ()))
        late = Listener(ca.authority.streams.open(known, host.certificate, synced))
        assert [role.name for role in (await late.bundle()).roles] == ["web"]
        await look(ca)
        assert (await late.bundle()).roles == []
        await first.quiet()

    play(scenario)


@pytest.mark.parametrize("what", ["revoked", "removed"])
def test_a_host_whose_certificate_is_no_more_is_asked_back_by_another_one_soon(
    play: Play, tmp_path: Path, what: str
) -> None:
    async def scenario(ca: Heart) -> None:
        host = await enrolled(ca)
        listener = await listens(ca, host)
        now = int(ca.clock.now())
        if what == "revoked":
            await revoke(ca.store, [host.serial], reason="stolen", actor="root", now=now)
        else:
            with contextlib.closing(sqlite3.connect(tmp_path / "ca.sqlite")) as connection, connection:
                connection.execute("UPDATE hosts SET removed_at = 1")
            await ca.store.add_event("host.remove", {"host": listener.stream.host.id}, actor="root", now=now)
        await look(ca)
        await over(listener, streams.SOON)
        assert len(ca.authority.streams) == 0

    play(scenario)


def test_an_act_that_is_not_known_here_has_everybody_read_again(play: Play, tmp_path: Path) -> None:
    async def scenario(ca: Heart) -> None:
        listener = await listens(ca, await enrolled(ca))
        with contextlib.closing(sqlite3.connect(tmp_path / "ca.sqlite")) as connection, connection:
            connection.execute("UPDATE hosts SET labels = '{}'")
        await ca.store.add_event("newer.act", {"host": 7}, actor="root", now=int(ca.clock.now()))
        await look(ca)
        assert (await listener.bundle()).roles == []

    play(scenario)


def test_a_stream_ends_with_its_certificate(play: Play) -> None:
    async def scenario(ca: Heart) -> None:
        listener = await listens(ca, await enrolled(ca))
        ca.clock.later += 31 * 86400
        listener.stream.wake()
        await over(listener, int(host_stream.AGAIN))

    play(scenario)


def test_a_hosts_newer_stream_ends_the_older(play: Play) -> None:
    async def scenario(ca: Heart) -> None:
        host = await enrolled(ca)
        older, newer = await listens(ca, host), await listens(ca, host)
        await over(older, streams.SUPERSEDED)
        assert len(ca.authority.streams) == 1
        older.stream.end()
        assert len(ca.authority.streams) == 1
        newer.stream.end()
        assert len(ca.authority.streams) == 0

    play(scenario)


def test_a_host_that_opens_one_after_the_other_is_told_to_stop(play: Play, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pace, "OPENED", 2)

    async def scenario(ca: Heart) -> None:
        host = await enrolled(ca)
        for _ in range(2):
            await listens(ca, host)
        with pytest.raises(Throttled):
            await listens(ca, host)
        assert len(ca.authority.streams) == 1

    play(scenario)


def test_no_more_than_there_is_room_for_and_a_host_that_has_one_may_have_it_anew(
    play: Play, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(streams, "MOST", 1)

    async def scenario(ca: Heart) -> None:
        host = await enrolled(ca)
        await listens(ca, host)
        with pytest.raises(Unavailable) as refusal:
            await listens(ca, await enrolled(ca, "web-2.example.com"))
        assert (refusal.value.code, refusal.value.retry_after) == ("streams.full", 60)
        await listens(ca, host)

    play(scenario)


def test_at_the_end_of_the_process_everybody_is_told_to_come_back(play: Play) -> None:
    async def scenario(ca: Heart) -> None:
        listener = await listens(ca, await enrolled(ca))
        ca.authority.streams.close()
        await over(listener, 5)
        with pytest.raises(Unavailable):
            await listens(ca, await enrolled(ca, "web-2.example.com"))

    play(scenario)


def test_a_sign_of_life_comes_by_itself(play: Play, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(host_stream, "BEAT", 0.05)

    async def scenario(ca: Heart) -> None:
        listener = await listens(ca, await enrolled(ca))
        ca.clock.later += 3
        assert (await listener.beat()).issued_at >= int(ca.clock.now()) - 1

    play(scenario)


def test_without_the_store_there_is_no_sign_of_life_and_then_an_end(
    play: Play, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What nobody can know now is not signed with the time of now (trust 6.1: frozen from fresh)."""
    for name, value in (("BEAT", 0.01), ("AGAIN", 0.01), ("SILENT", 0.2)):
        monkeypatch.setattr(host_stream, name, value)

    async def scenario(ca: Heart) -> None:
        listener = await listens(ca, await enrolled(ca))
        await ca.store.close()
        ca.clock.later += 6
        await over(listener, 0)
        with pytest.raises(Unavailable):
            await look(ca)

    play(scenario)


def test_while_nothing_happens_the_store_is_asked_for_its_head_alone(
    play: Play, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def scenario(ca: Heart) -> None:
        await listens(ca, await enrolled(ca))
        for name in ("ledger", "revocations", "people_of", "host", "config_stamp"):
            monkeypatch.setattr(ca.store, name, None)
        for _ in range(60):
            ca.clock.later += 4
            await look(ca)

    play(scenario, roles=[OWN])


def test_two_changes_in_one_second_are_two_versions(play: Play) -> None:
    async def scenario(ca: Heart) -> None:
        listener = await listens(ca, await enrolled(ca))
        versions = []
        for roles in ([], [WEB], []):
            await ca.publish(roles=roles)
            await look(ca)
            versions.append((await listener.bundle()).version)
        assert versions == sorted(set(versions))

    play(scenario)


def test_two_processes_notice_what_the_other_did(op: Op, database: str) -> None:
    async def whole() -> None:
        async with heart(op, database, roles=[WEB]) as one, heart(op, database, like=one, roles=[WEB]) as two:
            host = await enrolled(one)
            listener = await listens(two, host)
            issuance, _ = await one.sign_in()
            serial = issuance.certificates[0].serial
            await revoke(one.store, [serial], reason="lost", actor="root", now=int(one.clock.now()))
            await look(two)
            assert (await listener.line()) is not None
            await one.publish(roles=[])
            await look(two)
            assert (await listener.bundle()).roles == []

    asyncio.run(whole())
