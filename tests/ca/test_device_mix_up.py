"""One of several providers lies: it has a person sign in at another one, to be brought that one's code (RFC 9700
section 4.4)."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest

from daypass.config import CALLBACK, ProviderSection, RoleSection
from daypass.errors import Denied, Unauthenticated
from tests.ca.elsewhere import Browser, at_provider, begun, refused
from tests.ca.heart import Heart, heart
from tests.parts.op import Op, run_op

TOKEN = "/token"


def with_two(honest: Op, liar: Op, folder: Path, scenario: Callable[[Heart], Awaitable[None]]) -> None:
    sections = [
        ProviderSection(name=name, issuer=op.issuer, client_id=op.client_id, max_age="")
        for name, op in (("corp", honest), ("partner", liar))
    ]
    role = RoleSection(name="engineers", hosts=["*"], provider="corp", groups=["engineers"], accounts=["{login}"])

    async def go() -> None:
        async with heart(honest, folder / "ca.sqlite", providers=sections, roles=[role]) as ca:
            await scenario(ca)

    asyncio.run(go())


def at_the_other(url: str, honest: Op) -> str:
    """Where a provider that lies sends the browser on to: the other one's door, with all that the CA has asked, and
    the only address that is registered there."""
    asked = urlsplit(url)
    own = parse_qs(asked.query)["redirect_uri"][0]
    query = asked.query.replace("%2Fpartner", "%2Fcorp")
    assert own.endswith(f"{CALLBACK}/partner") and query != asked.query
    return f"{honest.issuer}/authorize?{query}"


@pytest.mark.parametrize("at", ["/corp", "", "/partner/", "/nobody"])
def test_no_provider_is_brought_another_one_s_code(op: Op, tmp_path: Path, at: str) -> None:
    async def scenario(ca: Heart, liar: Op) -> None:
        terminal, browser = await begun(ca, provider="partner"), Browser(ca.devices)
        await browser.type(terminal)
        stolen = await at_provider(at_the_other(await browser.say(yes=True), op), "alice")
        del stolen["iss"]  # as providers answer that don't know RFC 9207
        await refused(Unauthenticated, browser.come_back(at, **stolen), "device.state")
        assert liar.hits[TOKEN] == 0
        own = await at_provider(await browser.say(yes=True), "alice")  # what was refused has spoiled nothing
        await refused(Denied, browser.come_back("/partner", **own), "policy.no-role")
        assert liar.hits[TOKEN] == 1

    with run_op() as liar:
        with_two(op, liar, tmp_path, lambda ca: scenario(ca, liar))
