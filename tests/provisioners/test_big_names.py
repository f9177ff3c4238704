"""The guide's settings for each big name, signed in with at a real provider that answers as that one does."""

from __future__ import annotations

import asyncio
import re
import secrets
import time
import tomllib
from base64 import urlsafe_b64encode
from collections.abc import Iterator
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

import msgspec
import pytest
from tests.parts import visitor
from tests.parts.big_names import ENTRA_GROUP, NAMES, BigNames, rerouted, rerouting, run_big_names
from tests.parts.listener import Listener
from tests.provisioners.desk import CA_ID, KEY, NONCE, SALT

from daypass.ca.ports import Finding
from daypass.config import ProviderSection
from daypass.errors import Unauthenticated
from daypass.model import Credential, Identity, Proof
from daypass.provisioners.oidc import OidcProvisioner
from daypass.provisioners.web import WebClient

GUIDE = Path(__file__).parents[2] / "docs/guide/idp"
ELSEWHERE = "bbbbbbbb-0000-cccc-1111-dddd2222eeee"
PAGE = re.compile(r"## daypass\.toml\n\n```toml\n(.*?)```", re.DOTALL)


@dataclass(slots=True)
class ShiftedClock:
    """This machine's, `ahead` seconds of the provider's."""

    ahead: float = 0.0

    def now(self) -> float:
        return time.time() + self.ahead

    def monotonic(self) -> float:
        return time.monotonic()


@pytest.fixture(scope="module")
def names() -> Iterator[BigNames]:
    with run_big_names() as running:
        yield running


def settings(name: str, **change: Any) -> ProviderSection:
    """As the guide has them."""
    found = PAGE.search((GUIDE / f"{name}.md").read_text())
    assert found is not None
    (table,) = tomllib.loads(found[1])["providers"]
    return msgspec.convert(table | change, ProviderSection)


def sign_in(names: BigNames, listener: Listener, section: ProviderSection, ahead: float = 0.0) -> Proof:
    """Alice at the form, then the CA with what came back, all by daypass's own client."""
    clock = ShiftedClock(ahead)

    async def main() -> Proof:
        async with rerouting(names) as http:
            return await _signed_in(names, listener, OidcProvisioner(section, CA_ID, clock, http),
                                    WebClient(section, clock, http))  # fmt: skip

    return asyncio.run(main())


async def _signed_in(names: BigNames, listener: Listener, provisioner: OidcProvisioner, web: WebClient) -> Proof:
    verifier = secrets.token_urlsafe(32)
    challenge = urlsafe_b64encode(sha256(verifier.encode()).digest()).rstrip(b"=").decode()
    url = await web.url(NONCE, "state-1", challenge, listener.uri)
    with rerouted(names) as browser:
        await asyncio.to_thread(visitor.at_forms, browser, "alice", url)
    redeemed = await web.redeem(listener.answers[-1]["code"], verifier, listener.uri)
    return await provisioner.authenticate(
        Credential(redeemed.id_token, (KEY,), salt=SALT, access_token=redeemed.access_token)
    )


def of(names: BigNames, listener: Listener, name: str, **change: Any) -> Identity:
    return sign_in(names, listener, settings(name, **change)).identity


GROUPS = {
    "google": set(), "entra": {ENTRA_GROUP}, "okta": {"engineers"}, "keycloak": {"engineers"}, "auth0": {"engineers"},
    "gitlab": {"example/engineers"}, "authentik": {"engineers"}, "dex": {"engineers"},
}  # fmt: skip
SILENT = ("google", "dex")  # on when somebody signed in


@pytest.mark.parametrize("name", NAMES)
def test_whoever_signs_in_by_the_guides_settings_is_known(names: BigNames, listener: Listener, name: str) -> None:
    proof = sign_in(names, listener, settings(name))
    who = proof.identity
    assert proof.bound and who.provider == name
    assert (who.issuer, who.login, who.email) == (NAMES[name].issuer, "alice", "alice@example.com")
    assert who.groups == GROUPS[name]
    assert (who.auth_time is None) == (name in SILENT)


@pytest.mark.parametrize("name", NAMES)
def test_an_operator_who_tries_it_sees_that_it_works(names: BigNames, name: str) -> None:
    assert [each for each in tried(names, settings(name)) if not each.ok] == []


def tried(names: BigNames, section: ProviderSection, ahead: float = 0.0) -> list[Finding]:
    async def main() -> list[Finding]:
        async with rerouting(names) as http:
            return list(await OidcProvisioner(section, CA_ID, ShiftedClock(ahead), http).test())

    return asyncio.run(main())


