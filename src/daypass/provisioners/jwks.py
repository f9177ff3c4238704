"""A provider's published keys (RFC 7517), reduced to those that may sign for us.

A key set is the provider's word, so a key we can't use is left out and never an error: providers publish keys
for encryption, symmetric ones by accident, and tomorrow's algorithms.
"""

from __future__ import annotations

from base64 import urlsafe_b64decode
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from joserfc.errors import JoseError
from joserfc.jwk import ECKey, OKPKey, RSAKey

from daypass.errors import Invalid
from daypass.provisioners.jose import ALGORITHMS, PublicJwk

__all__ = ["KeySet", "ProviderKey"]

MAX_KEYS = 100
RSA_BITS = range(2048, 8193)
MAX_RSA_EXPONENT = 2**32 + 1  # a verifier pays for a long one (CVE-2026-39829)
_MATERIAL = {"RSA": ("kty", "n", "e"), "EC": ("kty", "crv", "x", "y"), "OKP": ("kty", "crv", "x")}


@dataclass(frozen=True, slots=True)
class ProviderKey:
    """`algorithms`: what it may sign with here. `issuer`: whose tokens it is for, where the set says so (Entra)."""

    kid: str | None
    algorithms: tuple[str, ...]
    key: PublicJwk
    issuer: str | None = None


@dataclass(frozen=True, slots=True)
class KeySet:
    """Keys by (kid, algorithm), and by (None, algorithm) for tokens without a kid; ambiguous ones are absent."""

    keys: Mapping[tuple[str | None, str], ProviderKey] = field(default_factory=dict)

    @classmethod
    def parse(cls, document: Mapping[str, object], algorithms: Collection[str]) -> KeySet:
        """The keys of a JWK set that may be used with one of `algorithms`. Raises Invalid if it has no `keys`."""
        listed = document.get("keys")
        if not isinstance(listed, list) or len(listed) > MAX_KEYS:
            raise Invalid(f"the key set has no list of at most {MAX_KEYS} keys", code="oidc.jwks")
        usable = [key for key in (_key(jwk, algorithms) for jwk in listed) if key is not None]
        return cls(_unambiguous(_names(usable)))

    def find(self, kid: str | None, algorithm: str) -> ProviderKey | None:
        """The one key that fits; without a kid only where there is no choice (OpenID Connect Core 10.1)."""
        return self.keys.get((kid, algorithm))


_Name = tuple[str | None, str]


def _names(keys: Iterable[ProviderKey]) -> Iterator[tuple[_Name, ProviderKey]]:
    for key in keys:
        for algorithm in key.algorithms:
            yield (None, algorithm), key
            if key.kid is not None:
                yield (key.kid, algorithm), key


def _unambiguous(named: Iterable[tuple[_Name, ProviderKey]]) -> dict[_Name, ProviderKey]:
    pairs = list(named)
    count = Counter(name for name, _ in pairs)
    return {name: key for name, key in pairs if count[name] == 1}


def _key(jwk: object, algorithms: Collection[str]) -> ProviderKey | None:
    """A listed key, or None for one that can't sign for us."""
    if not isinstance(jwk, dict) or not _may_verify(jwk):
        return None
    kid, issuer = jwk.get("kid"), jwk.get("issuer")
    fitting = _algorithms(jwk, algorithms)
    material = _import(jwk) if fitting else None
    if material is None or not isinstance(kid, str | None) or not isinstance(issuer, str | None):
        return None
    return ProviderKey(kid, fitting, material, issuer)


def _may_verify(jwk: Mapping[str, object]) -> bool:
    """`use` and `key_ops` (RFC 7517 sections 4.2, 4.3). Whose private half is published signs for anyone."""
    operations = jwk.get("key_ops", ["verify"])
    return (
        jwk.get("use", "sig") == "sig" and isinstance(operations, list) and "verify" in operations and "d" not in jwk
    )


def _algorithms(jwk: Mapping[str, object], allowed: Collection[str]) -> tuple[str, ...]:
    """Allowed by the configuration, possible for the key's type and curve, and the key's own `alg` if it has one."""
    kty, crv = jwk.get("kty"), jwk.get("crv")
    possible = ALGORITHMS.get((kty, crv), ()) if isinstance(kty, str) and isinstance(crv, str | None) else ()
    own = jwk.get("alg")
    return tuple(name for name in possible if name in allowed and own in (None, name))


def _import(jwk: Mapping[str, object]) -> PublicJwk | None:
    kty = str(jwk["kty"])
    values = {name: jwk.get(name) for name in _MATERIAL[kty]}
    if not all(isinstance(value, str) for value in values.values()):
        return None
    material: dict[str, str | list[str]] = {name: str(value) for name, value in values.items()}
    try:
        if kty == "RSA":
            return RSAKey.import_key(material) if _is_strong(str(jwk["n"]), str(jwk["e"])) else None
        return ECKey.import_key(material) if kty == "EC" else OKPKey.import_key(material)
    except (JoseError, ValueError):
        return None


def _is_strong(modulus: str, exponent: str) -> bool:
    """Looked at before the import: joserfc takes weak keys too, with a warning."""
    n, e = (int.from_bytes(urlsafe_b64decode(part + "=" * (-len(part) % 4)), "big") for part in (modulus, exponent))
    return n.bit_length() in RSA_BITS and 3 <= e <= MAX_RSA_EXPONENT
