"""Deterministic keys and certificates of our own making, and how to damage them."""

from __future__ import annotations

from functools import cache
from typing import Any

from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import load_ssh_private_key
from hypothesis import strategies as st
from tests.wire.openssh import Keyring

from daypass.wire import FOREVER, Certificate, CertType, PublicKey, sign_blob, string, uint32

PrivateKey = ed25519.Ed25519PrivateKey | ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey


@cache
def private_key(seed: int) -> ed25519.Ed25519PrivateKey:
    """Always the same key for the same number below 256."""
    return ed25519.Ed25519PrivateKey.from_private_bytes(bytes([seed]) * 32)


def public_key(seed: int) -> PublicKey:
    return PublicKey.from_cryptography(private_key(seed).public_key())


CA = private_key(1)


def opened(keyring: Keyring, name: str, owner: str = "subject") -> PrivateKey:
    """A private key made by ssh-keygen, as pyca/cryptography holds it."""
    key = load_ssh_private_key(keyring.private(name, owner).read_bytes(), None)
    assert isinstance(key, PrivateKey)
    return key


def draft(**changes: Any) -> Certificate:
    """A certificate without a signature, for key 2 by CA key 1."""
    fields: dict[str, Any] = {
        "nonce": bytes(range(32)),
        "public_key": public_key(2),
        "serial": 7,
        "type": CertType.USER,
        "key_id": "alice@example.com",
        "principals": ("alice", "role:web"),
        "valid_after": 0,
        "valid_before": FOREVER,
        "critical_options": (),
        "extensions": (("permit-pty", ""),),
        "signature_key": public_key(1),
    }
    return Certificate(**{**fields, **changes})


def signed(ca: PrivateKey = CA, **changes: Any) -> Certificate:
    """The same, signed."""
    certificate = draft(signature_key=PublicKey.from_cryptography(ca.public_key()), **changes)
    return certificate.with_signature(sign_blob(ca, certificate.to_be_signed()))


def nested(depth: int) -> bytes:
    """A certificate whose signature key is a certificate whose signature key is ..."""
    plain = signed()
    inner = plain.signature_key.blob
    for _ in range(depth):
        body = plain.to_be_signed()[: -len(string(plain.signature_key.blob))]
        inner = body + string(inner) + string(plain.signature)
    return inner


def damaged(blobs: st.SearchStrategy[bytes]) -> st.SearchStrategy[bytes]:
    """Blobs with bytes changed, cut out, put in, lengths blown up, or the end cut off."""
    return st.builds(_damage, blobs, st.lists(st.tuples(_where, _how, st.binary(max_size=8)), max_size=4))


_where = st.integers(min_value=0, max_value=2**16)
_how = st.sampled_from(["change", "cut", "insert", "length", "truncate"])


def _damage(blob: bytes, steps: list[tuple[int, str, bytes]]) -> bytes:
    for where, how, data in steps:
        at = where % (len(blob) + 1)
        if how == "truncate":
            blob = blob[:at]
        elif how == "insert":
            blob = blob[:at] + data + blob[at:]
        elif how == "length":
            blob = blob[:at] + uint32(where * 65537 % 2**32) + blob[at + 4 :]
        else:
            blob = blob[:at] + (data if how == "change" else b"") + blob[at + len(data) :]
    return blob
