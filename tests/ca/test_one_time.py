"""One-time tokens and client certificates before a whole CA: what they yield, and that they do so once."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from msgspec.structs import replace

from daypass.ca.authority import Issuance
from daypass.config import JwkSection, RoleSection, X5cSection
from daypass.errors import Conflict, Denied, Unauthenticated
from daypass.model import Credential, Request, Secret
from daypass.provisioners.jwk import JwkProvisioner
from daypass.provisioners.x5c import X5cProvisioner
from daypass.wire import Certificate, CertType, PublicKey
from tests.ca.heart import ENGINEERS, Heart, Scenario, heart, new_key
from tests.parts.clientcert import make_root
from tests.parts.onetime import jwk_of, one_time
from tests.parts.op import Op

HOLDER = ec.generate_private_key(ec.SECP256R1())
OPS = JwkSection(name="ops", key=jwk_of(HOLDER), hosts=["*.example.com"], users=True)
ROOT = make_root(time.time() - 60)
MESH = X5cSection(name="mesh", roots=[ROOT.pem], trust_domain="example.com")
ROLES = [
    replace(ENGINEERS, provider="idp"),
    RoleSection(name="oncall", provider="ops", emails=["alice@example.com"], hosts=["*"], accounts=["{login}"]),
    RoleSection(name="deploy", provider="mesh", claims={"uri": ["spiffe://example.com/ci"]}, hosts=["*"],
                accounts=["deploy"]),
]  # fmt: skip
NAMES = ["ca.example.com"]
WEB = "web-1.example.com"
Play = Callable[[Scenario], None]


@pytest.fixture
def play(op: Op, tmp_path: Path) -> Play:
    def run(scenario: Scenario) -> None:
        async def whole() -> None:
            async with heart(op, tmp_path / "ca.sqlite", jwk=[OPS], x5c=[MESH], roles=ROLES) as ca:
                force = ca.authority.force
                ours = (
                    JwkProvisioner(OPS, NAMES, ca.store.on_record, ca.clock),
                    X5cProvisioner(MESH, NAMES, ca.clock),
                )
                force._last = _with(force.current, ours)
                await scenario(ca)

        asyncio.run(whole())

    return run


def _with(force: Any, more: tuple[Any, ...]) -> Any:
    from dataclasses import replace as changed

    return changed(force, provisioners=(*force.provisioners, *more))


def token(subject: str, keys: tuple[PublicKey, ...] = (), **changes: Any) -> Secret:
    return Secret(one_time(HOLDER, issuer="ops", now=time.time(), subject=subject, keys=keys, **changes))


async def person(ca: Heart, shown: Secret, key: PublicKey, **said: Any) -> Issuance:
    return await ca.authority.issue(Request(CertType.USER, (key,)), Credential(shown, (key,), **said))


async def host(ca: Heart, shown: Secret, key: PublicKey) -> Issuance:
    credential = Credential(shown, (key,), act=b"enrol", possessed=True)
    return await ca.authority.issue(Request(CertType.HOST, (key,)), credential)


def test_a_person_gets_what_roles_give_them_and_the_same_again_for_the_same_key(play: Play) -> None:
    async def scenario(ca: Heart) -> None:
        key = new_key()
        shown = token("alice@example.com", (key,), principals=["root"])
        first = await person(ca, shown, key)
        assert first.certificates[0].principals == ("role:oncall:alice",)  # and no root, whatever the token wishes
        again = await person(ca, shown, key)
        assert again.certificates == first.certificates and again.again

    play(scenario)


def test_a_stolen_token_that_comes_with_another_key_ends_what_it_gave(play: Play) -> None:
    async def scenario(ca: Heart) -> None:
        shown, mine = token("alice@example.com"), new_key()
        first = await person(ca, shown, mine, possessed=True)
        with pytest.raises(Unauthenticated) as refusal:
            await person(ca, shown, new_key(), possessed=True)
        assert refusal.value.code == "token.spent"
        found = await ca.store.on_record(first.certificates[0].serial)
        assert found is not None and found.revoked_at is not None
        assert "credential.reused" in await ca.acts()

    play(scenario)


def test_a_host_token_gives_its_host_a_certificate_and_takes_no_living_hosts_name(play: Play) -> None:
    async def scenario(ca: Heart) -> None:
        key = new_key()
        made = await host(ca, token(WEB, (key,), kind="host"), key)
        assert made.certificates[0].principals[0] == WEB and made.host is not None
        with pytest.raises(Conflict):
            await host(ca, token(WEB, kind="host"), new_key())

    play(scenario)


def test_a_hosts_token_gives_no_person_anything_and_a_persons_no_host(play: Play) -> None:
    async def scenario(ca: Heart) -> None:
        key = new_key()
        with pytest.raises(Denied):
            await person(ca, token(WEB, (key,), kind="host"), key)
        with pytest.raises(Unauthenticated):
            await host(ca, token("alice@example.com", (key,)), key)

    play(scenario)


def test_its_holder_revokes_the_host_it_vouched_for_which_then_needs_a_new_key(play: Play) -> None:
    async def scenario(ca: Heart) -> None:
        key = new_key()
        serial = (await host(ca, token(WEB, (key,), kind="host"), key)).certificates[0].serial
        shown = token(str(serial), route="/1.0/ssh/revoke", without=("step",))
        with pytest.raises(Denied):
            await ca.authority.renewals.revoke(shown, "7", {})
        await ca.authority.renewals.revoke(shown, str(serial), {})
        found = await ca.store.on_record(serial)
        assert found is not None and found.revoked_at is not None
        with pytest.raises(Denied) as refusal:
            await host(ca, token(WEB, (key,), kind="host"), key)
        assert refusal.value.code == "policy.revoked-key"

    play(scenario)


def test_its_holder_revokes_no_certificate_of_somebody_who_signed_in_elsewhere(play: Play) -> None:
    async def scenario(ca: Heart) -> None:
        issued, _ = await ca.sign_in(groups=["engineers"])
        serial = str(issued.certificates[0].serial)
        with pytest.raises(Unauthenticated):
            await ca.authority.renewals.revoke(token(serial, route="/ssh/revoke", without=("step",)), serial, {})

    play(scenario)


def test_a_workload_has_shared_accounts_of_its_role_and_no_longer_than_its_own_certificate(play: Play) -> None:
    async def scenario(ca: Heart) -> None:
        client, key = ROOT.client([x509.UniformResourceIdentifier("spiffe://example.com/ci")]), new_key()
        text = one_time(client.key, issuer="mesh", now=time.time(), subject="ci", keys=(key,), chain=client.chain)
        made = await person(ca, Secret(text), key)
        assert made.certificates[0].principals == ("role:deploy",)
        held = Certificate.parse(made.certificates[0].certificate)
        assert held.key_id == "mesh:spiffe://example.com/ci"
        assert held.valid_before <= x509.load_der_x509_certificate(client.chain[0]).not_valid_after_utc.timestamp()

    play(scenario)
