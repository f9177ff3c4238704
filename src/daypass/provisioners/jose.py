"""Signed tokens in JWS compact serialisation, read strictly (RFC 7515 sections 3.1 and 7.1, RFC 8725).

Everything that let an unsigned token through elsewhere is no token here: the JSON serialisations, several
signatures, `none`, a MAC with a public key (CVE-2025-4658), a key that the token brings along. Base64url has
one spelling and JSON one meaning, so a token can't be written in two ways without its signer.

joserfc's algorithms verify. Its own compact form would be taken apart a second time: 12 us beside the 18 of an
RS256-2048 signature.
"""

from __future__ import annotations

import json
from binascii import a2b_base64
from collections.abc import Mapping
from functools import lru_cache
from types import MappingProxyType

import msgspec
from joserfc.errors import JoseError
from joserfc.jwk import ECKey, OKPKey, RSAKey
from joserfc.jws import JWSRegistry
from msgspec import Struct

from daypass.errors import Invalid
from daypass.model import MAX_TOKEN

__all__ = ["ALGORITHMS", "MAX_TOKEN", "CompactJws", "PublicJwk", "parse_object", "verify"]

PublicJwk = RSAKey | ECKey | OKPKey

_RSA = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512")
ALGORITHMS = {
    ("RSA", None): _RSA,
    ("EC", "P-256"): ("ES256",),
    ("EC", "P-384"): ("ES384",),
    ("EC", "P-521"): ("ES512",),
    ("OKP", "Ed25519"): ("EdDSA", "Ed25519"),
}
"""What a key of each (kty, crv) may sign with (RFC 7518 section 3.1, RFC 8037, RFC 9864)."""

# A key that comes with the token proves nothing (CVE-2018-0114); `crit` and `b64` (RFC 7797) change what is
# signed, and nothing in OpenID Connect uses them.
_BASE64URL = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
# What a part of 4n, 4n + 1, 4n + 2, 4n + 3 characters may end with: a byte that is cut short leaves zero bits.
_LAST = (frozenset(_BASE64URL), frozenset(""), frozenset(_BASE64URL[::16]), frozenset(_BASE64URL[::4]))
_FORBIDDEN_HEADERS = frozenset(("crit", "b64", "jwk", "jku", "x5u", "x5c", "enc", "zip"))


class CompactJws(Struct, frozen=True):
    """header.payload.signature, taken apart; nothing is verified.

    `signed` is the part of the token that the signature covers.
    """

    header: Mapping[str, object]
    payload: bytes
    signed: bytes
    signature: bytes

    @classmethod
    def parse(cls, token: str, *, chain: bool = False) -> CompactJws:
        """Raises Invalid for whatever is not one canonical compact JWS of at most 16 KiB.

        `chain`: its header has to bring X.509 certificates (`x5c`), for whoever verifies these first.
        """
        if len(token) > MAX_TOKEN:
            raise Invalid(f"the token is larger than {MAX_TOKEN} bytes", code="jose.size")
        parts = token.split(".")
        if len(parts) != 3 or not all(parts):
            raise Invalid("this is not a signed token in compact form", code="jose.form")
        header, payload, signature = parts
        signed = token[: -len(signature) - 1].encode()
        read = _header_with_chain if chain else _header
        return cls(read(header), _decode(payload), signed, _decode(signature))

    @property
    def algorithm(self) -> str:
        return str(self.header["alg"])

    @property
    def key_id(self) -> str | None:
        kid = self.header.get("kid")
        return kid if isinstance(kid, str) else None


def verify(token: CompactJws, key: PublicJwk) -> bool:
    """Whether `key` signed exactly this token. The algorithm must have been matched with the key before."""
    algorithm = JWSRegistry.algorithms[token.algorithm]
    try:
        algorithm.check_key(key)
        return algorithm.verify(token.signed, token.signature, key)
    except (JoseError, ValueError):
        return False


def parse_object(data: bytes) -> dict[str, object]:
    """A JSON object; Invalid for a member named twice, NaN, lone surrogates, and what is not JSON."""
    try:
        value = msgspec.json.decode(data)
        unique = _is_unambiguous(data, value)
    except (ValueError, RecursionError) as error:
        raise Invalid("this is not well-formed JSON", code="jose.json") from error
    if not unique:
        raise Invalid("a member of this JSON is named twice", code="jose.json")
    if not isinstance(value, dict):
        raise Invalid("this is not a JSON object", code="jose.json")
    return value


def _is_unambiguous(data: bytes, value: object) -> bool:
    """Whether no member is named twice: msgspec keeps the last one, so what it gives has fewer strings than `data`.

    Without escapes a quotation mark only ever begins or ends a string; with them the members are counted one by one.
    """
    if b"\\" not in data:
        return data.count(b'"') == msgspec.json.encode(value).count(b'"')
    try:
        json.loads(data, object_pairs_hook=_members)
    except _NamedTwice:
        return False
    return True


def _decode(part: str) -> bytes:
    """Base64url without padding, in its one canonical spelling: no stray bits, no other characters."""
    if part[-1:] not in _LAST[len(part) % 4] or "+" in part or "/" in part:
        raise Invalid("the token is not canonical base64url", code="jose.form")
    try:
        return a2b_base64(standard_base64(part), strict_mode=True)
    except ValueError as error:
        raise Invalid("the token is not base64url", code="jose.form") from error


def standard_base64(part: str) -> str:
    """Base64url without padding, in the alphabet and with the padding of plain base64."""
    return part.replace("-", "+").replace("_", "/") + "=" * (-len(part) % 4)


@lru_cache(maxsize=32)
def _header(part: str) -> Mapping[str, object]:
    """The header of a token, read-only: a provider writes the very same one before thousands of tokens."""
    return _judged(parse_object(_decode(part)))


def _header_with_chain(part: str) -> Mapping[str, object]:
    header = parse_object(_decode(part))
    chain = header.pop("x5c", None)
    if not isinstance(chain, list) or not all(isinstance(each, str) for each in chain):
        raise Invalid("the token brings no certificates", code="jose.header")
    return MappingProxyType({**_judged(header), "x5c": chain})


def _judged(header: dict[str, object]) -> Mapping[str, object]:
    if not isinstance(header.get("alg"), str):
        raise Invalid("the token names no signature algorithm", code="jose.header")
    if not all(isinstance(header.get(name, ""), str) for name in ("kid", "typ")):
        raise Invalid("the token's key id or type is not a string", code="jose.header")
    if not _FORBIDDEN_HEADERS.isdisjoint(header):
        raise Invalid("the token carries a header that is not accepted", code="jose.header")
    return MappingProxyType(header)


class _NamedTwice(Exception):
    """A member of an object is."""


def _members(pairs: list[tuple[str, object]]) -> dict[str, object]:
    members = dict(pairs)
    if len(members) != len(pairs):
        raise _NamedTwice
    return members
