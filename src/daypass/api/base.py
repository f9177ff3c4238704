"""What every part of the contract stands on: limits, errors, signed documents."""

from __future__ import annotations

from base64 import urlsafe_b64decode, urlsafe_b64encode
from typing import TypeVar

import msgspec

from daypass.errors import Invalid
from daypass.wire.binding import (
    BUNDLE_NAMESPACE,
    CLIENT_BUNDLE_NAMESPACE,
    DEVICE_NAMESPACE,
    HEARTBEAT_NAMESPACE,
    HOST_REQUEST_NAMESPACE,
    MY_HOSTS_NAMESPACE,
    POSSESSION_NAMESPACE,
    REQUEST_NAMESPACE,
    TRUST_NAMESPACE,
)

__all__ = [
    "ACT_SCHEME",
    "AUTH_SCHEME",
    "BUNDLE_NAMESPACE",
    "CALL_NONCE_SIZE",
    "CLIENT_BUNDLE_NAMESPACE",
    "DEVICE_NAMESPACE",
    "HEARTBEAT_NAMESPACE",
    "HOST_REQUEST_NAMESPACE",
    "MAX_BODY",
    "MY_HOSTS_NAMESPACE",
    "POSSESSION_NAMESPACE",
    "REQUEST_NAMESPACE",
    "TRUST_NAMESPACE",
    "Body",
    "Error",
    "Signed",
]


AUTH_SCHEME = "Daypass"  # a day pass speaks: PassProof
ACT_SCHEME = "Daypass-Act"  # a sign-in for one call: ActProof
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


Shown = TypeVar("Shown", bound=msgspec.Struct)


def written_header(scheme: str, shown: msgspec.Struct) -> str:
    """`Authorization`: the scheme, and base64url without padding of the JSON."""
    return f"{scheme} {urlsafe_b64encode(msgspec.json.encode(shown)).rstrip(b'=').decode()}"


def read_header(scheme: str, value: str, kind: type[Shown], code: str) -> Shown:
    """Raises Invalid for whatever `written_header` would not have written: a second spelling is another string."""
    given, _, text = value.partition(" ")
    if given != scheme:
        raise Invalid(f"the Authorization header does not begin with {scheme}", code=code)
    try:
        shown = msgspec.json.decode(urlsafe_b64decode(text + "=" * (-len(text) % 4)), type=kind)
    except (msgspec.MsgspecError, RecursionError, ValueError) as error:
        raise Invalid(f"what follows {scheme} in the Authorization header can't be read", code=code) from error
    if written_header(scheme, shown) != value:
        raise Invalid(f"what follows {scheme} is not written as it has to be", code=code)
    return shown
