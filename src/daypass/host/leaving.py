"""Certificates that a rekey has left behind are given up: the CA revokes each on the word of its own old key."""

from __future__ import annotations

import os
import time
from typing import Protocol

import msgspec
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import load_pem_private_key, load_ssh_private_key

from daypass.errors import DaypassError, Invalid
from daypass.host import files
from daypass.host.alone import alone
from daypass.host.settings import Paths
from daypass.host.swap import Left, load_left
from daypass.wire import Certificate
from daypass.wire.sshpop import sshpop_token

__all__ = ["Ca", "give_up"]

_GONE = ("sshpop.unknown", "sshpop.validity")
_REASON = "its host has a new key"


class Ca(Protocol):
    """A pinned connection to the CA at `url`."""

    @property
    def url(self) -> str: ...

    def revoke_host(self, ott: str, serial: int, *, reason: str = "") -> None: ...


def give_up(paths: Paths, ca: Ca) -> list[str]:
    """Says what could not be given up yet; it is tried again. What has ended, or is unknown there, is forgotten."""
    if not paths.given_up.exists():
        return []
    with alone(paths):
        waiting, said = list[Left](), list[str]()
        for each in load_left(paths.given_up):
            certificate = Certificate.parse(each.certificate)
            try:
                if certificate.valid_before > time.time():
                    _give_up(certificate, each.key, ca)
            except Invalid:  # it is revoked already
                continue
            except DaypassError as error:
                if error.code in _GONE:
                    continue
                waiting.append(each)
                said.append(f"the old certificate {certificate.serial} is not given up yet: {error.message}")
        if waiting:
            files.write(paths.given_up, msgspec.json.encode(waiting), 0o600)
        else:
            files.remove(paths.given_up)
        return said


def _give_up(certificate: Certificate, content: bytes, ca: Ca) -> None:
    load = load_ssh_private_key if content.startswith(b"-----BEGIN OPENSSH") else load_pem_private_key
    key = load(content, None)
    if not isinstance(key, ed25519.Ed25519PrivateKey | ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey):
        raise Invalid("a key of a type that has no certificates")
    audience = f"{ca.url}/1.0/ssh/revoke"
    ott = sshpop_token(key, certificate, audience=audience, now=int(time.time()), jti=os.urandom(16).hex())
    ca.revoke_host(ott, certificate.serial, reason=_REASON)
