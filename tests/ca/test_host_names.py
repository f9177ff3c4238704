"""Names of hosts beside their whole ones: first labels of one domain, and addresses for a day (trust 5.2)."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from daypass.config import HostsSection
from tests.ca.heart import Heart, heart
from tests.ca.test_renewals import enrolled, renewed
from tests.parts.op import Op

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
