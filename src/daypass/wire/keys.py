"""SSH public keys (RFC 4253 section 6.6, RFC 5656 section 3.1, RFC 8709 section 4, OpenSSH PROTOCOL.u2f).

A key is its canonical blob: what `PublicKey.parse` accepts is what every peer would write for that key.
Certificates are not keys here. Where a certificate was taken for a key, a certificate inside a certificate
got through unchecked (CVE-2025-49825), so those type names are refused before anything else is looked at.
"""

from __future__ import annotations

import binascii
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from daypass.errors import Invalid
from daypass.wire.buffer import Reader, string

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa

__all__ = ["CERTIFICATE_SUFFIX", "KEY_TYPES", "MAX_KEY_BYTES", "PublicKey"]

MAX_KEY_BYTES = 8192
"""The largest blob looked at. An RSA key of 8192 bits takes about 1,050 bytes."""

CERTIFICATE_SUFFIX = "-cert-v01@openssh.com"
_SECURITY_KEY_PREFIX = "sk-"
_ED25519_HEAD = string("ssh-ed25519") + b"\x00\x00\x00\x20"
_ED25519_SIZE = len(_ED25519_HEAD) + 32
_RSA_BITS = range(2048, 8193)
# An even or tiny exponent is no RSA, and a verifier pays for a long one (CVE-2026-39829): 65537 is what
# everyone writes, 3, 17, 35 and 37 are old keys, and no generator goes beyond 32 bits and one.
_RSA_EXPONENTS = range(3, 2**32 + 2, 2)


@dataclass(frozen=True, slots=True)
class PublicKey:
    """A public key that may be certified or may sign certificates.

        string  type
        ssh-ed25519                           string public key (32 bytes)
        ssh-rsa                               mpint e, mpint n
        ecdsa-sha2-nistp256, 384, 521         string curve, string point (uncompressed)
        sk-ssh-ed25519@openssh.com            string public key (32 bytes), string application
        sk-ecdsa-sha2-nistp256@openssh.com    string curve, string point, string application

    `type` is the name on the wire, `blob` everything above. Make one by `parse`, `from_line` or
    `from_cryptography`; the bare constructor checks nothing.
    """

    type: str
    blob: bytes

    @classmethod
    def parse(cls, blob: bytes) -> PublicKey:
        """Read a blob. `Invalid` for certificates, unknown types, weak keys, and anything not canonical."""
        if len(blob) == _ED25519_SIZE and blob.startswith(_ED25519_HEAD):
            return cls("ssh-ed25519", bytes(blob))
        if len(blob) > MAX_KEY_BYTES:
            raise Invalid(f"a public key of {len(blob)} bytes is too large: {MAX_KEY_BYTES} is the limit")
        reader = Reader(bytes(blob))
        type_name = check_type(reader.text())
        skip_fields(type_name, reader)
        reader.end()
        return cls(type_name, bytes(blob))

    @classmethod
    def from_line(cls, line: str) -> PublicKey:
        """Read one line of a .pub file: `type base64 [comment]`, without options."""
        type_name, blob = split_line(line)
        key = cls.parse(blob)
        if key.type != type_name:
            raise Invalid(f"the line says {type_name[:64]!r} but the key in it is {key.type}")
        return key

    @classmethod
    def from_cryptography(
        cls, key: ed25519.Ed25519PublicKey | ec.EllipticCurvePublicKey | rsa.RSAPublicKey
    ) -> PublicKey:
        """The same key as pyca/cryptography holds it. That library knows no security keys."""
        from daypass.wire import pyca

        return cls.parse(pyca.public_blob(key))

    def line(self, comment: str = "") -> str:
        """The line of a .pub file, without a line break."""
        return make_line(self.type, self.blob, comment)

    @property
    def fingerprint(self) -> str:
        """`SHA256:` and the unpadded base64 of the blob's hash, as ssh-keygen -l prints it."""
        from hashlib import sha256

        return "SHA256:" + binascii.b2a_base64(sha256(self.blob).digest(), newline=False).decode().rstrip("=")

    @property
    def is_security_key(self) -> bool:
        """Whether the private key lives in a FIDO authenticator."""
        return self.type.startswith(_SECURITY_KEY_PREFIX)

    @property
    def application(self) -> str:
        """The FIDO application a security key was made for, usually `ssh:`; empty for all other keys."""
        if not self.is_security_key:
            return ""
        reader = Reader(self.blob)
        for _ in range(3 if "ecdsa" in self.type else 2):
            reader.string()
        return reader.text()

    @property
    def certificate_type(self) -> str:
        """The type name of a certificate for this key."""
        return self.type.removesuffix("@openssh.com") + CERTIFICATE_SUFFIX

    @property
    def signature_algorithms(self) -> tuple[str, ...]:
        """The signature formats `verify` accepts, best first. SHA-1 (`ssh-rsa`) is never one of them."""
        return ("rsa-sha2-512", "rsa-sha2-256") if self.type == "ssh-rsa" else (self.type,)

    @property
    def fields(self) -> bytes:
        """The blob without the type name: these fields as they stand in a certificate."""
        return self.blob[4 + len(self.type) :]

    def verify(self, signature_blob: bytes, data: bytes, *, require_user_verification: bool = False) -> None:
        """Check an SSH signature over `data`; returns nothing, raises `Invalid` where it does not hold.

        A security key must say that it was touched (CVE-2026-39831), and with `require_user_verification`
        also that it asked for a PIN or a fingerprint.
        """
        from daypass.wire import signature

        signature.verify_blob(self, signature_blob, data, require_user_verification=require_user_verification)


