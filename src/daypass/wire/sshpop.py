"""Tokens that a host signs with the key of its certificate, as `step ssh renew` makes them (SSHPOP).

A JWT in compact form (wire.jwt). Its header carries the certificate in `sshpop` (standard base64) and the
key's thumbprint in `kid` (RFC 7638); `aud` is the route it is for, with `#sshpop/NAME` behind it, `iss` is NAME, the
provisioner's name, and `sub` the certificate's serial in decimal. This file writes them; a CA's provisioner judges.
"""

from __future__ import annotations

from base64 import b64encode
from typing import TYPE_CHECKING

from daypass.wire.certificate import Certificate
from daypass.wire.jwt import public_jwk, signed, thumbprint

if TYPE_CHECKING:
    from daypass.wire.pyca import PrivateKey

__all__ = ["LIFETIME", "PROVISIONER", "sshpop_token"]

PROVISIONER = "sshpop"
"""What a CA calls the provisioner that takes these tokens, unless its operator chose otherwise: daypass does not."""

LIFETIME = 300  # seconds


def sshpop_token(
    key: PrivateKey, certificate: Certificate, *, audience: str, now: int, jti: str, issuer: str = PROVISIONER
) -> str:
    """A token for one call; `jti` is random and used once.

    `audience` is the route without the fragment: `https://HOST[:PORT]/1.0/ssh/renew`, or `…/rekey`, `…/revoke`.
    """
    header = {
        "kid": thumbprint(public_jwk(certificate.public_key)),
        "sshpop": b64encode(certificate.encode()).decode(),
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
    return signed(key, header, claims)
