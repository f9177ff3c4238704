"""Calls by a host's certificate: what they bring, what is kept of them, and every way they are nobody's."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import os
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from msgspec.structs import replace

from daypass.api import HOST_REQUEST_NAMESPACE, REQUEST_NAMESPACE, HostBundle, HostHeartbeat, HostProof
from daypass.ca.host_calls import HostSaid, Synced
from daypass.ca.host_ports import MAX_REPORTED, HostAccounts, KnownHost
from daypass.ca.ports import HONEST_SKEW
from daypass.ca.shown import Call
from daypass.config import FailClosedSection, HostsSection, RoleSection
from daypass.config.schema import NewAccountsSection
from daypass.errors import Unauthenticated
from daypass.model import Credential, HostFacts, Secret
from daypass.wire import Certificate, Krl, PublicKey, SshSignature
from daypass.wire.binding import BUNDLE_NAMESPACE, HEARTBEAT_NAMESPACE
from tests.ca.heart import Heart, Scenario, heart
from tests.parts.op import Op
from tests.parts.sshpop import Holder
from tests.store.ends import lock_person, revoke

PATH = "/v1/host/sync"
SAID = HostSaid("", 0, (), ())
WEB = RoleSection(name="web", groups=["engineers"], accounts=["deploy"], labels={"tier": ["web"]})
DB = RoleSection(name="db", groups=["engineers"], accounts=["postgres"], hosts=["db-*.example.com"])
OWN = RoleSection(
    name="own", groups=["engineers"], accounts=["{login}"], hosts=["*"], new_accounts=NewAccountsSection()
)
Play = Callable[..., None]


@pytest.fixture
def play(op: Op, tmp_path: Path) -> Play:
    def run(scenario: Scenario, **changes: Any) -> None:
        async def whole() -> None:
            async with heart(op, tmp_path / "ca.sqlite", **({"roles": [WEB, DB, OWN]} | changes)) as built:
                await scenario(built)

        asyncio.run(whole())

    return run


async def enrolled(ca: Heart, name: str = "web-1.example.com", **labels: str) -> Holder:
    private = Ed25519PrivateKey.generate()
    token, _ = await ca.authority.make_join_token(HostFacts(name, (), labels), 600, "root")
    issuance = await ca.enrol(Secret(token), PublicKey.from_cryptography(private.public_key()))
    return Holder(private, Certificate.parse(issuance.certificates[0].certificate))


def call(ca: Heart, by: Holder, body: bytes = b"", method: str = "POST", path: str = PATH, **changes: Any) -> Call:
    shown = HostProof.from_header(by.host_header(method, path, body, **({"now": ca.clock.now()} | changes)))
    return Call(method, path, body, shown.certificate, shown.time, shown.nonce, shown.proof)


async def admitted(ca: Heart, by: Holder) -> KnownHost:
    return await ca.authority.host_calls.admit(call(ca, by))


async def refused(ca: Heart, shown: Call, code: str) -> None:
    with pytest.raises(Unauthenticated) as refusal:
        await ca.authority.host_calls.admit(shown)
    assert refusal.value.code == f"host-call.{code}", refusal.value.message
    assert refusal.value.hint


async def synced(ca: Heart, by: Holder, said: HostSaid = SAID) -> Synced:
    return await ca.authority.host_calls.sync(await admitted(ca, by), said)


async def bundle(ca: Heart, by: Holder) -> HostBundle:
    found = (await synced(ca, by)).bundle
    assert found is not None
    SshSignature.from_armor(found[1]).verify(BUNDLE_NAMESPACE, found[0].encode(), ca.keys["bundle"].public_key)
    return msgspec.json.decode(found[0], type=HostBundle)


async def listed(ca: Heart, by: Holder) -> Krl:
    sent = (await synced(ca, by)).krl
    assert sent is not None
    return Krl.parse(sent)


def test_roles_reach_a_host_by_label_and_by_pattern_and_no_other(play: Play) -> None:
    async def scenario(ca: Heart) -> None:
        for name, labels, wanted in (
            ("web-1.example.com", {"tier": "web"}, ["own", "web"]),
            ("web-2.example.com", {"tier": "test"}, ["own"]),
            ("web-3.example.com", {}, ["own"]),
            ("db-1.example.com", {"tier": "web"}, ["db", "own", "web"]),
        ):
            found = await bundle(ca, await enrolled(ca, name, **labels))
            assert (found.name, sorted(role.name for role in found.roles)) == (name, wanted)

    play(scenario)


def test_what_has_not_changed_is_a_heartbeat_with_the_time(play: Play) -> None:
    async def scenario(ca: Heart) -> None:
        host = await enrolled(ca, tier="web")
        first = await bundle(ca, host)
        ca.clock.later += 100
        answer = await synced(ca, host, HostSaid(first.digest, first.version, (), ()))
        assert answer.bundle is None
        assert answer.heartbeat is not None
        document, signature = answer.heartbeat
        key = ca.keys["bundle"].public_key
        SshSignature.from_armor(signature).verify(HEARTBEAT_NAMESPACE, document.encode(), key)
        beat = msgspec.json.decode(document, type=HostHeartbeat)
        assert (beat.digest, beat.host_id, beat.ca_id) == (first.digest, first.host_id, first.ca_id)
        assert beat.version > first.version
        assert beat.expires >= first.expires + 100

    play(scenario)


def test_every_word_is_newer_than_what_the_host_has_though_the_next_process_s_clock_is_behind(play: Play) -> None:
    """Two changes in one second, and honest clocks that are five seconds apart (docs/adr/clock-slack.md)."""

    async def scenario(ca: Heart) -> None:
        host = await enrolled(ca, tier="web")
        known, last = await admitted(ca, host), await bundle(ca, host)
        digest, version = last.digest, last.version
        for later in (0, 0, -HONEST_SKEW, -HONEST_SKEW, 0):
            ca.clock.later += later
            beat = await synced(ca, host, HostSaid(digest, version, (), ()))
            assert beat.heartbeat is not None
            assert version < beat.version == msgspec.json.decode(beat.heartbeat[0], type=HostHeartbeat).version
            text, _ = await ca.authority.text_bundle(known, version)
            assert f"version {beat.version}\n" in text[0]
            version = beat.version
            ca.clock.later -= later

    play(scenario)


@pytest.mark.parametrize("said", [2**62, 2**63 - 1, -1, 0])
def test_a_host_that_lies_about_its_version_gets_no_version_of_a_day_to_come(play: Play, said: int) -> None:
    async def scenario(ca: Heart) -> None:
        host = await enrolled(ca, tier="web")
        now = int(ca.clock.now())
        given = await synced(ca, host, HostSaid("", said, (), ()))
        assert now * 1000 <= given.version <= (now + HONEST_SKEW + 2) * 1000

    play(scenario)


def test_new_labels_by_an_enrolment_anew_are_another_bundle(play: Play) -> None:
    async def scenario(ca: Heart) -> None:
        host = await enrolled(ca, tier="web")
        before = await bundle(ca, host)
        facts = HostFacts("web-1.example.com", (), {"tier": "test"})
        token, _ = await ca.authority.make_join_token(facts, 600, "root")
        await ca.enrol(Secret(token), host.certificate.public_key)
        after = await bundle(ca, host)
        assert after.digest != before.digest
        assert [role.name for role in after.roles] == ["own"]

    play(scenario)


def test_another_policy_changes_the_digest_of_the_hosts_it_concerns_alone(op: Op, tmp_path: Path) -> None:
    async def whole() -> None:
        async with heart(op, tmp_path / "ca.sqlite", roles=[WEB, DB]) as first:
            web, db = await enrolled(first, tier="web"), await enrolled(first, "db-1.example.com")
            before = [(await bundle(first, host)).digest for host in (web, db)]
            narrower = RoleSection(name="db", groups=["dba"], accounts=["postgres"], hosts=["db-1.example.com"])
            async with heart(op, tmp_path / "ca.sqlite", like=first, roles=[WEB, narrower]) as same:
                assert [(await bundle(same, host)).digest for host in (web, db)] == before
            wider = RoleSection(name="db", groups=["dba"], accounts=["postgres", "root"], hosts=["db-*"])
            async with heart(op, tmp_path / "ca.sqlite", like=first, roles=[WEB, wider]) as second:
                after = [(await bundle(second, host)).digest for host in (web, db)]
            assert (after[0] == before[0], after[1] == before[1]) == (True, False)

    asyncio.run(whole())


def test_what_was_published_a_moment_ago_is_in_the_very_next_answer(play: Play) -> None:
    """No second goes by in which `ca reload` has answered and a host is told what held before."""

    async def scenario(ca: Heart) -> None:
        host = await enrolled(ca, tier="web")
        await ca.publish(roles=[WEB])
        assert [role.name for role in (await bundle(ca, host)).roles] == ["web"]

    play(scenario)


def test_people_whose_accounts_are_made_are_those_who_signed_in_and_a_lock_is_told(play: Play) -> None:
    async def scenario(ca: Heart) -> None:
        host = await enrolled(ca)
        assert (await bundle(ca, host)).people == []
        ca.clock.later += 10
        await ca.sign_in()
        (person,) = (await bundle(ca, host)).people
        assert (person.roles, person.locked) == (["own"], False)
        await lock_person(ca.store, ca.op.issuer, "alice-1", reason="left", actor="root", now=int(ca.clock.now()))
        ca.clock.later += 10
        (locked,) = (await bundle(ca, host)).people
        assert (locked.login, locked.locked) == (person.login, True)

    play(scenario)


def test_somebody_taken_out_of_the_group_is_told_without_roles_and_one_who_only_sleeps_stays(play: Play) -> None:
    async def scenario(ca: Heart) -> None:
        host = await enrolled(ca)
        await ca.sign_in()
        ca.clock.later += 29 * 86400
        assert [each.login for each in (await bundle(ca, host)).people] == ["alice"]
        at = int(ca.clock.now())
        await ca.sign_in(groups=["guests", "ops"], iat=at, exp=at + 300, auth_time=at)
        ca.clock.later += 10
        assert (await bundle(ca, host)).people == []

    play(scenario, roles=[OWN, RoleSection(name="ops", groups=["ops"], accounts=["deploy"], hosts=["*"])])


def test_an_account_outlives_the_hours_of_its_role(play: Play) -> None:
    """A window that ends, and a sign-in that has grown old, are no reason to end what runs."""

    async def scenario(ca: Heart) -> None:
        host = await enrolled(ca)
        await ca.sign_in()
        ca.clock.later += 3 * 86400
        assert [each.login for each in (await bundle(ca, host)).people] == ["alice"]

    play(scenario, roles=[replace(OWN, max_auth_age="12h")])


def test_what_people_gave_up_or_were_taken_reaches_hosts_in_the_krl(play: Play) -> None:
    async def scenario(ca: Heart) -> None:
        host = await enrolled(ca, tier="web")
        assert (await listed(ca, host)).sections == ()
        issuance, _ = await ca.sign_in()
        serial = issuance.certificates[0].serial
        await revoke(ca.store, [serial, host.serial], reason="lost", actor="root", now=int(ca.clock.now()))
        ca.clock.later += 10
        (section,) = (await listed(ca, await enrolled(ca, "web-2.example.com", tier="web"))).sections
        assert (section.ca_key, section.serials) == (ca.keys["user"].public_key, ((serial, serial),))

    play(scenario)


VAULTS = [
    FailClosedSection(labels={"zone": ["vault"]}, after="24h"),
    FailClosedSection(hosts=["db-*"], labels={"zone": ["vault"]}, after="1h"),
]


def test_who_fails_closed_is_said_by_name_and_label_the_shortest_time_wins(play: Play) -> None:
    async def scenario(ca: Heart) -> None:
        for name, zone, wanted in (
            ("web-1.example.com", "vault", 86400),
            ("web-2.example.com", "office", 0),
            ("db-1.example.com", "vault", 3600),
            ("db-2.example.com", "office", 0),
        ):
            assert (await bundle(ca, await enrolled(ca, name, zone=zone))).fail_closed_after == wanted

    play(scenario, hosts=HostsSection(domains=["*.example.com"], fail_closed=VAULTS))


def test_another_time_to_fail_closed_is_another_bundle(play: Play) -> None:
    async def scenario(ca: Heart) -> None:
        host = await enrolled(ca, zone="vault")
        before = await bundle(ca, host)
        await ca.publish(hosts=HostsSection(domains=["*.example.com"], fail_closed=VAULTS[:1]))
        after = await bundle(ca, host)
        assert (before.fail_closed_after, after.fail_closed_after) == (0, 86400)
        assert after.digest != before.digest

    play(scenario)


def test_the_krl_is_the_same_for_all_hosts_and_comes_once(play: Play) -> None:
    async def scenario(ca: Heart) -> None:
        first, second = await enrolled(ca), await enrolled(ca, "web-2.example.com")
        signed = await bundle(ca, first)
        sent = (await synced(ca, first)).krl
        assert sent is not None and hashlib.sha256(sent).hexdigest() == signed.krl_digest
        ca.clock.later += 100
        assert (await bundle(ca, second)).krl_digest == signed.krl_digest
        again = HostSaid(signed.digest, 0, (), (), signed.krl_digest)
        assert (await synced(ca, first, again)).krl is None
        assert (await synced(ca, first, replace(again, krl_digest="00"))).krl == sent

    play(scenario)


def test_a_host_without_such_a_role_is_told_of_nobody(play: Play) -> None:
    async def scenario(ca: Heart) -> None:
        await ca.sign_in()
        assert (await bundle(ca, await enrolled(ca, tier="web"))).people == []

    play(scenario, roles=[WEB, RoleSection(name="own", groups=["engineers"], accounts=["{login}"], hosts=["*"])])


def test_what_a_host_says_of_itself_is_kept_within_bounds_and_admits_nobody(play: Play) -> None:
    async def scenario(ca: Heart) -> None:
        host = await enrolled(ca, tier="web")
        before = await bundle(ca, host)
        many = tuple(f"a{number}" for number in range(MAX_REPORTED + 5))
        said = HostSaid(before.digest, 2**70, ("root", "\x1b[2J", "root", "../x", "Upper"), many)
        answer = await synced(ca, host, said)
        assert answer.bundle is None
        known = await admitted(ca, host)
        assert known.accounts is not None
        assert (known.accounts.system, len(known.accounts.ordinary)) == (("root",), MAX_REPORTED)
        assert known.bundle_version == 2**62
        assert (await bundle(ca, host)).digest == before.digest

    play(scenario)


def test_other_accounts_are_noted_once_in_five_minutes_so_that_no_host_fills_the_ledger(play: Play) -> None:
    async def scenario(ca: Heart) -> None:
        host = await enrolled(ca)
        for number in range(6):
            await synced(ca, host, HostSaid("", number, (f"u{number}",), ()))
        found = await admitted(ca, host)
        assert (found.accounts, found.bundle_version) == (HostAccounts(("u0",)), 5)
        ca.clock.later = 300
        await synced(ca, host, HostSaid("", 5, ("u9",), ()))
        assert (await admitted(ca, host)).accounts == HostAccounts(("u9",))
        assert (await ca.acts()).count("name.reserve") == 2

    play(scenario)


def test_the_same_said_again_is_written_once_in_five_minutes(play: Play) -> None:
    async def scenario(ca: Heart) -> None:
        host = await enrolled(ca)
        said = HostSaid("", 1, ("root",), ())
        times = []
        for later in (0, 10, 300, 1):
            ca.clock.later += later
            await synced(ca, host, said)
            times.append((await admitted(ca, host)).synced_at)
        assert times[0] == times[1] != times[2] == times[3]
        assert (await admitted(ca, host)).accounts == HostAccounts(("root",))

    play(scenario)


def test_every_way_a_call_is_nobodys(play: Play) -> None:
    async def scenario(ca: Heart) -> None:
        host, other = await enrolled(ca), await enrolled(ca, "web-2.example.com")
        salt, private = os.urandom(32), Ed25519PrivateKey.generate()
        key = PublicKey.from_cryptography(private.public_key())
        issued = await ca.issue(Credential(ca.token(key, salt), (key,), salt=salt))
        person = Holder(private, Certificate.parse(issued.certificates[0].certificate))
        now = ca.clock.now()
        await refused(ca, call(ca, person), "certificate")
        await refused(ca, call(ca, host, namespace=REQUEST_NAMESPACE), "proof")
        await refused(ca, call(ca, host, private=other.private), "proof")
        await refused(ca, call(ca, host, ca_id=os.urandom(32)), "proof")
        await refused(ca, call(ca, host, now=now - 61), "time")
        await refused(ca, call(ca, host, now=now + 61), "time")
        made = call(ca, host, b"{}")
        for field, value in (("body", b"{ }"), ("path", "/v1/host/other"), ("method", "GET"), ("nonce", b"0" * 16)):
            await refused(ca, msgspec.structs.replace(made, **{field: value}), "proof")
        await ca.authority.host_calls.admit(made)
        await refused(ca, made, "replay")
        await revoke(ca.store, [host.serial], reason="stolen", actor="root", now=int(now))
        await refused(ca, call(ca, host), "revoked")
        ca.clock.later += 31 * 86400
        await refused(ca, call(ca, other), "expired")

    play(scenario)


def test_a_namespace_of_its_own() -> None:
    assert HOST_REQUEST_NAMESPACE not in (REQUEST_NAMESPACE, BUNDLE_NAMESPACE, HEARTBEAT_NAMESPACE)


def test_a_host_that_was_removed_is_told_nothing(play: Play, tmp_path: Path) -> None:
    async def scenario(ca: Heart) -> None:
        by = await enrolled(ca)
        await admitted(ca, by)
        with contextlib.closing(sqlite3.connect(tmp_path / "ca.sqlite")) as connection, connection:
            connection.execute("UPDATE hosts SET removed_at = 1")
        await refused(ca, call(ca, by), "removed")

    play(scenario)
