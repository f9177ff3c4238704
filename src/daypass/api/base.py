"""What every part of the contract stands on: limits, errors, signed documents."""

from __future__ import annotations

import msgspec

from daypass.wire.binding import (
    BUNDLE_NAMESPACE,
    CLIENT_BUNDLE_NAMESPACE,
    DEVICE_NAMESPACE,
    POSSESSION_NAMESPACE,
    REQUEST_NAMESPACE,
    TRUST_NAMESPACE,
)

__all__ = [
    "AUTH_SCHEME",
    "BUNDLE_NAMESPACE",
    "CALL_NONCE_SIZE",
    "CLIENT_BUNDLE_NAMESPACE",
    "DEVICE_NAMESPACE",
    "MAX_BODY",
    "POSSESSION_NAMESPACE",
    "REQUEST_NAMESPACE",
    "TRUST_NAMESPACE",
    "Body",
    "Error",
    "Signed",
]


AUTH_SCHEME = "Daypass"
CALL_NONCE_SIZE = 16  # bytes
MAX_BODY = 64 * 1024  # bytes; the largest honest request (an RSA-8192 key and a token full of groups) is half of it


class Body(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Defaults are left out on the wire, as Go's omitempty does."""


class Error(msgspec.Struct, frozen=True, kw_only=True):
    """Every answer of 400 and above. `status` and `message` are what `step` reads."""

    status: int
    message: str
    code: str
    hint: str | None = None


class Signed(msgspec.Struct, frozen=True):
    """A JSON document and an armored SSHSIG over exactly its bytes."""

    document: str
    signature: str