def check_type(name: str) -> str:
    """The name of a plain key type we accept; `Invalid` for all others."""
    if "-cert-v0" in name:
        raise Invalid("a certificate can't stand where a public key is expected")
    if name not in _FIELDS:
        raise Invalid(
            f"public keys of type {name[:64]!r} are not accepted", hint=f"use one of: {', '.join(KEY_TYPES)}"
        )
    return name


def skip_fields(type_name: str, reader: Reader) -> None:
    """Read the fields of a key behind its type name, and check every one of them."""
    _FIELDS[type_name](reader, type_name)


def split_line(line: str) -> tuple[str, bytes]:
    """Type name and blob of a `type base64 [comment]` line."""
    words = line.strip(" \t\r\n").split(None, 2)
    if len(words) < 2 or "\n" in line.strip() or "\r" in line.strip():
        raise Invalid("a public key is one line: its type, base64, and perhaps a comment")
    return words[0], decode_base64(words[1])


def make_line(type_name: str, blob: bytes, comment: str) -> str:
    """The `type base64 [comment]` line."""
    if not comment.isprintable():
        raise Invalid("a comment is printable text on one line")
    return f"{type_name} {binascii.b2a_base64(blob, newline=False).decode()} {comment}".rstrip(" ")


def decode_base64(text: str) -> bytes:
    """Base64 in its one canonical spelling: with padding, and no stray bits in the last character."""
    try:
        data = binascii.a2b_base64(text, strict_mode=True)
    except ValueError as error:
        raise Invalid("that is not base64") from error
    if binascii.b2a_base64(data, newline=False) != text.encode():
        raise Invalid("that is not canonical base64")
    return data


def _ed25519(reader: Reader, _type_name: str) -> None:
    size = len(reader.string())
    if size != 32:
        raise Invalid(f"an Ed25519 public key has 32 bytes, not {size}")


def _ecdsa(reader: Reader, type_name: str) -> None:
    from daypass.wire import pyca

    curve = reader.text()
    if curve != curve_name(type_name):
        raise Invalid(f"a key of type {type_name} is on another curve: {curve[:64]!r}")
    pyca.elliptic_key(curve, reader.string())


def _rsa(reader: Reader, _type_name: str) -> None:
    exponent, modulus = reader.mpint(), reader.mpint()
    if modulus.bit_length() not in _RSA_BITS or modulus % 2 == 0:
        raise Invalid(
            f"an RSA key of {modulus.bit_length()} bits is not accepted",
            hint=f"{_RSA_BITS[0]} to {_RSA_BITS[-1]} bits are",
        )
    if exponent not in _RSA_EXPONENTS:
        raise Invalid("the RSA exponent must be odd, and between 3 and 2^32 + 1")


def _security_key(fields: Callable[[Reader, str], None]) -> Callable[[Reader, str], None]:
    def check(reader: Reader, type_name: str) -> None:
        fields(reader, type_name)
        if not reader.text():
            raise Invalid("a security key names the application it was made for")

    return check


def curve_name(type_name: str) -> str:
    """`nistp256` of `ecdsa-sha2-nistp256` and of `sk-ecdsa-sha2-nistp256@openssh.com`."""
    return type_name.removesuffix("@openssh.com").rpartition("-")[2]


_FIELDS: dict[str, Callable[[Reader, str], None]] = {
    "ssh-ed25519": _ed25519,
    "ecdsa-sha2-nistp256": _ecdsa,
    "ecdsa-sha2-nistp384": _ecdsa,
    "ecdsa-sha2-nistp521": _ecdsa,
    "sk-ssh-ed25519@openssh.com": _security_key(_ed25519),
    "sk-ecdsa-sha2-nistp256@openssh.com": _security_key(_ecdsa),
    "ssh-rsa": _rsa,
}
KEY_TYPES = tuple(_FIELDS)
"""Every accepted type name. DSA is not among them."""
