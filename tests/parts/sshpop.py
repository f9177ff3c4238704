"""Tokens by host keys as they should be, and as nobody should make them; and calls by day passes, the same way."""

from __future__ import annotations

import os
import time
from base64 import b64encode
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from tests.parts.jose import SigningKey, compact

from daypass.api import HostProof, PassProof
from daypass.wire import Certificate, PublicKey, SshSignature, sign_blob, sshsig
from daypass.wire.binding import HOST_REQUEST_NAMESPACE, REQUEST_NAMESPACE, request_message

__all__ = ["Holder"]

NAME = "https://ca.example.com:8443"
Sign = Callable[[bytes], bytes]


@dataclass(frozen=True, slots=True)
class Holder:
    """A private key and the certificate for it: a person's, or a host's."""

    private: Ed25519PrivateKey
    certificate: Certificate

    @property
    def serial(self) -> int:
        return self.certificate.serial

    def token(
        self,
        act: str,
        *,
        now: float | None = None,
        header: Mapping[str, object] | None = None,
        without: tuple[str, ...] = (),
        sign: Sign | None = None,
        **changes: Any,
    ) -> str:
        """An SSHPOP token; `changes` are of its claims."""
        at = int(time.time() if now is None else now)
        claims = {
            "aud": f"{NAME}/1.0/ssh/{act}#sshpop/sshpop", "iss": "sshpop", "sub": str(self.serial),
            "iat": at, "nbf": at, "exp": at + 300, "jti": os.urandom(32).hex(),
        }  # fmt: skip
        claims = {name: value for name, value in (claims | changes).items() if name not in without}
        shown = b64encode(self.certificate.encode()).decode()
        head = {"alg": "EdDSA", "typ": "JWT", "sshpop": shown} | dict(header or {})
        return compact(head, claims, SigningKey("EdDSA", "", {}, sign or self.private.sign))

    def header(
        self,
        method: str,
        path: str,
        body: bytes = b"",
        *,
        ca_id: bytes = bytes(range(32)),
        now: float | None = None,
        nonce: bytes | None = None,
        namespace: str = REQUEST_NAMESPACE,
        private: Ed25519PrivateKey | None = None,
        kind: type[PassProof | HostProof] = PassProof,
    ) -> str:
        """What goes into `Authorization` for one call, by a day pass unless another `kind` is asked for."""
        key = private or self.private
        at, once = int(time.time() if now is None else now), os.urandom(16) if nonce is None else nonce
        message = request_message(ca_id, method, path, body, at, once)
        signature = sign_blob(key, sshsig.to_be_signed(namespace, message))
        public = PublicKey.from_cryptography(key.public_key())
        proof = SshSignature(public, namespace, "sha512", signature).encode()
        return kind(certificate=self.certificate.encode(), time=at, nonce=once, proof=proof).header()

    def host_header(self, method: str, path: str, body: bytes = b"", **changes: Any) -> str:
        """The same by a host."""
        given: dict[str, Any] = {"kind": HostProof, "namespace": HOST_REQUEST_NAMESPACE} | changes
        return self.header(method, path, body, **given)