@pytest.mark.parametrize(
    ("name", "change", "groups"),
    [
        ("keycloak", {"groups_claim": "/realm_access/roles"}, {"default-roles-example", "dba"}),
        ("gitlab", {"groups_claim": "groups", "groups_from": "userinfo"},
         {"example", "example/engineers", "example/engineers/dba"}),
        ("okta", {"groups_claim": "teams"}, set()),
    ],
)  # fmt: skip
def test_groups_are_where_the_settings_say(
    names: BigNames, listener: Listener, name: str, change: dict[str, Any], groups: set[str]
) -> None:
    assert of(names, listener, name, **change).groups == groups


def test_a_person_of_entra_is_tenant_and_object_and_of_google_the_subject(
    names: BigNames, listener: Listener
) -> None:
    entra = NAMES["entra"].id_token
    assert of(names, listener, "entra").subject == f"{entra['tid']}/{entra['oid']}"
    with names.saying("google", iss="https://accounts.google.com"):
        long = of(names, listener, "google")
    short = of(names, listener, "google")
    assert (long.issuer, long.subject) == (short.issuer, short.subject) == (
        "https://accounts.google.com", NAMES["google"].id_token["sub"],
    )  # fmt: skip


@pytest.mark.parametrize(
    ("name", "says", "code"),
    [
        ("google", {"hd": "example.org"}, "oidc.hosted-domain"),
        ("google", {"hd": None}, "oidc.hosted-domain"),
        ("entra", {"tid": ELSEWHERE}, "oidc.tenant"),
        ("entra", {"oid": None}, "oidc.access-token"),
        (
            "entra",
            {"iss": f"https://login.microsoftonline.com/{ELSEWHERE}/v2.0"},
            "provider.no-id-token",
        ),
        ("okta", {"iss": "https://example.okta.com"}, "provider.no-id-token"),  # the organisation's own server
        ("keycloak", {"aud": ["daypass", "account"], "azp": "daypass"}, "oidc.audience"),
        ("keycloak", {"azp": "account"}, "oidc.azp"),
        ("keycloak", {"typ": "Bearer"}, "oidc.kind"),
        ("keycloak", {"realm_access": ["dba"]}, "oidc.claim"),
        ("dex", {"aud": ["daypass", "kubernetes"], "azp": "daypass"}, "oidc.audience"),
        ("gitlab", {"aud": "somebody-else"}, "oidc.audience"),
    ],
)
def test_what_a_big_name_says_of_somebody_else_is_refused(
    names: BigNames, listener: Listener, name: str, says: dict[str, Any], code: str
) -> None:
    change = {"groups_claim": "/realm_access/roles"} if "realm_access" in says else {}
    section = settings(name, **change)
    with names.saying(name, **says), pytest.raises(Unauthenticated) as refused:
        sign_in(names, listener, section)
    assert refused.value.code == code


@pytest.mark.parametrize(
    ("name", "verified", "counts"),
    [
        ("keycloak", True, True), ("keycloak", "true", False), ("keycloak", False, False), ("keycloak", None, False),
        ("auth0", "true", False), ("authentik", False, False),
        ("okta", False, False), ("okta", "true", False), ("entra", "true", False),
    ],
)  # fmt: skip
def test_an_address_counts_by_a_plain_true_or_by_trust_where_nothing_is_said(
    names: BigNames, listener: Listener, name: str, verified: object, counts: bool
) -> None:
    with names.saying(name, email_verified=verified):
        who = of(names, listener, name)
    assert (who.email is not None, who.login is not None) == (counts, counts)


def test_a_key_may_change_in_the_middle(names: BigNames, listener: Listener) -> None:
    section, clock = settings("keycloak"), ShiftedClock()

    async def main() -> None:
        async with rerouting(names) as http:
            provisioner, web = OidcProvisioner(section, CA_ID, clock, http), WebClient(section, clock, http)
            before = await _signed_in(names, listener, provisioner, web)
            names.rotate("keycloak")
            provisioner.keys._next_fetch = 0  # half a minute later
            after = await _signed_in(names, listener, provisioner, web)
            assert before.identity.subject == after.identity.subject

    asyncio.run(main())


@pytest.mark.parametrize(("ahead", "accepted"), [(120, True), (45, True), (-45, True), (-120, False)])
def test_a_clock_two_minutes_behind_the_providers_is_named(
    names: BigNames, listener: Listener, ahead: int, accepted: bool
) -> None:
    """A token of the past is one within its life; one of the future nobody takes."""
    if accepted:
        assert sign_in(names, listener, settings("authentik"), ahead).identity.login == "alice"
        return
    with pytest.raises(Unauthenticated) as refused:
        sign_in(names, listener, settings("authentik"), ahead)
    assert (refused.value.code, "timedatectl" in (refused.value.hint or "")) == ("oidc.not-yet", True)
    told = tried(names, settings("authentik"), ahead)[-1]
    assert not told.ok and "ahead of this machine's" in told.what
