"""Talking to one agent: what goes in, what is listed, what comes out again."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from daypass.client.agents.agent import Agent
from daypass.errors import Unavailable
from daypass.wire import PublicKey
from daypass.wire import agent as wire
from tests.client.mini_ca import MiniCa
from tests.parts.openssh import Agent as Part
from tests.parts.openssh import make_key

FAILURE = b"\x05"


def test_a_certificate_leaves_the_agent_when_its_lifetime_is_over(agent: Part) -> None:
    key, ca = Ed25519PrivateKey.generate(), MiniCa()
    certificate = ca.certify(PublicKey.from_cryptography(key.public_key()))
    Agent(str(agent.socket)).add(key, certificate, 1, "short")
    assert Agent(str(agent.socket)).holds(certificate)
    deadline = time.monotonic() + 30
    while Agent(str(agent.socket)).holds(certificate):
        assert time.monotonic() < deadline
        time.sleep(0.1)


def test_confirm_reaches_the_agent_that_asks_before_each_use(agent: Part) -> None:
    """Without a way to ask, OpenSSH's agent says no (ssh-agent(1), SSH_ASKPASS)."""
    key, ca, found = Ed25519PrivateKey.generate(), MiniCa(), Agent(str(agent.socket))
    certificate = ca.certify(PublicKey.from_cryptography(key.public_key()))
    found.probe(confirm=True)
    for confirm, signs in ((False, True), (True, False)):
        found.add(key, certificate, 60, "asks", confirm=confirm)
        answer = found._ask(wire.sign_request(certificate, b"data"))
        assert (answer[:1] != FAILURE) is signs
        found.remove(certificate)


def test_ours_are_told_by_their_signature_and_others_stay(agent: Part, tmp_path: Path) -> None:
    """Comments prove nothing: anyone can write `daypass` into one."""
    found, ca, other = Agent(str(agent.socket)), MiniCa(), MiniCa()
    ours, theirs = ([], [])  # type: tuple[list[bytes], list[bytes]]
    for issuer, blobs in ((ca, ours), (other, theirs)):
        for _ in range(3):
            key = Ed25519PrivateKey.generate()
            blobs.append(issuer.certify(PublicKey.from_cryptography(key.public_key())))
            found.add(key, blobs[-1], 60, "daypass:somewhere")
    agent.add(make_key(tmp_path / "id"))
    trusted = [PublicKey.from_cryptography(ca.user_ca.public_key())]
    assert found.remove_certified_by(trusted, keep=[ours[2]]) == 2
    left = [identity.blob for identity in found.identities()]
    assert set(left) >= {*theirs, ours[2]}
    assert len(left) == 5


def test_nobody_at_the_socket_is_unavailable(tmp_path: Path) -> None:
    with pytest.raises(Unavailable):
        Agent(str(tmp_path / "none")).identities()
