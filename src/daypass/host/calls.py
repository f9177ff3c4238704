"""Calls to the CA that this host's certificate speaks for."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from daypass.api import CALL_NONCE_SIZE, HOST_REQUEST_NAMESPACE, HostProof
from daypass.errors import DaypassError, Misconfigured
from daypass.host.hostkeys import HostKey, load_host_keys
from daypass.host.state import CertificateState, State
from daypass.wire import Certificate, SshSignature, sign_blob
from daypass.wire.binding import request_message
from daypass.wire.sshsig import to_be_signed

__all__ = ["Prove", "certificates", "holding", "holds", "prover"]

Prove = Callable[[str, str, bytes], str]


def prover(state: State) -> Prove:
    """What `Remote.host_sync` takes to speak for this host, by the first certificate whose key is still there."""
    certificate, key = _holding(state)
    ca_id = bytes.fromhex(state.ca_id)

    def prove(method: str, path: str, body: bytes) -> str:
        now, nonce = int(time.time()), os.urandom(CALL_NONCE_SIZE)
        message = request_message(ca_id, method, path, body, now, nonce)
        signature = sign_blob(key.private_key, to_be_signed(HOST_REQUEST_NAMESPACE, message))
        proof = SshSignature(key.public_key, HOST_REQUEST_NAMESPACE, "sha512", signature).encode()
        return HostProof(certificate=certificate.encode(), time=now, nonce=nonce, proof=proof).header()

    return prove


def certificates(state: State) -> list[Certificate]:
    """Those of this host that can be read: what its sshd presents."""
    found = list[Certificate]()
    for each in state.certificates:
        with suppress(OSError, UnicodeDecodeError, DaypassError):
            found.append(Certificate.from_line(Path(each.path).read_text(encoding="ascii")))
    return found


def holding(each: CertificateState) -> tuple[Certificate, HostKey] | None:
    """One certificate with its private key; None where either is gone, or they are not each other's."""
    try:
        certificate = Certificate.from_line(Path(each.path).read_text(encoding="ascii"))
        (key,), _ = load_host_keys([Path(each.key)])
    except (OSError, UnicodeDecodeError, DaypassError):
        return None
    return (certificate, key) if key.public_key == certificate.public_key else None


def holds(each: CertificateState) -> bool:
    return holding(each) is not None


def _holding(state: State) -> tuple[Certificate, HostKey]:
    found = next((found for each in state.certificates if (found := holding(each)) is not None), None)
    if found is not None:
        return found
    raise Misconfigured(
        "no certificate of this host has its key beside it",
        code="host.certificate",
        hint="enrol it again: daypass token host NAME on the CA's machine, then daypass host enroll here",
    )
