"""Private keys as step keeps them: a JSON Web Key, encrypted by a passphrase (RFC 7516, RFC 7517, RFC 7518).

Compact form, or the JSON that `step crypto jwk create` writes. PBES2 (RFC 7518 section 4.8) wraps the content key,
AES-GCM holds the content; nothing else is read. Also a plain JWK, for those who keep it elsewhere in a safe way.
"""

from __future__ import annotations

import json
import os
from base64 import urlsafe_b64decode
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256, SHA384, SHA512, HashAlgorithm
from cryptography.hazmat.primitives.kdf.pbkdf2 import PBKDF2HMAC
from cryptography.hazmat.primitives.keywrap import InvalidUnwrap, aes_key_unwrap, aes_key_wrap

from daypass.errors import Invalid
from daypass.wire.jwt import base64url, public_jwk
from daypass.wire.keys import PublicKey
from daypass.wire.pyca import PrivateKey

__all__ = ["MAX_SIZE", "is_encrypted", "lock", "private_jwk", "read_private"]

MAX_SIZE = 64 * 1024  # bytes of a file
ROUNDS = 600_000  # PBKDF2; step's own
_MOST_ROUNDS = 10_000_000  # ten seconds: a file of a stranger's may not hang us
_WRAPS: Final[dict[str, tuple[type[HashAlgorithm], int]]] = {
    "PBES2-HS256+A128KW": (SHA256, 16),
    "PBES2-HS384+A192KW": (SHA384, 24),
    "PBES2-HS512+A256KW": (SHA512, 32),
}
_CONTENT: Final = {"A128GCM": 16, "A192GCM": 24, "A256GCM": 32}
_CURVES: Final[dict[str, ec.EllipticCurve]] = {
    "P-256": ec.SECP256R1(), "P-384": ec.SECP384R1(), "P-521": ec.SECP521R1(),
}  # fmt: skip


def read_private(text: str, passphrase: bytes | None = None) -> PrivateKey:
    """Raises Invalid: code `key.locked` where it needs a passphrase and there is none, `key.passphrase` for a wrong
    one, `key.file` for what is no such key."""
    parts = _encrypted(text)
    if parts is None:
        return _private(_object(text))
    if passphrase is None:
        raise Invalid("the key is protected by a passphrase", code="key.locked")
    return _private(_object(_opened(parts, passphrase)))


def is_encrypted(text: str) -> bool:
    return _encrypted(text) is not None


def lock(jwk: dict[str, str], passphrase: bytes) -> str:
    """The compact form, as step has it in `encryptedKey`."""
    salt, content_key, iv = os.urandom(16), os.urandom(32), os.urandom(12)
    header = {
        "alg": "PBES2-HS256+A128KW", "cty": "jwk+json", "enc": "A256GCM", "p2c": ROUNDS, "p2s": base64url(salt),
    }  # fmt: skip
    protected = base64url(json.dumps(header, separators=(",", ":")).encode())
    wrapped = aes_key_wrap(_derived(passphrase, "PBES2-HS256+A128KW", salt, ROUNDS), content_key)
    sealed = AESGCM(content_key).encrypt(iv, json.dumps(jwk).encode(), protected.encode())
    return ".".join((protected, *map(base64url, (wrapped, iv, sealed[:-16], sealed[-16:]))))


