"""What laptops are told of hosts: whose names, which revoked certificates, how old at most (trust 5.3, 6.2)."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from daypass.api import ClientBundle, Signed, TrustDocument
from daypass.config import HostsSection
from daypass.trusted import verify_client_bundle
from daypass.wire import Krl
from tests.ca.heart import CA_ID, Heart, heart, new_key
from tests.parts.op import Op
from tests.store.ends import revoke

Run = Callable[[Callable[[Heart], Awaitable[None]]], None]


@pytest.fixture
def run(op: Op, tmp_path: Path) -> Run:
    async def play(scenario: Callable[[Heart], Awaitable[None]]) -> None:
        async with heart(op, tmp_path / "ca.sqlite") as built:
            await scenario(built)

    return lambda scenario: asyncio.run(play(scenario))


async def bundle(built: Heart) -> ClientBundle:
    """As a laptop believes it."""
    lines = {use: [signer.public_key.line()] for use, signer in built.keys.items()}
    trust = TrustDocument(
        ca_id=CA_ID.hex(), version=1, issued_at=0, user_ca=lines["user"], host_ca=lines["host"],
        bundle_keys=lines["bundle"], tls_roots=[], host_patterns=["*.example.com"],
    )  # fmt: skip
    return verify_client_bundle(Signed(*await built.authority.client_bundle()), trust, now=built.clock.now())


async def later(built: Heart) -> ClientBundle:
    """When the one that was made before is no longer good enough."""
    built.clock.ahead += 5
    return await bundle(built)


def test_a_laptop_believes_the_bundle_of_a_ca_without_hosts(run: Run) -> None:
    async def scenario(built: Heart) -> None:
        found = await bundle(built)
        assert (found.enrolled, Krl.parse(found.host_krl).sections) == ([], ())
        assert (found.version, found.expires) == (found.issued_at * 1000, found.issued_at + 30 * 86400)

    run(scenario)


def test_hosts_are_listed_within_seconds_of_their_enrolment(run: Run) -> None:
    async def scenario(built: Heart) -> None:
        first = await built.authority.client_bundle()
        await built.enrol(await built.join_token("web-2.example.com"), new_key())
        await built.enrol(await built.join_token("web-1.example.com"), new_key())
        assert await built.authority.client_bundle() == first
        assert (await later(built)).enrolled == ["web-1.example.com", "web-2.example.com"]

    run(scenario)


def test_a_revoked_host_certificate_stands_in_the_krl_under_its_ca_key(run: Run) -> None:
    async def scenario(built: Heart) -> None:
        issued = (await built.enrol(await built.join_token(), new_key(), new_key())).certificates
        await revoke(built.store, [issued[1].serial], reason="stolen", actor="root", now=int(built.clock.now()))
        (section,) = Krl.parse((await bundle(built)).host_krl).sections
        assert section.ca_key == built.keys["host"].public_key
        assert section.serials == ((issued[1].serial, issued[1].serial),)

    run(scenario)


def test_a_key_that_has_signed_nothing_revoked_has_no_section(op: Op, tmp_path: Path) -> None:
    """The next host CA key is announced before it signs; a serial belongs to the key that gave it (trust 6.1)."""

    async def play() -> None:
        async with heart(op, tmp_path / "ca.sqlite", next_host=new_key()) as built:
            issued = (await built.enrol(await built.join_token(), new_key())).certificates
            await revoke(built.store, [issued[0].serial], reason="stolen", actor="root", now=int(built.clock.now()))
            (section,) = Krl.parse((await bundle(built)).host_krl).sections
            assert section.ca_key == built.keys["host"].public_key

    asyncio.run(play())


def test_hosts_of_a_domain_that_was_given_up_are_left_out(op: Op, tmp_path: Path) -> None:
    """A laptop would refuse the whole document for one of them, and with it every login."""

    database, ours, given_up = tmp_path / "ca.sqlite", "*.example.com", "*.old.test"

    async def play() -> None:
        async with heart(op, database, hosts=HostsSection(domains=[ours, given_up])) as built:
            for name in ("web.old.test", "web.example.com"):
                await built.enrol(await built.join_token(name), new_key())
        async with heart(op, database, hosts=HostsSection(domains=[ours])) as built:
            assert (await bundle(built)).enrolled == ["web.example.com"]

    asyncio.run(play())
