"""Names of hosts beside their whole ones: first labels of one domain, and addresses for a day (trust 5.2)."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from daypass.api import BastionWay, ClientBundle, HostBundle
from daypass.config import HostsSection
from daypass.config.schema import BastionSection
from daypass.errors import Conflict, Denied, Invalid
from daypass.model import HostFacts, Secret
from daypass.wire import PublicKey
from tests.ca.heart import Heart, heart
from tests.ca.test_renewals import enrolled, holder, renewed
from tests.parts.op import Op
from tests.parts.sshpop import Holder
from tests.store.ends import revoke

Play = Callable[..., None]
DOMAINS = ["*.example.com", "*.example.org"]
SHORT = HostsSection(domains=DOMAINS, short_names="example.com")
PLAIN = HostsSection(domains=DOMAINS)


@pytest.fixture
def play(op: Op, tmp_path: Path) -> Play:
    def run(scenario: Callable[[Heart], Awaitable[None]], **changes: Any) -> None:
        async def whole() -> None:
            async with heart(op, tmp_path / "ca.sqlite", **changes) as built:
                await scenario(built)

        asyncio.run(whole())

    return run


def test_hosts_directly_in_the_short_domain_get_their_first_labels(play: Play) -> None:
    async def scenario(ca: Heart) -> None:
        names = ("web-1.example.com", "www.example.com", "web.eu.example.com", "web-1.example.org")
        host = await enrolled(ca, *names)
        assert host.certificate.principals == (*names, "web-1", "www")

    play(scenario, hosts=SHORT)


def test_a_renewal_brings_and_takes_first_labels_as_the_policy_says(play: Play) -> None:
    async def scenario(ca: Heart) -> None:
        host = await enrolled(ca, "web-1.example.com", private=Ed25519PrivateKey.generate())
        assert host.certificate.principals == ("web-1.example.com",)
        for section, principals in ((SHORT, ("web-1.example.com", "web-1")), (PLAIN, ("web-1.example.com",))):
            await ca.publish(hosts=section)
            host = await renewed(ca, host)
            assert host.certificate.principals == principals

    play(scenario, hosts=PLAIN)


ADDRESS = "10.0.0.7"
WITH_ADDRESS = HostsSection(domains=DOMAINS, short_names="example.com", addresses=["10.0.0.0/8"])


async def at(ca: Heart, name: str, *addresses: str, private: Ed25519PrivateKey | None = None) -> Holder:
    private = private or Ed25519PrivateKey.generate()
    token, _ = await ca.authority.make_join_token(HostFacts(name, addresses=addresses), 600, "root")
    return holder(private, await ca.enrol(Secret(token), PublicKey.from_cryptography(private.public_key())))


def length(host: Holder) -> int:
    return host.certificate.valid_before - host.certificate.valid_after


def test_an_address_is_a_name_for_a_day_and_as_long_as_the_policy_has_its_network(play: Play) -> None:
    async def scenario(ca: Heart) -> None:
        host = await at(ca, "web-1.example.com", ADDRESS)
        assert host.certificate.principals == ("web-1.example.com", "web-1", ADDRESS) and length(host) == 86460
        host = await renewed(ca, host)
        assert host.certificate.principals == ("web-1.example.com", "web-1", ADDRESS) and length(host) == 86460
        await ca.publish(hosts=SHORT)
        assert (await renewed(ca, host)).certificate.principals == ("web-1.example.com", "web-1")

    play(scenario, hosts=WITH_ADDRESS)


@pytest.mark.parametrize(
    ("address", "error"), [("11.0.0.7", Denied), ("10.0.0.07", Invalid), ("db-1", Invalid), ("fd00::7", Denied)]
)
def test_no_token_is_made_for_an_address_that_is_none_of_ours(
    address: str, error: type[Exception], play: Play
) -> None:
    async def scenario(ca: Heart) -> None:
        with pytest.raises(error):
            await at(ca, "web-1.example.com", address)

    play(scenario, hosts=WITH_ADDRESS)


def test_a_token_with_an_address_is_judged_by_the_policy_of_the_day_it_is_used(play: Play) -> None:
    async def scenario(ca: Heart) -> None:
        token, _ = await ca.authority.make_join_token(
            HostFacts("web-1.example.com", addresses=(ADDRESS,)), 600, "root"
        )
        await ca.publish(hosts=SHORT)
        with pytest.raises(Denied) as refusal:
            await ca.enrol(Secret(token), PublicKey.from_cryptography(Ed25519PrivateKey.generate().public_key()))
        assert refusal.value.code == "policy.host-address"

    play(scenario, hosts=WITH_ADDRESS)


def test_an_address_passes_on_once_its_host_has_no_live_certificate(play: Play) -> None:
    async def scenario(ca: Heart) -> None:
        first = await at(ca, "web-1.example.com", ADDRESS)
        with pytest.raises(Conflict):
            await at(ca, "web-2.example.com", ADDRESS)
        await revoke(ca.store, [first.serial], reason="gone", actor="root", now=int(ca.clock.now()))
        second = await at(ca, "web-2.example.com", ADDRESS)
        assert ADDRESS in second.certificate.principals
        assert [each.addresses for each in await ca.store.hosts()] == [(), (ADDRESS,)]

    play(scenario, hosts=WITH_ADDRESS)


def test_a_host_that_is_given_another_address_frees_the_one_before(play: Play) -> None:
    async def scenario(ca: Heart) -> None:
        mine = Ed25519PrivateKey.generate()
        await at(ca, "web-1.example.com", ADDRESS, private=mine)
        await at(ca, "web-1.example.com", "10.0.0.8", private=mine)
        assert ADDRESS in (await at(ca, "web-2.example.com", ADDRESS)).certificate.principals

    play(scenario, hosts=WITH_ADDRESS)


def test_an_address_that_the_host_has_no_more_is_not_renewed_by_the_certificate_with_it(play: Play) -> None:
    async def scenario(ca: Heart) -> None:
        mine = Ed25519PrivateKey.generate()
        before = await at(ca, "web-1.example.com", ADDRESS, private=mine)
        await at(ca, "web-1.example.com", "10.0.0.8", private=mine)
        assert (await renewed(ca, before)).certificate.principals == ("web-1.example.com", "web-1")

    play(scenario, hosts=WITH_ADDRESS)


IN = BastionSection(name="in", via_hosts=["gate-*"], hosts=["db-*"])


def test_laptops_and_hosts_are_told_of_every_name_and_of_the_way_there(play: Play) -> None:
    async def scenario(ca: Heart) -> None:
        await at(ca, "gate-1.example.com")
        await at(ca, "db-1.example.com", ADDRESS)
        told = msgspec.json.decode((await ca.authority.client_bundle())[0], type=ClientBundle)
        assert told.enrolled == [ADDRESS, "db-1", "db-1.example.com", "gate-1", "gate-1.example.com"]
        assert told.bastions == [BastionWay(via="gate-1.example.com", hosts=[ADDRESS, "db-1", "db-1.example.com"])]
        ca.clock.ahead += 5
        for host in await ca.store.hosts():
            (document, _), _krl = await ca.authority.bundle(host)
            expected = ["gate-1.example.com"] if host.name.startswith("db") else []
            assert msgspec.json.decode(document, type=HostBundle).bastions == expected
        ca.clock.ahead += 5
        await ca.publish(hosts=PLAIN)  # names that laptops would not believe any more are left out
        await ca.authority.force.look()
        told = msgspec.json.decode((await ca.authority.client_bundle())[0], type=ClientBundle)
        assert told.enrolled == ["db-1.example.com", "gate-1.example.com"]
        assert told.bastions == [BastionWay(via="gate-1.example.com", hosts=["db-1.example.com"])]

    play(scenario, hosts=WITH_ADDRESS, bastions=[IN])
