"""JSON web tokens as a private key of ours writes them (RFC 7515, RFC 7519), and its public half as a JWK (RFC 7517).

Only written here; a CA's provisioners judge.
"""

from __future__ import annotations

import json
from base64 import urlsafe_b64encode
from collections.abc import Mapping
from hashlib import sha256
from typing import TYPE_CHECKING

from daypass.errors import Invalid
from daypass.wire.buffer import Reader
from daypass.wire.keys import PublicKey, curve_name
from daypass.wire.signature import sign_blob

if TYPE_CHECKING:
    from daypass.wire.pyca import PrivateKey

__all__ = ["base64url", "public_jwk", "signed", "thumbprint"]

_CURVES = {"nistp256": ("P-256", 32, "ES256"), "nistp384": ("P-384", 48, "ES384"), "nistp521": ("P-521", 66, "ES512")}
"""(`crv`, bytes of a coordinate, `alg`): RFC 7518 sections 3.4 and 6.2.1."""


def signed(key: PrivateKey, header: Mapping[str, object], claims: Mapping[str, object]) -> str:
    """The compact form. `alg` and `typ` are added to the header, and `kid` where it names none."""
    public = PublicKey.from_cryptography(key.public_key())
    whole = {"alg": _algorithm(public), "kid": thumbprint(public_jwk(public)), "typ": "JWT", **header}
    text = f"{base64url(_json(whole))}.{base64url(_json(claims))}"
    return f"{text}.{base64url(_raw(public, sign_blob(key, text.encode())))}"


def public_jwk(key: PublicKey) -> dict[str, str]:
    """The members a JWK of this key needs (RFC 7518 section 6, RFC 8037); `Invalid` for security keys."""
    reader = Reader(key.fields)
    if key.type == "ssh-ed25519":
        return {"crv": "Ed25519", "kty": "OKP", "x": base64url(reader.string())}
    if key.type == "ssh-rsa":
        exponent, modulus = reader.mpint(), reader.mpint()
        return {"e": base64url(_number(exponent)), "kty": "RSA", "n": base64url(_number(modulus))}
    if key.is_security_key:
        raise Invalid("a security key signs no JSON web tokens")
    crv, size, _ = _CURVES[curve_name(key.type)]
    reader.string()
    point = reader.string()[1:]
    return {"crv": crv, "kty": "EC", "x": base64url(point[:size]), "y": base64url(point[size:])}


def thumbprint(jwk: Mapping[str, str]) -> str:
    """RFC 7638, with SHA-256: `jwk` holds the required members alone."""
    return base64url(sha256(_json(jwk)).digest())


def base64url(data: bytes) -> str:
    """Without padding (RFC 7515 section 2)."""
    return urlsafe_b64encode(data).rstrip(b"=").decode()


def _algorithm(key: PublicKey) -> str:
    """What `sign_blob` signs with, in JOSE's words."""
    if "ecdsa" in key.type:
        return _CURVES[curve_name(key.type)][2]
    return "EdDSA" if key.type == "ssh-ed25519" else "RS512"


def _raw(key: PublicKey, signature: bytes) -> bytes:
    """An SSH signature string as JWS writes it: of ECDSA two numbers of fixed size (RFC 7518 section 3.4)."""
    reader = Reader(signature)
    reader.string()
    raw = reader.string()
    if "ecdsa" not in key.type:
        return raw
    numbers, size = Reader(raw), _CURVES[curve_name(key.type)][1]
    return numbers.mpint().to_bytes(size, "big") + numbers.mpint().to_bytes(size, "big")


def _json(members: Mapping[str, object]) -> bytes:
    """Sorted and without spaces, as a thumbprint needs it."""
    return json.dumps(members, sort_keys=True, separators=(",", ":")).encode()


def _number(value: int) -> bytes:
    return value.to_bytes((value.bit_length() + 7) // 8, "big")
