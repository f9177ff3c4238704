"""The secrets of a sign-in on another device: how each is made, written, and turned into what may be kept or sent.

Everything derived is SHA-256 over a label, NUL and the secret; labels differ, so none gives another away.
"""

from __future__ import annotations

import hashlib
import secrets
from base64 import urlsafe_b64encode

__all__ = ["Browser", "device_hash", "new_device_code", "new_user_code", "read_user_code", "user_hash", "written"]

ALPHABET = "BCDFGHJKLMNPQRSTVWXZ"  # RFC 8628 section 6.1: no vowels, so no words; 20^8 codes are 34 bits
LENGTH = 8
_IGNORED = dict.fromkeys(map(ord, "- \t\u2010\u2011\u2012\u2013\u2014\u00a0"))  # what people and phones put between


def new_device_code() -> str:
    return secrets.token_urlsafe(32)


def new_user_code() -> str:
    return "".join(secrets.choice(ALPHABET) for _ in range(LENGTH))


def written(user_code: str) -> str:
    """XXXX-XXXX."""
    return f"{user_code[:4]}-{user_code[4:]}"


def read_user_code(typed: str) -> str | None:
    """The code in what a person typed, in any case, with or without dash and spaces; None where it can't be one."""
    code = typed[:64].translate(_IGNORED).strip().upper()
    return code if len(code) == LENGTH and set(code) <= set(ALPHABET) else None


def device_hash(code: str) -> bytes:
    return _digest("device", code)


def user_hash(code: str) -> bytes:
    """Of 34 bits: whoever reads the database can find the code, and do with it what whoever sees the screen can."""
    return _digest("user", code)


class Browser:
    """What comes of the secret in a browser's cookie."""

    def __init__(self, secret: str) -> None:
        self._secret = secret

    @property
    def hash(self) -> bytes:
        return _digest("browser", self._secret)

    @property
    def state(self) -> str:
        """Goes to the provider and back (RFC 6749 section 10.12)."""
        return _base64url(_digest("state", self._secret))

    @property
    def verifier(self) -> str:
        """43 characters (RFC 7636 section 4.1)."""
        return _base64url(_digest("verifier", self._secret))

    @property
    def challenge(self) -> str:
        """S256 of the verifier (RFC 7636 section 4.2)."""
        return _base64url(hashlib.sha256(self.verifier.encode()).digest())


def _digest(label: str, secret: str) -> bytes:
    return hashlib.sha256(f"daypass-device-{label}\0{secret}".encode(errors="replace")).digest()


def _base64url(data: bytes) -> str:
    return urlsafe_b64encode(data).rstrip(b"=").decode()
