"""Tokens that a host signs with the key of its certificate, as `step ssh renew` makes them (SSHPOP).

A JWT in compact form (RFC 7515, RFC 7519). Its header carries the certificate in `sshpop` (standard base64) and the
key's thumbprint in `kid` (RFC 7638); `aud` is the route it is for, with `#sshpop/NAME` behind it, `iss` is NAME, the
provisioner's name, and `sub` the certificate's serial in decimal. This file writes them; a CA's provisioner judges.
"""

from __future__ import annotations

import json
from base64 import b64encode, urlsafe_b64encode
from collections.abc import Mapping
from hashlib import sha256
from typing import TYPE_CHECKING

from daypass.errors import Invalid
from daypass.wire.buffer import Reader
from daypass.wire.certificate import Certificate
from daypass.wire.keys import PublicKey, curve_name
from daypass.wire.signature import sign_blob

if TYPE_CHECKING:
    from daypass.wire.pyca import PrivateKey

__all__ = ["LIFETIME", "PROVISIONER", "public_jwk", "sshpop_token", "thumbprint"]

PROVISIONER = "sshpop"
"""What a CA calls the provisioner that takes these tokens, unless its operator chose otherwise: daypass does not."""

LIFETIME = 300  # seconds

_CURVES = {"nistp256": ("P-256", 32, "ES256"), "nistp384": ("P-384", 48, "ES384"), "nistp521": ("P-521", 66, "ES512")}
"""(`crv`, bytes of a coordinate, `alg`): RFC 7518 sections 3.4 and 6.2.1."""


def sshpop_token(
    key: PrivateKey, certificate: Certificate, *, audience: str, now: int, jti: str, issuer: str = PROVISIONER
) -> str:
    """A token for one call; `jti` is random and used once.

    `audience` is the route without the fragment: `https://HOST[:PORT]/1.0/ssh/renew`, or `…/rekey`, `…/revoke`.
    """
    public = certificate.public_key
    header = {
        "alg": _algorithm(public),
        "kid": thumbprint(public_jwk(public)),
        "sshpop": b64encode(certificate.encode()).decode(),
        "typ": "JWT",
    }
    claims = {
        "aud": f"{audience}#sshpop/{issuer}",
        "exp": now + LIFETIME,
        "iat": now,
        "iss": issuer,
        "jti": jti,
        "nbf": now,
        "sub": str(certificate.serial),
    }
    signed = f"{_part(_json(header))}.{_part(_json(claims))}"
    return f"{signed}.{_part(_raw(public, sign_blob(key, signed.encode())))}"


def public_jwk(key: PublicKey) -> dict[str, str]:
    """The members a JWK of this key needs (RFC 7518 section 6, RFC 8037); `Invalid` for security keys."""
    reader = Reader(key.fields)
    if key.type == "ssh-ed25519":
        return {"crv": "Ed25519", "kty": "OKP", "x": _part(reader.string())}
    if key.type == "ssh-rsa":
        exponent, modulus = reader.mpint(), reader.mpint()
        return {"e": _part(_number(exponent)), "kty": "RSA", "n": _part(_number(modulus))}
    if key.is_security_key:
        raise Invalid("a security key signs no JSON web tokens")
    crv, size, _ = _CURVES[curve_name(key.type)]
    reader.string()
    point = reader.string()[1:]
    return {"crv": crv, "kty": "EC", "x": _part(point[:size]), "y": _part(point[size:])}


def thumbprint(jwk: dict[str, str]) -> str:
    """RFC 7638, with SHA-256: `jwk` holds the required members alone."""
    return _part(sha256(_json(jwk)).digest())


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


def _part(data: bytes) -> str:
    return urlsafe_b64encode(data).rstrip(b"=").decode()
