"""What a call by the day pass, or by a host certificate, carries."""

from __future__ import annotations

import base64
import json
import time

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from daypass.api import REQUEST_NAMESPACE, PassProof
from daypass.client.agents.agent import Agent
from daypass.client.calls import host_token, prover
from daypass.client.signin.subject import agent_signer, signer
from daypass.errors import Invalid
from daypass.wire import PublicKey, SshSignature
from daypass.wire.binding import request_message
from tests.parts.openssh import run_agent
from tests.wire.making import private_key, signed

CA_ID = bytes(range(32))
PASS = signed(public_key=PublicKey.from_cryptography(private_key(2).public_key()))


def judge(header: str, method: str, path: str, body: bytes) -> PassProof:
    proof = PassProof.from_header(header)
    message = request_message(CA_ID, method, path, body, proof.time, proof.nonce)
    SshSignature.parse(proof.proof).verify(REQUEST_NAMESPACE, message, PASS.public_key)
    assert proof.certificate == PASS.encode()
    assert abs(proof.time - time.time()) < 60
    return proof


def test_a_call_is_signed_for_what_it_asks_and_once() -> None:
    prove = prover(CA_ID, PASS, signer(private_key(2)))
    one, other = (judge(prove("POST", "/v1/me/revoke", b"{}"), "POST", "/v1/me/revoke", b"{}") for _ in range(2))
    assert one.nonce != other.nonce
    for method, path, body in (
        ("GET", "/v1/me/revoke", b"{}"),
        ("POST", "/v1/me", b"{}"),
        ("POST", "/v1/me/revoke", b""),
    ):
        with pytest.raises(Invalid):
            judge(one.header(), method, path, body)


def test_an_agent_signs_by_the_entry_of_the_certificate() -> None:
    with run_agent() as running:
        agent = Agent(str(running.socket))
        agent.add(private_key(2), PASS.encode(), 60, "day pass")
        prove = prover(CA_ID, PASS, agent_signer(agent, PASS.encode(), PASS.public_key))
        judge(prove("GET", "/v1/me/certificates", b""), "GET", "/v1/me/certificates", b"")
        with pytest.raises(Invalid):
            agent.sign(PublicKey.from_cryptography(Ed25519PrivateKey.generate().public_key()).blob, b"x")


HEADER = prover(CA_ID, PASS, signer(private_key(2)))("GET", "/", b"")


@pytest.mark.parametrize(
    "header",
    [
        "",
        "Daypass",
        "Daypass ",
        "Bearer x",
        HEADER.lower(),
        HEADER + "=",
        HEADER + " ",
        HEADER.replace(" ", "  "),
        HEADER[:-4],
        "Daypass " + base64.urlsafe_b64encode(b"[" * 100_000).decode(),
        "Daypass é",
    ],
)
def test_a_header_has_one_spelling(header: str) -> None:
    with pytest.raises(Invalid):
        PassProof.from_header(header)


@pytest.mark.parametrize(
    "change", [{"time": -1}, {"time": 2**63}, {"time": 1.5}, {"nonce": "AAAA"}, {"more": 1}, {"proof": None}]
)
def test_a_proof_has_the_fields_of_the_contract_and_no_others(change: dict[str, object]) -> None:
    text = HEADER.partition(" ")[2]
    fields = json.loads(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))
    made = base64.urlsafe_b64encode(json.dumps(fields | change, separators=(",", ":")).encode()).decode().rstrip("=")
    with pytest.raises(Invalid):
        PassProof.from_header(f"Daypass {made}")


def test_a_host_s_token_names_the_route_it_is_for() -> None:
    token = host_token("https://ca.example.com", "rekey", PASS, private_key(2), provisioner="pop")
    claims = json.loads(base64.urlsafe_b64decode(token.split(".")[1] + "=="))
    assert claims["aud"] == "https://ca.example.com/1.0/ssh/rekey#sshpop/pop"
    assert claims["exp"] - claims["iat"] == 300 and abs(claims["iat"] - time.time()) < 60
    assert token != host_token("https://ca.example.com", "rekey", PASS, private_key(2), provisioner="pop")
