"""Tokens as real providers make them: the certified one and the demo's, each through its own login form."""

from __future__ import annotations

import asyncio
import secrets
from base64 import urlsafe_b64encode
from collections.abc import Iterator
from hashlib import sha256
from urllib.parse import urlencode

import httpx2
import pytest
from tests.parts.certified_op import CertifiedOp
from tests.parts.listener import Listener
from tests.provisioners.desk import CA_ID, KEY, NONCE, SALT

from daypass.ca.clock import SystemClock
from daypass.config import ProviderSection
from daypass.demo.idp import run_idp
from daypass.demo.person import sign_in
from daypass.model import Credential, Proof, Secret, discovery_url
from daypass.provisioners.discovery import provider_client
from daypass.provisioners.oidc import OidcProvisioner


@pytest.fixture(params=["certified", "demo"])
def issuer(request: pytest.FixtureRequest) -> Iterator[str]:
    if request.param == "demo":
        with run_idp() as idp:
            yield idp.issuer
    else:
        certified: CertifiedOp = request.getfixturevalue("certified_op")
        yield certified.issuer


def id_token(issuer: str, listener: Listener, name: str) -> str:
    """The code flow with PKCE, as a client does it."""
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
    sign_in(f"{metadata['authorization_endpoint']}?{urlencode(asked)}", name, name)
    code = listener.answers[-1]["code"]
    form = {**shared, "grant_type": "authorization_code", "code": code, "code_verifier": verifier}
    return str(httpx2.post(metadata["token_endpoint"], data=form, trust_env=False).json()["id_token"])


async def authenticate(issuer: str, token: str) -> Proof:
    section = ProviderSection(name="corp", issuer=issuer, client_id="daypass")
    async with provider_client() as http:
        provisioner = OidcProvisioner(section, CA_ID, SystemClock(), http)
        assert provisioner.recognises(token)
        return await provisioner.authenticate(Credential(Secret(token), (KEY,), salt=SALT))


def test_whoever_signs_in_is_who_the_proof_names(issuer: str, listener: Listener) -> None:
    proof = asyncio.run(authenticate(issuer, id_token(issuer, listener, "alice")))
    assert proof.bound
    assert (proof.identity.issuer, proof.identity.email) == (issuer, "alice@example.com")
    assert proof.identity.login == "alice"
    assert proof.identity.groups == {"engineers", "oncall"}
    assert (proof.identity.amr, proof.identity.acr) == (("pwd",), "urn:example:password")
    assert proof.identity.auth_time is not None
