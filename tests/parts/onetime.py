"""One-time tokens as they should be, and as nobody should make them: any header, any claim, any key."""

from __future__ import annotations

import json
import os
from base64 import b64encode
from collections.abc import Mapping, Sequence
from typing import Any

from tests.parts.jose import SigningKey, compact

from daypass.wire import PublicKey
from daypass.wire.jwt import public_jwk, signed, thumbprint
from daypass.wire.pyca import PrivateKey

__all__ = ["jwk_of", "one_time"]


def jwk_of(key: PrivateKey) -> str:
    """The public half, as `[[jwk]]` has it."""
    members = public_jwk(PublicKey.from_cryptography(key.public_key()))
    return json.dumps({**members, "kid": thumbprint(members), "use": "sig"})


def one_time(
    key: PrivateKey,
    *,
    issuer: str,
    now: float,
    subject: str,
    kind: str = "user",
    url: str = "https://ca.example.com",
    route: str = "/1.0/ssh/sign",
    fragment: str = "",
    keys: Sequence[PublicKey] = (),
    principals: Sequence[str] = (),
    chain: Sequence[bytes] = (),
    header: Mapping[str, object] | None = None,
    without: Sequence[str] = (),
    ssh: Mapping[str, object] | None = None,
    other: SigningKey | None = None,
    **changes: Any,
) -> str:
    """A token; `changes` are of its claims, `ssh` of those in `step.ssh`; `other` signs instead of `key`."""
    at = int(now)
    claims: dict[str, Any] = {
        "aud": f"{url}{route}{f'#x5c/{issuer}' if chain else ''}{fragment}", "iss": issuer, "sub": subject,
        "iat": at, "nbf": at, "exp": at + 300, "jti": os.urandom(32).hex(), "sha": "ab" * 32,
        "step": {"ssh": {"certType": kind, "keyID": subject, "principals": list(principals), "validAfter": "",
                         "validBefore": "", **(ssh or {})}},
    }  # fmt: skip
    if keys:
        claims["cnf"] = {"ssh": [each.fingerprint for each in keys]}
    claims = {name: value for name, value in (claims | changes).items() if name not in without}
    brought = {"x5c": [b64encode(each).decode() for each in chain]} if chain else {}
    if other is not None:
        return compact({"alg": other.alg, "typ": "JWT", **brought, **(header or {})}, claims, other)
    return signed(key, {**brought, **(header or {})}, claims)
