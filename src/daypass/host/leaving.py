"""Certificates that a rekey has left behind are given up, and all of a host that leaves: the CA revokes each on the
word of its own key."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import Protocol

import msgspec
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import load_pem_private_key, load_ssh_private_key

from daypass.errors import DaypassError, Invalid, Unavailable
from daypass.host import files
from daypass.host.alone import alone
from daypass.host.calls import holding
from daypass.host.settings import Paths
from daypass.host.state import State
from daypass.host.swap import Left, load_left
from daypass.wire import Certificate
from daypass.wire.sshpop import sshpop_token

__all__ = ["Ca", "give_up", "give_up_all"]

_GONE = ("sshpop.unknown", "sshpop.validity")
_REKEYED, _LEFT = "its host has a new key", "its host has left"


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
            if (error := _given_up(each, ca, _REKEYED)) is not None:
                serial = Certificate.parse(each.certificate).serial
                waiting.append(each)
                said.append(f"the old certificate {serial} is not given up yet: {error.message}")
        if waiting:
            files.write(paths.given_up, msgspec.json.encode(waiting), 0o600)
        else:
            files.remove(paths.given_up)
        return said


def give_up_all(paths: Paths, state: State, ca: Ca) -> str:
    """Every certificate of a host that leaves; why it could not be, "" where it was. The caller holds the lock."""
    held = [holding(each) for each in state.certificates]
    mine = [Left(found[0].encode(), Path(found[1].path).read_bytes()) for found in held if found is not None]
    troubles = list[DaypassError]()
    for each in (*load_left(paths.given_up), *mine):
        if (error := _given_up(each, ca, _LEFT)) is not None:
            troubles.append(error)
            if isinstance(error, Unavailable):
                break
    return troubles[0].message if troubles else ""


def _given_up(each: Left, ca: Ca, reason: str) -> DaypassError | None:
    """Why it could not be. What has ended, is revoked, or is unknown there needs nothing."""
    certificate = Certificate.parse(each.certificate)
    try:
        if certificate.valid_before > time.time():
            _give_up(certificate, each.key, ca, reason)
    except Invalid:  # it is revoked already
        return None
    except DaypassError as error:
        return None if error.code in _GONE else error
    return None


def _give_up(certificate: Certificate, content: bytes, ca: Ca, reason: str) -> None:
    load = load_ssh_private_key if content.startswith(b"-----BEGIN OPENSSH") else load_pem_private_key
    key = load(content, None)
    if not isinstance(key, ed25519.Ed25519PrivateKey | ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey):
        raise Invalid("a key of a type that has no certificates")
    audience = f"{ca.url}/1.0/ssh/revoke"
    ott = sshpop_token(key, certificate, audience=audience, now=int(time.time()), jti=os.urandom(16).hex())
    ca.revoke_host(ott, certificate.serial, reason=reason)
