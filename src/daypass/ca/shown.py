"""Calls that a certificate speaks for: it is shown together with a signature by its key over this very call."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from msgspec import Struct

from daypass.ca.ports import OnRecord, Store
from daypass.errors import Invalid, Unauthenticated
from daypass.model import OnceId
from daypass.wire import Certificate, CertType, PublicKey, SshSignature
from daypass.wire.binding import request_message

__all__ = ["MARGIN", "WINDOW", "Call", "Keys", "Shown"]

WINDOW = 60  # seconds that a caller's clock may be off, either way
MARGIN = 60  # seconds a nonce is kept beyond the last moment it could pass, for other CA processes' clocks


Keys = Callable[[], tuple[PublicKey, ...]]
"""The CA keys that are believed now."""


class Call(Struct, frozen=True):
    """What came over HTTP: the call itself, and what is shown for it. Nothing is believed yet."""

    method: str
    path: str
    body: bytes
    certificate: bytes
    time: int
    nonce: bytes
    proof: bytes


@dataclass(frozen=True, slots=True)
class Shown:
    """Judges the certificates of one kind of caller. `refused` makes the error: its code, the reason, and a hint."""

    kind: CertType
    namespace: str
    provider: str  # name space of the nonces
    ca_id: bytes
    keys: Keys
    refused: Callable[..., Unauthenticated]

    def verified(self, call: Call, now: int) -> Certificate:
        """A live certificate of ours, and its key's signature over this very call. What costs nothing comes first."""
        if abs(now - call.time) > WINDOW:
            apart = f"it was made {abs(now - call.time)} s from now by the CA's clock"
            raise self.refused("time", apart, "set your clock: timedatectl")
        message = request_message(self.ca_id, call.method, call.path, call.body, call.time, call.nonce)
        try:
            certificate = Certificate.parse(call.certificate)
            self._check(certificate, now)
            certificate.verify_signature()
            SshSignature.parse(call.proof).verify(self.namespace, message, certificate.public_key)
        except Invalid as error:
            raise self.refused("proof", error.message) from error
        return certificate

    async def on_record(self, store: Store, certificate: Certificate, blob: bytes) -> OnRecord:
        found = await store.on_record(certificate.serial)
        if found is None or found.certificate != blob:
            raise self.refused("unknown", "its certificate is not on record here")
        if found.revoked_at is not None:
            raise self.refused("revoked", "its certificate is revoked")
        return found

    async def spend(self, store: Store, certificate: Certificate, call: Call, now: int) -> None:
        """Last of all: nothing is written before the signature holds, so nobody spends another's nonce."""
        once = OnceId(self.provider, f"{certificate.serial}.{call.nonce.hex()}")
        if not await store.spend(once, expires=call.time + WINDOW + MARGIN, now=now):
            raise self.refused("replay", "it was shown before", "make the call anew")

    def _check(self, certificate: Certificate, now: int) -> None:
        if certificate.type is not self.kind or certificate.signature_key not in self.keys():
            whose = "person" if self.kind is CertType.USER else "host"
            raise self.refused("certificate", f"it is no {whose}'s certificate of this CA")
        if certificate.critical_options:
            raise self.refused("narrow", "its certificate is for one purpose, and this is not it")
        if not certificate.valid_after <= now < certificate.valid_before:
            raise self.refused("expired", "its certificate has expired, or is not valid yet")