def private_jwk(key: PrivateKey) -> dict[str, str]:
    """With `d`; of an RSA key the factors, too (RFC 7518 section 6.3.2)."""
    members = public_jwk(PublicKey.from_cryptography(key.public_key()))
    if isinstance(key, ed25519.Ed25519PrivateKey):
        return members | {"d": base64url(key.private_bytes_raw())}
    if isinstance(key, ec.EllipticCurvePrivateKey):
        size = (key.curve.key_size + 7) // 8
        return members | {"d": base64url(key.private_numbers().private_value.to_bytes(size, "big"))}
    numbers = key.private_numbers()
    values = {"d": numbers.d, "p": numbers.p, "q": numbers.q, "dp": numbers.dmp1, "dq": numbers.dmq1,
              "qi": numbers.iqmp}  # fmt: skip
    return members | {name: base64url(n.to_bytes((n.bit_length() + 7) // 8, "big")) for name, n in values.items()}


def _encrypted(text: str) -> tuple[str, str, str, str, str] | None:
    """Protected header, encrypted key, iv, ciphertext and tag (RFC 7516 section 7)."""
    text = text.strip()
    if text.startswith("{"):
        members = _object(text)
        found = [members.get(name) for name in ("protected", "encrypted_key", "iv", "ciphertext", "tag")]
    else:
        found = list(text.split("."))
    if len(found) != 5 or not all(isinstance(each, str) for each in found):
        return None
    protected, key, iv, ciphertext, tag = map(str, found)
    return protected, key, iv, ciphertext, tag


def _opened(parts: tuple[str, str, str, str, str], passphrase: bytes) -> str:
    protected, wrapped, iv, ciphertext, tag = parts
    header = _object(_bytes(protected).decode("utf-8", "replace"))
    alg, enc, rounds, salt = (header.get(name) for name in ("alg", "enc", "p2c", "p2s"))
    if alg not in _WRAPS or enc not in _CONTENT or not isinstance(salt, str):
        raise Invalid("the key is encrypted in a way that is not read here", code="key.file", hint=_REMAKE)
    if not isinstance(rounds, int) or not 1000 <= rounds <= _MOST_ROUNDS:
        raise Invalid("the key's file asks for too few or too many rounds", code="key.file", hint=_REMAKE)
    try:
        content_key = aes_key_unwrap(_derived(passphrase, str(alg), _bytes(salt), rounds), _bytes(wrapped))
        plain = AESGCM(content_key).decrypt(_bytes(iv), _bytes(ciphertext) + _bytes(tag), protected.encode())
    except (InvalidUnwrap, InvalidTag, ValueError) as error:
        raise Invalid("the key can't be opened with that passphrase", code="key.passphrase") from error
    return plain.decode("utf-8", "replace")


_REMAKE: Final = "make a pair: daypass ca provisioner key NAME"


def _derived(passphrase: bytes, alg: str, salt: bytes, rounds: int) -> bytes:
    """RFC 7518 section 4.8.1.1: the salt begins with the algorithm's name."""
    digest, size = _WRAPS[alg]
    return PBKDF2HMAC(digest(), size, alg.encode() + b"\0" + salt, rounds).derive(passphrase)


def _private(members: dict[str, object]) -> PrivateKey:
    """The public half must be that of the private one."""
    try:
        key = _made(members)
        public = public_jwk(PublicKey.from_cryptography(key.public_key()))
    except (ValueError, KeyError, TypeError, Invalid) as error:
        raise Invalid("this is no private key that signs here", code="key.file", hint=_REMAKE) from error
    if any(members.get(name) != value for name, value in public.items()):
        raise Invalid("the two halves of this key do not fit", code="key.file", hint=_REMAKE)
    return key


def _made(members: dict[str, object]) -> PrivateKey:
    def number(name: str) -> int:
        return int.from_bytes(_bytes(str(members[name])), "big")

    if members.get("kty") == "OKP" and members.get("crv") == "Ed25519":
        return ed25519.Ed25519PrivateKey.from_private_bytes(_bytes(str(members["d"])))
    if members.get("kty") == "EC":
        return ec.derive_private_key(number("d"), _CURVES[str(members["crv"])])
    if members.get("kty") == "RSA":
        public = rsa.RSAPublicNumbers(number("e"), number("n"))
        return rsa.RSAPrivateNumbers(
            number("p"), number("q"), number("d"), number("dp"), number("dq"), number("qi"), public
        ).private_key()
    raise ValueError


def _object(text: str) -> dict[str, object]:
    try:
        found = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise Invalid("this is no key in JSON", code="key.file", hint=_REMAKE) from error
    if not isinstance(found, dict):
        raise Invalid("this is no key in JSON", code="key.file", hint=_REMAKE)
    return found


def _bytes(text: str) -> bytes:
    return urlsafe_b64decode(text + "=" * (-len(text) % 4))
