"""SSH signature strings: what a key of each type writes, and how it is judged.

    string  algorithm
    string  signature     Ed25519: 64 bytes; RSA: PKCS #1 v1.5; ECDSA: mpint r, mpint s
    byte    flags         security keys only: 0x01 user present, 0x04 user verified
    uint32  counter       security keys only

RFC 4253 section 6.6, RFC 5656 section 3.1.2, RFC 8332 section 3, RFC 8709 section 6, OpenSSH PROTOCOL.u2f.
"""

from __future__ import annotations

from hashlib import sha256
from typing import TYPE_CHECKING

from daypass.errors import Invalid
from daypass.wire.buffer import Reader, string

if TYPE_CHECKING:
    from daypass.wire.keys import PublicKey
    from daypass.wire.pyca import PrivateKey

__all__ = ["USER_PRESENT", "USER_VERIFIED", "sign_blob", "signature_algorithm", "verify_blob"]

USER_PRESENT = 0x01
USER_VERIFIED = 0x04
_MAX_SIGNATURE_BYTES = 2048
"""An RSA key of 8192 bits signs with 1,024 bytes; nothing accepted is longer."""


def sign_blob(private_key: PrivateKey, data: bytes) -> bytes:
    """Sign `data` with a key held by pyca/cryptography; RSA with SHA-512. Returns the signature string."""
    from daypass.wire import pyca

    algorithm, raw = pyca.sign(private_key, data)
    return string(algorithm) + string(raw)


def signature_algorithm(blob: bytes) -> str:
    """The algorithm a signature string says it was made with."""
    return Reader(blob).text()


def verify_blob(key: PublicKey, blob: bytes, data: bytes, *, require_user_verification: bool = False) -> None:
    """Raise `Invalid` unless `blob` is a signature over `data` by `key`."""
    from daypass.wire import pyca

    if len(blob) > _MAX_SIGNATURE_BYTES:
        raise Invalid(f"a signature of {len(blob)} bytes is too large")
    reader = Reader(blob)
    algorithm = reader.text()
    if algorithm not in key.signature_algorithms:
        raise Invalid(f"a key of type {key.type} does not sign with {algorithm[:64]!r}")
    raw = reader.string()
    if key.is_security_key:
        data = _asserted(key, reader, data, require_user_verification)
    elif require_user_verification:
        raise Invalid("only a security key can say that it verified its user")
    reader.end()
    pyca.verify(key, algorithm, raw, data)


def _asserted(key: PublicKey, reader: Reader, data: bytes, require_user_verification: bool) -> bytes:
    """What a FIDO authenticator really signs: its application, its flags and counter, and our data's hash."""
    flags = reader.uint8()
    if not flags & USER_PRESENT:
        raise Invalid("the security key was not touched for this signature")
    if require_user_verification and not flags & USER_VERIFIED:
        raise Invalid("the security key did not verify its user for this signature")
    counter = reader.raw(4)
    application = sha256(key.application.encode()).digest()
    return application + bytes([flags]) + counter + sha256(data).digest()
