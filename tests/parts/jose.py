"""Tokens as nobody should make them: any header, any algorithm, any key (RFC 7515, 7518, 8037).

Written on pyca/cryptography alone, since a JOSE library would rightly refuse to make half of them.
"""

from __future__ import annotations

import functools
import hashlib
import hmac
import itertools
import json
from base64 import urlsafe_b64encode
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

__all__ = ["SigningKey", "base64url", "compact", "hs256_with_public_key", "new_key", "stranger", "unsigned"]


@dataclass(frozen=True, slots=True)
class SigningKey:
    """A key with its public JWK and how it signs; `pem` is its public half as text, if it has one."""

    alg: str
    kid: str
    jwk: Mapping[str, str]
    sign: Callable[[bytes], bytes]
    pem: bytes = b""


def new_key(alg: str) -> SigningKey:
    """A key for RS256 (2048 bits), ES256 or EdDSA, under a new kid. RSA keys come round again: see `stranger`."""
    return _MAKERS[alg](f"key-{next(_numbers)}")


def stranger() -> SigningKey:
    """An RS256 key that no provider ever has."""
    return _rs256(f"key-{next(_numbers)}", _rsa(_RSA_KEYS))


def hs256_with_public_key(victim: SigningKey) -> SigningKey:
    """Algorithm confusion: HMAC under the public key that everybody knows (CVE-2015-9235)."""
    return SigningKey("HS256", victim.kid, {}, lambda data: hmac.digest(victim.pem, data, hashlib.sha256))


def unsigned(alg: str = "none") -> SigningKey:
    """No signature at all; `alg` in the spelling the test wants (`None`, `nOnE`)."""
    return SigningKey(alg, "none", {}, lambda _: b"")


def compact(header: Mapping[str, object], claims: Mapping[str, object], key: SigningKey) -> str:
    """The compact serialisation, signed by `key` whatever `header` says."""
    signed = ".".join(base64url(json.dumps(part).encode()) for part in (header, claims))
    return f"{signed}.{base64url(key.sign(signed.encode()))}"


def base64url(data: bytes) -> str:
    return urlsafe_b64encode(data).rstrip(b"=").decode()


_numbers = itertools.count(1)
# RSA keys take 100 ms each, so a process makes a few and gives them out in turn under new kids.
_RSA_KEYS = 4


@functools.cache
def _rsa(_number: int) -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(65537, 2048)


def _rs256(kid: str, key: rsa.RSAPrivateKey | None = None) -> SigningKey:
    key = key or _rsa(next(_rsa_turn))
    numbers = key.public_key().public_numbers()
    jwk = {"kty": "RSA", "n": _integer(numbers.n, 256), "e": _integer(numbers.e, 3)}
    return SigningKey(
        "RS256",
        kid,
        {**jwk, "kid": kid, "use": "sig", "alg": "RS256"},
        lambda data: key.sign(data, padding.PKCS1v15(), SHA256()),
        key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo),
    )


def _es256(kid: str) -> SigningKey:
    key = ec.generate_private_key(ec.SECP256R1())
    numbers = key.public_key().public_numbers()
    jwk = {"kty": "EC", "crv": "P-256", "x": _integer(numbers.x, 32), "y": _integer(numbers.y, 32)}

    def sign(data: bytes) -> bytes:
        r, s = decode_dss_signature(key.sign(data, ec.ECDSA(SHA256())))
        return r.to_bytes(32, "big") + s.to_bytes(32, "big")

    pem = key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    return SigningKey("ES256", kid, {**jwk, "kid": kid, "use": "sig", "alg": "ES256"}, sign, pem)


def _eddsa(kid: str) -> SigningKey:
    key = ed25519.Ed25519PrivateKey.generate()
    jwk = {"kty": "OKP", "crv": "Ed25519", "x": base64url(key.public_key().public_bytes_raw())}
    pem = key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    return SigningKey("EdDSA", kid, {**jwk, "kid": kid, "use": "sig", "alg": "EdDSA"}, key.sign, pem)


def _integer(value: int, length: int) -> str:
    return base64url(value.to_bytes(length, "big"))


_rsa_turn = itertools.cycle(range(_RSA_KEYS))
_MAKERS: Mapping[str, Callable[[str], SigningKey]] = {"RS256": _rs256, "ES256": _es256, "EdDSA": _eddsa}
