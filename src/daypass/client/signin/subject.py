"""Whose certificate a sign-in is for: a public key, how it shows that it is ours, and where the certificate goes.

The day pass's key is made in memory and goes into the agent; `daypass certificate` brings one from a file, an agent
or a security key. The sign-in is the same for all of them.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from daypass.client.agents.agent import Agent
from daypass.wire import PublicKey, SshSignature, sign_blob
from daypass.wire.certificate import Certificate
from daypass.wire.pyca import PrivateKey
from daypass.wire.sshsig import to_be_signed

__all__ = ["Prove", "Subject", "agent_signer", "signer"]

Prove = Callable[[str, bytes], SshSignature]
"""An SSHSIG by the key, over (namespace, message)."""


@dataclass(frozen=True, slots=True)
class Subject:
    """One key to be certified, and what is wished for it.

    `keep` gets the certificate once it is found to be right, and before the browser hears that all went well; what it
    raises ends the sign-in. `begin` is in seconds from now.
    """

    key: PublicKey
    prove: Prove
    keep: Callable[[Certificate], None]
    key_id: str = ""  # the CA decides; this is what was asked for
    principals: tuple[str, ...] = ()  # none: all that the roles give
    begin: int = 0
    role: str = ""  # this role alone, for which the person signs in anew


def signer(key: PrivateKey) -> Prove:
    """Proofs by a key that this process holds."""
    public = PublicKey.from_cryptography(key.public_key())

    def prove(namespace: str, message: bytes) -> SshSignature:
        return SshSignature(public, namespace, "sha512", sign_blob(key, to_be_signed(namespace, message)))

    return prove


def agent_signer(agent: Agent, blob: bytes, key: PublicKey) -> Prove:
    """Proofs by a key that an agent holds, in the entry `blob`: the key's own, or a certificate's."""

    def prove(namespace: str, message: bytes) -> SshSignature:
        return SshSignature(key, namespace, "sha512", agent.sign(blob, to_be_signed(namespace, message)))

    return prove
