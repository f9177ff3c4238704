"""The published version counts: every process decides by what is in the store, or not at all (trust 7.4)."""

from __future__ import annotations

import asyncio
import hashlib
import json
import logging
import os
from collections.abc import Awaitable, Callable
from pathlib import Path
from types import SimpleNamespace

import pytest
from msgspec.structs import replace

from daypass.ca.config_ports import ConfigVersion
from daypass.ca.force import Following, InForce
from daypass.config import HostsSection, LifetimeSection, ProviderSection, RoleSection, policy_document, policy_hash
from daypass.errors import Denied, Internal, Misconfigured, Unauthenticated, Unavailable
from daypass.model import Credential, HostFacts, Proof
from tests.ca.conftest import Play
from tests.ca.heart import ENGINEERS, Heart, MovingClock, heart, new_key, sign_with
from tests.parts.op import Op

DEPLOYERS = RoleSection(name="deployers", hosts=["*"], groups=["engineers"], accounts=["deploy"])


def principals(issuance: object) -> tuple[str, ...]:
    return issuance.certificates[0].principals  # type: ignore[attr-defined,no-any-return]


def two(op: Op, database: str, scenario: Callable[[Heart, Heart], Awaitable[None]]) -> None:
    """The second process's own file knows no role at all: only what is published can let anyone in."""

    async def go() -> None:
        clock = MovingClock()
        async with (
            heart(op, database, clock=clock) as one,
            heart(op, database, clock=clock, like=one, publish=False, roles=[]) as other,
        ):
            await scenario(one, other)

    asyncio.run(go())


def test_processes_whose_files_differ_decide_by_the_same_published_version(op: Op, database: str) -> None:
    async def scenario(one: Heart, other: Heart) -> None:
        assert principals((await other.sign_in())[0]) == ("role:engineers:alice",)
        await one.publish(roles=[DEPLOYERS])
        for ca in (other, one):
            assert principals((await ca.sign_in())[0]) == ("role:deployers",)
        await other.publish(roles=[])  # its own file at last
        for ca in (one, other):
            with pytest.raises(Denied):
                await ca.sign_in()
        entries = [json.loads(row.entry) for row in await one.store.ledger(0, 99)]
        issued = [(each["version"], each["roles"]) for each in entries if each["act"] == "certificate.issue"]
        assert issued == [(1, ["engineers"]), (2, ["deployers"]), (2, ["deployers"])]

    two(op, database, scenario)


def test_what_was_decided_by_the_old_version_is_never_recorded_after_the_new_one(op: Op, database: str) -> None:
    """Logins run while two processes publish in turn. No request is answered by a version that was superseded."""

    async def scenario(one: Heart, other: Heart) -> None:
        stop = asyncio.Event()

        async def publishing() -> int:
            for number in range(12):
                await (one, other)[number % 2].publish(roles=[(ENGINEERS, DEPLOYERS)[number % 2]])
                await asyncio.sleep(0.02)
            stop.set()
            return 1

        async def signing(ca: Heart) -> int:
            count = 0
            while not stop.is_set():
                try:
                    await ca.sign_in()
                    count += 1
                except Unavailable as error:
                    assert "too much changed" in error.message
            return count

        counts = await asyncio.gather(publishing(), *(signing(ca) for ca in (one, other, one, other)))
        assert min(counts) > 0
        allowed: dict[int, list[str]] = {}
        for row in await one.store.ledger(0, 10_000):
            entry = json.loads(row.entry)
            if entry["act"] == "config.publish":
                document = await one.store.config_version(entry["published"])
                assert document is not None
                allowed[entry["published"]] = [role["name"] for role in json.loads(document.document)["roles"]]
            if entry["act"] == "certificate.issue":
                assert entry["version"] == max(allowed)  # the one before it in the ledger
                assert entry["roles"] == allowed[entry["version"]]

    two(op, database, scenario)


def test_a_provider_that_is_gone_is_believed_no_more_at_once_and_a_new_one_after_a_look(play: Play) -> None:
    async def scenario(ca: Heart) -> None:
        await ca.sign_in()
        (provider,) = ca.settings.providers
        await ca.publish(providers=[])
        with pytest.raises(Unauthenticated) as caught:
            await ca.sign_in()
        assert caught.value.code == "token.unknown"
        await ca.publish(providers=[provider])
        await ca.authority.force.look()
        await ca.sign_in()

    play(scenario)


def test_hosts_bounds_and_names_follow_without_an_issuance(play: Play) -> None:
    async def scenario(ca: Heart) -> None:
        await ca.publish(
            hosts=HostsSection(domains=["*.example.org"]),
            ca=type(ca.settings.ca)(name="Renamed", url="https://ca.example.com"),
            lifetimes=LifetimeSection(user="8h"),
        )
        await ca.authority.force.look()
        assert ca.authority.name == "Renamed"
        assert ca.authority.force.current.rules.host_names.patterns == ("*.example.org",)
        await ca.authority.make_join_token(HostFacts("web-1.example.org"), 600, "root")
        with pytest.raises(Denied):
            await ca.authority.make_join_token(HostFacts("web-1.example.com"), 600, "root")

    play(scenario)


NEWER = '"roles":[{"name":"x","phase_of_the_moon":"full"}]'


async def put(ca: Heart, document: str) -> None:
    """What another release might publish."""
    digest = hashlib.sha256(document.encode()).digest()
    await ca.store.publish(document, digest, actor="uid:0", now=int(ca.clock.now()))


