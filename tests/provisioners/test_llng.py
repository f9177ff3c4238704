"""LemonLDAP::NG as the identity provider, by its own login form: who signs in, with what e-mail, in which groups."""

from __future__ import annotations

import asyncio
import secrets
import time
from base64 import urlsafe_b64encode
from collections.abc import Iterator
from hashlib import sha256
from urllib.parse import urlencode

import httpx2
import pytest
from tests.ca.staff import grant, policy, role
from tests.parts import visitor
from tests.parts.listener import Listener, run_listener
from tests.parts.llng import run_llng
from tests.provisioners.desk import CA_ID, KEY, NONCE, OTHER_KEY, SALT

from daypass.ca.clock import SystemClock
from daypass.config import ProviderSection
from daypass.errors import Denied, Unauthenticated
from daypass.model import Credential, Proof, Secret, discovery_url
from daypass.provisioners.discovery import provider_client
from daypass.provisioners.oidc import OidcProvisioner
from daypass.wire import PublicKey


@pytest.fixture(scope="module")
def portal() -> Iterator[tuple[str, Listener]]:
    with run_listener() as listener, run_llng(listener.uri) as issuer:
        yield issuer, listener


def signed_in(issuer: str, listener: Listener, name: str, **change: str) -> httpx2.Response:
    """What the token endpoint says after the form, the code and PKCE."""
    verifier = secrets.token_urlsafe(32)
    shared = {"client_id": "daypass", "redirect_uri": listener.uri}
    asked = {
        **shared,
        "response_type": "code",
        "scope": "openid email profile",
        "nonce": NONCE,
        "max_age": "3600",
        "code_challenge": urlsafe_b64encode(sha256(verifier.encode()).digest()).rstrip(b"=").decode(),
        "code_challenge_method": "S256",
    }
    metadata = httpx2.get(discovery_url(issuer), trust_env=False).json()
    with httpx2.Client(follow_redirects=True, timeout=20, trust_env=False) as browser:
        visitor.at_forms(browser, name, f"{metadata['authorization_endpoint']}?{urlencode(asked)}")
    code = listener.answers[-1]["code"]
    form = {**shared, "grant_type": "authorization_code", "code": code, "code_verifier": verifier, **change}
    return httpx2.post(metadata["token_endpoint"], data=form, trust_env=False)


async def authenticate(issuer: str, token: str, key: PublicKey = KEY) -> Proof:
    section = ProviderSection(
        name="lemonldap", issuer=issuer, client_id="daypass", trust_email=True, email_domains=["badwolf.org"]
    )
    async with provider_client() as http:
        provisioner = OidcProvisioner(section, CA_ID, SystemClock(), http)
        assert provisioner.recognises(token)
        return await provisioner.authenticate(Credential(Secret(token), (key,), salt=SALT))


PEOPLE = [("dwho", {"timelords", "users"}), ("rtyler", {"earthlings", "users"})]


@pytest.mark.parametrize(("name", "groups"), PEOPLE, ids=("dwho", "rtyler"))
def test_whoever_signs_in_has_the_e_mail_and_the_groups_the_portal_says(
    portal: tuple[str, Listener], name: str, groups: set[str]
) -> None:
    token = signed_in(*portal, name).json()["id_token"]
    proof = asyncio.run(authenticate(portal[0], token))
    assert proof.bound
    assert (proof.identity.issuer, proof.identity.subject) == (portal[0], name)
    assert proof.identity.email == f"{name}@badwolf.org"
    assert proof.identity.groups == groups
    assert proof.identity.auth_time is not None


def test_a_token_made_for_one_key_is_no_good_for_another(portal: tuple[str, Listener]) -> None:
    token = signed_in(*portal, "dwho").json()["id_token"]
    with pytest.raises(Unauthenticated, match=r"nonce|key"):
        asyncio.run(authenticate(portal[0], token, OTHER_KEY))


def test_a_code_without_its_verifier_gives_no_token(portal: tuple[str, Listener]) -> None:
    answer = signed_in(*portal, "dwho", code_verifier=secrets.token_urlsafe(32))
    assert answer.status_code == 400 and "id_token" not in answer.json()


def test_a_role_for_timelords_is_for_no_earthling(portal: tuple[str, Listener]) -> None:
    rules = policy(role(groups=["timelords"], accounts=["tardis"]), providers=("lemonldap",))
    who = {
        name: asyncio.run(authenticate(portal[0], signed_in(*portal, name).json()["id_token"])).identity
        for name, _ in PEOPLE
    }
    assert "role:eng" in grant(rules, now=int(time.time()), who=who["dwho"]).principals
    with pytest.raises(Denied) as caught:
        grant(rules, now=int(time.time()), who=who["rtyler"])
    assert caught.value.code == "policy.no-role"
