"""A token by a host's key, with its certificate in the header."""

from __future__ import annotations

import asyncio
from base64 import urlsafe_b64decode
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from tests.parts.sshpop import Holder
from tests.provisioners.desk import StillClock
from tests.provisioners.kinds import CA_ID, CA_URL, NOW, Desk, Made

from daypass.ca.ports import OnRecord
from daypass.model import Credential, Secret
from daypass.provisioners.sshpop import ACTS, LEEWAY, SshPopProvisioner
from daypass.wire import Certificate, CertType, PublicKey, sign_blob

__all__ = ["open_desk"]

HOST_CA, FOREIGN_CA, HOST = (Ed25519PrivateKey.from_private_bytes(bytes([at]) * 32) for at in (2, 3, 4))


def _public(key: Ed25519PrivateKey) -> PublicKey:
    return PublicKey.from_cryptography(key.public_key())


@contextmanager
def open_desk(runner: asyncio.Runner) -> Iterator[Desk]:
    records, clock = dict[int, OnRecord](), StillClock()
    keys = {CertType.USER: (), CertType.HOST: (_public(HOST_CA),)}

    async def lookup(serial: int) -> OnRecord | None:
        return records.get(serial)

    def make(made: Made) -> Credential:
        act = made.act if made.act in ACTS else b"renew"
        ca = HOST_CA if made.known else FOREIGN_CA
        holder = Holder(HOST, _certified(ca, made.at))
        if made.known:
            records[holder.serial] = _on_record(holder.certificate)
        audience = f"{made.ca_url}/1.0/ssh/{act.decode()}#sshpop/sshpop"
        return Credential(Secret(holder.token(act.decode(), now=made.at, aud=audience)), (), act=act)

    yield Desk(
        provisioner=SshPopProvisioner(CA_ID, [CA_URL.removeprefix("https://")], keys.__getitem__, lookup, clock),
        clock=clock,
        runner=runner,
        make=make,
        life=300 + LEEWAY,
        early=LEEWAY,
        routes=("renew", "rekey", "revoke"),
        unbound=("key",),  # the next certificate is for the key in this one
        bare=_bare,
    )


def _bare(token: str) -> Callable[[], object]:
    """Two signatures: the CA's under the certificate, the host's under the token."""
    signed, _, signature = token.rpartition(".")
    held = _certified(HOST_CA, NOW)
    data, ours, theirs = held.to_be_signed(), held.signature[-64:], urlsafe_b64decode(f"{signature}==")
    ca, host = HOST_CA.public_key(), HOST.public_key()

    def verify() -> None:
        ca.verify(ours, data)
        host.verify(theirs, signed.encode())

    return verify


def _certified(ca: Ed25519PrivateKey, at: float) -> Certificate:
    """Live for an hour before and after, so that it is the token's time that counts."""
    after, before = int(at) - 3600, int(at) + 3600
    names = ("web-1.example.com",)
    draft = Certificate(
        bytes(32), _public(HOST), 7, CertType.HOST, "web-1", names, after, before, (), (), signature_key=_public(ca)
    )
    return draft.with_signature(sign_blob(ca, draft.to_be_signed()))


def _on_record(held: Certificate) -> OnRecord:
    times = held.valid_after, held.valid_before
    return OnRecord(held.serial, held.key_id, held.encode(), held.principals, *times, None, host="ab" * 16)