@pytest.mark.parametrize(
    ("old", "new", "why"),
    [
        ('"roles":[]', NEWER, "phase_of_the_moon"),
        ('{"ca"', '{"moon":1,"ca"', "moon"),
        ('"config_version":1', '"config_version":"x"', "config_version"),
        ('"roles":[]', '"roles":[{"name":"x","lifetime":"never"}]', "never"),
        ('"roles":[]', '"roles": []', "does not read as it was published"),
        ("}", "", "can't read it"),
    ],
)
def test_a_version_that_can_t_be_used_stops_this_process_until_it_can(
    play: Play, caplog: pytest.LogCaptureFixture, old: str, new: str, why: str
) -> None:
    async def scenario(ca: Heart) -> None:
        await ca.sign_in()
        good = policy_document(replace(ca.settings, roles=[]))
        assert old in good
        await put(ca, good.replace(old, new))
        for _ in range(2):
            with pytest.raises(Unavailable) as caught:
                await ca.sign_in()
            assert caught.value.code == "policy.version"
            assert "version 2" in caught.value.message and "log" in (caught.value.hint or "")
        with pytest.raises(Unavailable):
            await ca.authority.make_join_token(HostFacts("web-1.example.com"), 600, "root")
        assert why in caplog.text and "published by uid:0" in caplog.text
        assert caplog.text.count("version 2") == 1  # told once, not for every request
        await ca.publish(roles=[ENGINEERS])
        await ca.authority.force.look()
        await ca.sign_in()

    with caplog.at_level(logging.ERROR):
        play(scenario)


def test_with_nothing_published_nothing_is_issued_and_the_first_version_is_taken(play: Play) -> None:
    async def scenario(ca: Heart) -> None:
        with pytest.raises(Unavailable) as caught:
            await ca.sign_in()
        assert "daypass ca reload" in (caught.value.hint or "")
        assert ca.authority.name == "Example"
        await ca.store.publish(policy_document(ca.settings), policy_hash(ca.settings), actor="root", now=1)
        await ca.authority.force.look()
        await ca.sign_in()

    play(scenario, publish=False)


def test_a_sign_in_that_straddles_a_publication_is_judged_by_the_new_version(play: Play) -> None:
    """The provider's section changed while its token was being verified: the new section judges it."""

    async def scenario(ca: Heart) -> None:
        (provider,) = ca.settings.providers
        strict = ProviderSection(name="idp", issuer=provider.issuer, client_id="another", max_age="")
        force = ca.authority.force.current
        (_, oidc) = force.provisioners
        honest = oidc.authenticate

        async def slow(credential: Credential) -> Proof:
            proof = await honest(credential)
            await ca.publish(providers=[strict])
            return proof

        object.__setattr__(force, "provisioners", (_Slow(oidc, slow),))
        key, salt = new_key(), os.urandom(32)
        with pytest.raises(Unauthenticated) as caught:
            await ca.issue(Credential(ca.token(key, salt), (key,), salt=salt))
        assert caught.value.code == "token.unknown"
        assert (await ca.acts())[-1] == "config.publish"

    play(scenario)


def test_a_publication_during_the_signature_has_it_thrown_away_and_decided_anew(op: Op, database: str) -> None:
    async def scenario(one: Heart, other: Heart) -> None:
        honest = one.keys["user"]

        async def sign(data: bytes) -> bytes:
            if (await other.store.config_stamp()).version == 1:
                await other.publish(roles=[DEPLOYERS])
            return await honest.sign(data)

        signer = SimpleNamespace(public_key=honest.public_key, local=True, sign=sign)
        sign_with(one, signer)
        issuance, _ = await one.sign_in()
        assert (principals(issuance), issuance.roles) == (("role:deployers",), ("deployers",))
        issued = [json.loads(row.entry) for row in await one.store.ledger(0, 99) if row.act == "certificate.issue"]
        assert [(entry["version"], entry["roles"]) for entry in issued] == [(2, ["deployers"])]

    two(op, database, scenario)


class _Slow:
    def __init__(self, inner: object, authenticate: object) -> None:
        self.name, self.recognises, self.authenticate = "idp", inner.recognises, authenticate  # type: ignore[attr-defined]


def test_a_fault_in_making_a_version_is_logged_and_crashes_nothing(
    play: Play, caplog: pytest.LogCaptureFixture
) -> None:
    async def scenario(ca: Heart) -> None:
        faults: list[Exception] = [ValueError("bug"), Internal("fault"), Misconfigured("x")]

        def broken(_: ConfigVersion) -> InForce:
            raise faults[0]

        force = Following(ca.store, broken)
        while faults:
            force.again()
            await force.look()
            with pytest.raises(Unavailable):
                _ = force.current
            faults.pop(0)
        assert force.last is None

    play(scenario)
    assert "nothing is issued" in caplog.text


def test_what_a_version_is_made_from_is_looked_at_too(play: Play, tmp_path: Path) -> None:
    """A trust document that was put in place: the version that lacked it is made again, by itself."""

    async def scenario(ca: Heart) -> None:
        stamp, made = [0], [0]

        def make(_: ConfigVersion) -> InForce:
            made[0] += 1
            if stamp[0] == 0:
                raise Misconfigured("not yet")
            return ca.authority.force.current

        force = Following(ca.store, make, lambda: stamp[0])
        for _ in range(3):
            await force.look()
        assert made == [1]
        stamp[0] = 1
        await force.look()
        assert force.current.version == 1

    play(scenario)
