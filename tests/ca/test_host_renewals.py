"""All keys of a host renewed by one certificate that it holds: what that gives, and never (trust 5.1)."""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from daypass.ca import pace
from daypass.ca.authority import Issuance
from daypass.errors import Denied, Throttled, Unavailable
from daypass.model import HostFacts, Secret
from daypass.wire import Certificate, PublicKey
from tests.ca.heart import Heart, Scenario, heart, new_key
from tests.parts.op import Op
from tests.parts.sshpop import Holder
from tests.store.ends import revoke

NAME, ALIAS = "web-1.example.com", "www.example.com"
Play = Callable[..., None]


@pytest.fixture
def play(op: Op, tmp_path: Path) -> Play:
    def run(scenario: Scenario, **changes: Any) -> None:
        async def whole() -> None:
            async with heart(op, tmp_path / "ca.sqlite", **changes) as built:
                await scenario(built)

        asyncio.run(whole())

    return run


async def enrolled(ca: Heart, *more: PublicKey, name: str = NAME) -> Holder:
    """A host with a key of its own, and these."""
    private = Ed25519PrivateKey.generate()
    token, _ = await ca.authority.make_join_token(HostFacts(name, (ALIAS,) if name == NAME else ()), 600, "root")
    issuance = await ca.enrol(Secret(token), PublicKey.from_cryptography(private.public_key()), *more)
    return Holder(private, Certificate.parse(issuance.certificates[0].certificate))


async def host_id(ca: Heart, host: Holder) -> str:
    found = await ca.store.on_record(host.serial)
    assert found is not None and found.host is not None
    return found.host


async def renew(ca: Heart, host: Holder, *keys: PublicKey) -> Issuance:
    number = await host_id(ca, host)
    return await ca.authority.renewals.renew_all(number, host.certificate, os.urandom(16), keys)


async def keys_of(ca: Heart, host: Holder) -> set[bytes]:
    found = await ca.store.host(await host_id(ca, host))
    assert found is not None
    return set(found.keys)


async def rekeys(ca: Heart) -> list[dict[str, Any]]:
    found = [json.loads(row.entry) for row in await ca.store.ledger(0, 1000)]
    return [each for each in found if each["act"] == "host.rekey"]


def test_every_key_gets_the_same_anew_and_that_is_no_event(play: Play) -> None:
    async def scenario(ca: Heart) -> None:
        second = new_key()
        host = await enrolled(ca, second)
        ca.clock.later += 20 * 86400
        issuance = await renew(ca, host, second, host.certificate.public_key)
        made = [Certificate.parse(each.certificate) for each in issuance.certificates]
        assert [each.public_key for each in made] == [second, host.certificate.public_key]
        assert {each.principals for each in made} == {(NAME, ALIAS)}
        assert all(each.valid_before > host.certificate.valid_before for each in made)
        assert await rekeys(ca) == []

    play(scenario)


def test_new_keys_are_the_hosts_from_then_on_and_each_is_an_event(play: Play) -> None:
    async def scenario(ca: Heart) -> None:
        host, new = await enrolled(ca, new_key()), (new_key(), new_key())
        await renew(ca, host, *new)
        assert await keys_of(ca, host) == {each.blob for each in new}
        events = await rekeys(ca)
        assert {each["to"] for each in events} == {each.fingerprint for each in new}
        assert all(each["proven"] and each["renews"] == host.serial for each in events)

    play(scenario)


def test_one_new_key_beside_one_that_stays_is_one_event(play: Play) -> None:
    async def scenario(ca: Heart) -> None:
        host, new = await enrolled(ca), new_key()
        await renew(ca, host, host.certificate.public_key, new)
        assert [each["to"] for each in await rekeys(ca)] == [new.fingerprint]

    play(scenario)


def test_the_old_certificates_live_on_until_the_host_gives_them_up(play: Play) -> None:
    async def scenario(ca: Heart) -> None:
        host = await enrolled(ca)
        await renew(ca, host, new_key())
        await renew(ca, host, new_key())
        found = await ca.store.on_record(host.serial)
        assert found is not None and found.revoked_at is None

    play(scenario)


def test_another_hosts_key_is_refused_though_it_has_signed_for_itself(play: Play) -> None:
    async def scenario(ca: Heart) -> None:
        host, other = await enrolled(ca), await enrolled(ca, name="web-2.example.com")
        with pytest.raises(Denied) as refusal:
            await renew(ca, host, host.certificate.public_key, other.certificate.public_key)
        assert refusal.value.code == "rekey.key"

    play(scenario)


def test_a_certificate_that_is_revoked_meanwhile_gets_nothing(play: Play) -> None:
    async def scenario(ca: Heart) -> None:
        host = await enrolled(ca)
        await revoke(ca.store, [host.serial], reason="stolen", actor="root", now=int(ca.clock.now()))
        with pytest.raises(Unavailable):
            await renew(ca, host, host.certificate.public_key)

    play(scenario)


def test_names_that_are_the_hosts_no_more_are_left_out(play: Play) -> None:
    async def scenario(ca: Heart) -> None:
        host = await enrolled(ca)
        token, _ = await ca.authority.make_join_token(HostFacts(NAME), 600, "root")
        await ca.enrol(Secret(token), host.certificate.public_key)
        (made,) = (await renew(ca, host, host.certificate.public_key)).certificates
        assert made.principals == (NAME,)

    play(scenario)


def test_a_host_that_never_stops_is_told_to(play: Play, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pace, "RENEWALS", 2)

    async def scenario(ca: Heart) -> None:
        host = await enrolled(ca)
        for _ in range(2):
            await renew(ca, host, host.certificate.public_key)
        with pytest.raises(Throttled):
            await renew(ca, host, host.certificate.public_key)

    play(scenario)
