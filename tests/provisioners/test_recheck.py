"""The certified provider, asked again: tokens that rotate, an account that is gone, a token that was used up."""

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

from daypass.ca.clock import SystemClock
from daypass.ca.recheck_ports import Verdict, Word
from daypass.config import ProviderSection, RecheckSection
from daypass.demo.person import sign_in
from daypass.model import Secret, discovery_url
from daypass.provisioners.discovery import provider_client
from daypass.provisioners.recheck import ProviderChecker


def refresh_token(issuer: str, listener: Listener, name: str) -> str:
    """As `daypass login` gets it."""
    verifier = secrets.token_urlsafe(32)
    shared = {"client_id": "daypass", "redirect_uri": listener.uri}
    asked = {
        **shared,
        "response_type": "code",
        "scope": "openid email profile offline_access",
        "prompt": "consent",
        "code_challenge": urlsafe_b64encode(sha256(verifier.encode()).digest()).rstrip(b"=").decode(),
        "code_challenge_method": "S256",
    }
    metadata = httpx2.get(discovery_url(issuer), trust_env=False).json()
    sign_in(f"{metadata['authorization_endpoint']}?{urlencode(asked)}", name, name)
    code = listener.answers[-1]["code"]
    form = {**shared, "grant_type": "authorization_code", "code": code, "code_verifier": verifier}
    return str(httpx2.post(metadata["token_endpoint"], data=form, trust_env=False).json()["refresh_token"])


def ask(issuer: str, token: str, subject: str = "id-alice", by: str = "refresh") -> Word:
    async def asked() -> Word:
        section = ProviderSection(name="corp", issuer=issuer, client_id="daypass")
        async with provider_client() as http:
            checker = ProviderChecker(section, RecheckSection(every="15m", by=by), SystemClock(), http)
            return await checker.ask(Secret(token), subject)

    return asyncio.run(asked())


@pytest.fixture
def alice(certified_op: CertifiedOp, listener: Listener) -> Iterator[str]:
    yield refresh_token(certified_op.issuer, listener, "alice")
    certified_op.enable("alice")


def test_each_answer_brings_the_next_token(certified_op: CertifiedOp, alice: str) -> None:
    first = ask(certified_op.issuer, alice)
    assert first.verdict is Verdict.GOOD and first.token is not None
    assert first.token.reveal() != alice
    assert ask(certified_op.issuer, first.token.reveal()).verdict is Verdict.GOOD


def test_an_account_that_is_gone_is_over(certified_op: CertifiedOp, alice: str) -> None:
    certified_op.disable("alice")
    assert ask(certified_op.issuer, alice) == Word(Verdict.OVER, "invalid_grant")


def test_to_introspect_uses_nothing_up(certified_op: CertifiedOp, alice: str) -> None:
    for _ in range(2):
        assert ask(certified_op.issuer, alice, by="introspection") == Word(Verdict.GOOD)
    assert ask(certified_op.issuer, alice).verdict is Verdict.GOOD


def test_a_token_that_was_used_before_looks_like_an_account_that_is_gone(
    certified_op: CertifiedOp, alice: str
) -> None:
    """Why a try that nobody knows the end of puts the next word in doubt."""
    assert ask(certified_op.issuer, alice).verdict is Verdict.GOOD
    assert ask(certified_op.issuer, alice) == Word(Verdict.OVER, "invalid_grant")
    assert ask(certified_op.issuer, alice, by="introspection") == Word(Verdict.OVER, "active: false")


def test_a_token_of_somebody_else_is_told(certified_op: CertifiedOp, alice: str) -> None:
    assert ask(certified_op.issuer, alice, "id-bob").verdict is Verdict.OTHER


def test_a_provider_that_is_not_there_was_not_asked() -> None:
    assert ask("http://127.0.0.1:9", "hunter2") == Word(Verdict.DOWN, "ConnectError")


SAID = [
    ("nothing of whom", {}, Verdict.GOOD),
    ("theirs", {"id_token": "alice"}, Verdict.GOOD),
    ("another's", {"id_token": "bob"}, Verdict.OTHER),
    ("one that can't be read", {"id_token": "x"}, Verdict.OTHER),
]


@pytest.mark.parametrize(("more", "verdict"), [row[1:] for row in SAID], ids=[row[0] for row in SAID])
def test_a_refresh_token_of_another_person_s_vouches_for_nobody(more: dict[str, str], verdict: Verdict) -> None:
    def token(sub: str) -> str:
        return "e30." + urlsafe_b64encode(f'{{"sub":"id-{sub}"}}'.encode()).rstrip(b"=").decode() + ".x"

    async def asked() -> Word:
        section = ProviderSection(name="corp", issuer="https://idp.example", client_id="daypass")
        async with provider_client() as http:
            checker = ProviderChecker(section, RecheckSection(every="15m"), SystemClock(), http)
            told = {name: token(value) if value != "x" else value for name, value in more.items()}
            return checker._refreshed(200, {"access_token": "a"} | told, "id-alice")

    assert asyncio.run(asked()).verdict is verdict
