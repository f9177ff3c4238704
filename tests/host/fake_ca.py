"""A CA for the tests of a host: real keys and real signatures, and a lever for every lie it can tell."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any

import msgspec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from daypass import api
from daypass.errors import DaypassError, Unauthenticated
from daypass.host.calls import Prove
from daypass.model import HostRole
from daypass.wire import Certificate, CertType, Krl, PublicKey, SshSignature, sign_blob
from daypass.wire.binding import possession_message, renewal_message, request_message
from daypass.wire.sshsig import to_be_signed

__all__ = ["NAME", "OPTIONS", "ROLES", "FakeCa", "empty_krl", "public"]

NAME = "web-1.example.com"
OPTIONS = "restrict,pty,port-forwarding"
ROLES = (
    HostRole("deployers", OPTIONS, accounts=("deploy",)),
    HostRole("dev", OPTIONS, own_account=True),
)


def empty_krl(version: int = 1) -> bytes:
    return Krl(version=version, generated_at=1_800_000_000, comment="test").encode()


def public(key: Ed25519PrivateKey) -> PublicKey:
    return PublicKey.from_cryptography(key.public_key())


@dataclass
class FakeCa:
    """`trust`, `bundle`, `heartbeat` and `certificate` change what is signed; `signers` who signs it;
    `listed` is the KRL, `answer` and `sync_answer` what is sent."""

    root: Ed25519PrivateKey = field(default_factory=Ed25519PrivateKey.generate)
    user_ca: Ed25519PrivateKey = field(default_factory=Ed25519PrivateKey.generate)
    host_ca: Ed25519PrivateKey = field(default_factory=Ed25519PrivateKey.generate)
    bundle_key: Ed25519PrivateKey = field(default_factory=Ed25519PrivateKey.generate)
    stranger: Ed25519PrivateKey = field(default_factory=Ed25519PrivateKey.generate)
    trust: dict[str, Any] = field(default_factory=dict)
    bundle: dict[str, Any] = field(default_factory=dict)
    certificate: dict[str, Any] = field(default_factory=dict)
    signers: dict[str, Ed25519PrivateKey] = field(default_factory=dict)
    answer: Callable[[api.EnrolResponse], api.EnrolResponse] = lambda answer: answer
    asked: list[api.EnrolRequest] = field(default_factory=list)
    heartbeat: dict[str, Any] = field(default_factory=dict)
    sync_answer: Callable[[api.HostSyncResponse], api.HostSyncResponse] = lambda answer: answer
    sync_error: DaypassError | None = None
    synced: list[api.HostSyncRequest] = field(default_factory=list)
    acked: list[api.HostAck] = field(default_factory=list)
    ack_error: DaypassError | None = None
    again: float = 0.0
    renew_answer: Callable[[api.HostRenewed], api.HostRenewed] = lambda answer: answer
    revoked: list[int] = field(default_factory=list)
    revoke_error: DaypassError | None = None
    serial: int = 1 << 32
    url: str = "https://ca.example.com"
    listed: bytes = field(default_factory=lambda: empty_krl())  # the KRL; the bundle names it

    @property
    def ca_id(self) -> bytes:
        return sha256(public(self.root).blob).digest()

    def enrol(self, request: api.EnrolRequest) -> api.EnrolResponse:
        """As daypass.remote answers it; proofs of possession are verified like the real CA does."""
        self.asked.append(request)
        for each in request.keys:
            proof, message = SshSignature.parse(each.proof), possession_message(self.ca_id, request.token)
            if proof.public_key.blob != each.public_key:
                raise Unauthenticated("a proof by another key")
            proof.verify(api.POSSESSION_NAMESPACE, message, proof.public_key)
        return self.answer(
            api.EnrolResponse(
                host_id="h-1",
                name=NAME,
                certificates=[self._certificate(PublicKey.parse(each.public_key)) for each in request.keys],
                trust=self.signed_trust(),
                bundle=self._signed(
                    self._bundle(), self.signers.get("bundle", self.bundle_key), api.BUNDLE_NAMESPACE
                ),
                krl=self.listed,
            )
        )

    def host_sync(self, request: api.HostSyncRequest, prove: Prove) -> api.HostSyncResponse:
        """As daypass.remote answers it; the proof is verified like the real CA does."""
        self.synced.append(request)
        if self.sync_error is not None:
            raise self.sync_error
        self._verify("/v1/host/sync", prove)
        return self.word(request)

    def host_ack(self, ack: api.HostAck, prove: Prove) -> api.HostAcked:
        """As daypass.remote answers it."""
        self._verify("/v1/host/ack", prove)
        if self.ack_error is not None:
            raise self.ack_error
        self.acked.append(ack)
        return api.HostAcked(again=self.again)

    def word(self, request: api.HostSyncRequest) -> api.HostSyncResponse:
        """What it says to that, now."""
        trust, bundle = self._trust(), self._bundle()
        same = request.digest == bundle.digest
        signer = self.signers.get("bundle", self.bundle_key)
        return self.sync_answer(
            api.HostSyncResponse(
                bundle=None if same else self._signed(bundle, signer, api.BUNDLE_NAMESPACE),
                heartbeat=self._signed(self._heartbeat(bundle), signer, api.HEARTBEAT_NAMESPACE) if same else None,
                trust=self.signed_trust() if trust.version > request.trust_version else None,
                krl=self.listed if request.krl_digest != bundle.krl_digest else None,
            )
        )

    def host_renew(self, request: api.HostRenewRequest, prove: Prove) -> api.HostRenewed:
        """The same for new certificates; every key has to have signed for itself."""
        self._verify("/v1/host/renew", prove)
        blobs = [each.public_key for each in request.keys]
        message = renewal_message(self.ca_id, "h-1", blobs)
        for each in request.keys:
            SshSignature.parse(each.proof).verify(api.POSSESSION_NAMESPACE, message, PublicKey.parse(each.public_key))
        self.serial += 1
        answer = api.HostRenewed(certificates=[self._certificate(PublicKey.parse(each)) for each in blobs])
        return self.renew_answer(answer)

    def revoke_host(self, ott: str, serial: int, *, reason: str = "") -> None:  # noqa: ARG002
        """What `ott` says is the provisioner's to judge, and tried with the real CA."""
        if self.revoke_error is not None:
            raise self.revoke_error
        self.revoked.append(serial)

    def signed_trust(self) -> api.Signed:
        return self._signed(self._trust(), self.signers.get("trust", self.root), api.TRUST_NAMESPACE)

    def user_certificate(self, key: PublicKey, *principals: str) -> Certificate:
        """A person's day pass."""
        extensions = (("permit-pty", ""),)
        return self._sign(
            self.user_ca, public_key=key, type=CertType.USER, principals=principals, extensions=extensions
        )

    def _certificate(self, key: PublicKey) -> bytes:
        fields = {"public_key": key, "type": CertType.HOST, "principals": (NAME,)}
        made = self._sign(self.host_ca, **(fields | self.certificate))
        signer = self.signers.get("certificate", self.host_ca)
        return made.with_signature(sign_blob(signer, made.to_be_signed())).encode()

    def _sign(self, ca: Ed25519PrivateKey, **changes: Any) -> Certificate:
        now = int(time.time())
        fields: dict[str, Any] = {
            "nonce": os.urandom(32), "serial": self.serial, "key_id": "test", "valid_after": now - 60,
            "valid_before": now + 3600, "critical_options": (), "extensions": (), "signature_key": public(ca),
        }  # fmt: skip
        made = Certificate(**(fields | changes))
        return made.with_signature(sign_blob(ca, made.to_be_signed()))

    def _verify(self, path: str, prove: Prove) -> None:
        shown = api.HostProof.from_header(prove("POST", path, b"body"))
        certificate = Certificate.parse(shown.certificate)
        message = request_message(self.ca_id, "POST", path, b"body", shown.time, shown.nonce)
        SshSignature.parse(shown.proof).verify(api.HOST_REQUEST_NAMESPACE, message, certificate.public_key)

    def _trust(self) -> api.TrustDocument:
        document = api.TrustDocument(
            ca_id=self.ca_id.hex(), version=1, issued_at=int(time.time()), user_ca=[public(self.user_ca).line()],
            host_ca=[public(self.host_ca).line()], bundle_keys=[public(self.bundle_key).line()], tls_roots=[],
        )  # fmt: skip
        return msgspec.structs.replace(document, **self.trust)

    def _bundle(self) -> api.HostBundle:
        now = int(time.time())
        document = api.HostBundle(
            ca_id=self.ca_id.hex(), host_id="h-1", name=NAME, version=1, issued_at=now, expires=now + 86400,
            digest="d", user_ca=[public(self.user_ca).line()], krl_digest=sha256(self.listed).hexdigest(),
            roles=[*ROLES],
        )  # fmt: skip
        return msgspec.structs.replace(document, **self.bundle)

    def _heartbeat(self, bundle: api.HostBundle) -> api.HostHeartbeat:
        beat = api.HostHeartbeat(
            ca_id=bundle.ca_id, host_id=bundle.host_id, version=bundle.version, issued_at=bundle.issued_at,
            expires=bundle.expires, digest=bundle.digest,
        )  # fmt: skip
        return msgspec.structs.replace(beat, **self.heartbeat)

    def _signed(self, document: Any, key: Ed25519PrivateKey, namespace: str) -> api.Signed:
        text = msgspec.json.encode(document).decode()
        blob = sign_blob(key, to_be_signed(namespace, text.encode()))
        return api.Signed(text, SshSignature(public(key), namespace, "sha512", blob).armor())
