"""One-time tokens for `/ssh/sign`, as step writes them: by a JSON Web Key, or by an X.509 client certificate.

A JWT (wire.jwt) with `iss`: the provisioner's name, `aud`: the route, `sub`: whom it is for, `jti`, `iat`, `nbf`,
`exp`, and what is to be certified:

    "step": {"ssh": {"certType": "user" | "host", "keyID": SUB, "principals": [NAME…], "validAfter": "", …}}

`sha` is the SHA-256 of the CA's X.509 root in hex: with `aud` it is all that a machine needs to find its CA.
`cnf` (RFC 7800) names the keys that it is good for and no others: `ssh` lists fingerprints as ssh-keygen prints
them, which is ours since a host has several; for one key `jkt` (RFC 9449) and step's `x5rt#S256` are read, too.
Ours as well: `role`, a certificate of this role alone; `email`, `groups` of a person, `labels` of a host.
"""

from __future__ import annotations

import json
import os
import re
from base64 import b64encode, urlsafe_b64decode
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from daypass.errors import Invalid
from daypass.wire.jwt import base64url, public_jwk, signed, thumbprint
from daypass.wire.keys import PublicKey

if TYPE_CHECKING:
    from daypass.wire.pyca import PrivateKey

__all__ = ["LIFETIME", "LONGEST", "Site", "Wish", "confirms", "one_time_token", "site_of"]

LIFETIME = 300  # seconds, as step makes them
LONGEST = 3600  # seconds that one may live
MAX_SIZE = 16 * 1024  # characters
_FINGERPRINT = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True, slots=True)
class Wish:
    """What a token is to be good for. `keys`: for these alone; none: for whoever has it. `more`: further claims."""

    subject: str
    kind: str  # user | host
    principals: Sequence[str] = ()
    keys: Sequence[PublicKey] = ()
    more: Mapping[str, object] | None = None


def one_time_token(
    key: PrivateKey,
    wish: Wish,
    *,
    issuer: str,
    url: str,
    now: int,
    lifetime: int = LIFETIME,
    root: str = "",
    chain: Iterable[bytes] = (),
) -> str:
    """`url`: the CA's, `issuer`: the provisioner's name, `root`: SHA-256 of the CA's X.509 root in hex.

    `chain`: DER of the X.509 certificate of `key`, and of what leads to its root (RFC 7515 section 4.1.6).
    """
    certificates = [b64encode(each).decode() for each in chain]
    claims: dict[str, object] = {
        **(wish.more or {}),
        "aud": f"{url.rstrip('/')}/1.0/ssh/sign" + (f"#x5c/{issuer}" if certificates else ""),
        "exp": now + lifetime,
        "iat": now,
        "iss": issuer,
        "jti": os.urandom(32).hex(),
        "nbf": now,
        "sub": wish.subject,
        "step": {
            "ssh": {
                "certType": wish.kind,
                "keyID": wish.subject,
                "principals": list(wish.principals),
                "validAfter": "",
                "validBefore": "",
            }
        },
    }
    if root:
        claims["sha"] = root
    if wish.keys:
        claims["cnf"] = {"ssh": sorted(each.fingerprint for each in wish.keys)}
    return signed(key, {"x5c": certificates} if certificates else {}, claims)


def confirms(cnf: object, keys: Sequence[PublicKey]) -> bool:
    """Whether a `cnf` is for every one of these keys. One that says nothing we know is for none."""
    if not isinstance(cnf, dict) or not keys:
        return False
    answers = [_fits(name, cnf[name], keys) for name in ("ssh", "jkt", "x5rt#S256") if name in cnf]
    return bool(answers) and all(answers)


def _fits(name: str, said: object, keys: Sequence[PublicKey]) -> bool:
    if name == "ssh":
        return isinstance(said, list) and all(key.fingerprint in said for key in keys)
    if not isinstance(said, str) or len(keys) != 1:
        return False
    (key,) = keys
    if name == "jkt":
        return not key.is_security_key and said == thumbprint(public_jwk(key))
    return said == base64url(sha256(key.blob).digest())


@dataclass(frozen=True, slots=True)
class Site:
    """Where a token says its CA is. Unverified: the fingerprint is what pins it."""

    url: str
    fingerprint: str
    kind: str


def site_of(token: str) -> Site:
    """Of a one-time token with `sha`. Raises Invalid for anything else. Nothing in it is verified."""
    try:
        if len(token) > MAX_SIZE or token.count(".") != 2:
            raise ValueError
        payload = token.split(".")[1]
        claims = json.loads(urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
        url, fingerprint = urlsplit(claims["aud"]), claims["sha"]
        kind = claims["step"]["ssh"]["certType"]
        port = f":{url.port}" if url.port is not None else ""
        host = f"[{url.hostname}]" if ":" in (url.hostname or "") else url.hostname
        known = url.scheme == "https" and url.hostname and "@" not in url.netloc and kind in ("user", "host")
        if not known or not _FINGERPRINT.fullmatch(fingerprint):
            raise ValueError
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise Invalid(
            "this is no one-time token that says where its CA is",
            code="token.form",
            hint="make one: daypass token host NAME --provisioner P --key FILE",
        ) from error
    return Site(f"https://{host}{port}", fingerprint, kind)
