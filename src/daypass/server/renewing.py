"""Requests by the key of a host certificate, from `api` to what the heart takes; the words are step's."""

from __future__ import annotations

import re
from typing import Final

from daypass.api import SshRekeyRequest, SshRevokeRequest
from daypass.errors import DaypassError, Invalid
from daypass.model import Secret
from daypass.server.signing import given, public_key, require_possession
from daypass.wire import PublicKey
from daypass.wire.binding import possession_message

__all__ = ["NotImplementedHere", "rekeying", "revocation"]

_REASONS: Final = range(11)  # RFC 5280 section 5.3.1
_MAX_REASON: Final = 256  # characters
_SERIAL = re.compile(r"[0-9]{1,20}")


class NotImplementedHere(DaypassError):
    """501."""

    default_code = "not-implemented"


def rekeying(body: SshRekeyRequest, ca_id: bytes) -> tuple[Secret, PublicKey, bool]:
    """The token, the new key, and whether that has signed for itself. Raises Invalid and Unauthenticated."""
    token = given("ott", body.ott)
    if not body.publicKey:
        raise Invalid("missing or empty public key", code="body.field")
    key = public_key("publicKey", body.publicKey)
    if body.proof is not None:
        require_possession("proof", body.proof, key, possession_message(ca_id, token))
    return Secret(token), key, body.proof is not None


def revocation(body: SshRevokeRequest) -> tuple[Secret, str, dict[str, object]]:
    """The token, the serial, and what the ledger keeps. Raises Invalid, and NotImplementedHere."""
    if not body.serial:
        raise Invalid("missing serial", code="body.field")
    if not _SERIAL.fullmatch(body.serial):
        raise Invalid("serial is not a number in decimal", code="body.field")
    if body.reasonCode not in _REASONS:
        raise Invalid("reasonCode out of bounds", code="body.field", hint="0 to 10, as in RFC 5280")
    if len(body.reason) > _MAX_REASON or not body.reason.isprintable():
        raise Invalid(f"reason is one line of {_MAX_REASON} characters at most", code="body.field")
    if not body.ott:
        raise Invalid("missing ott", code="body.field")
    if not body.passive:
        hint = "send passive: true; here that reaches everyone who asks for the revocation list"
        raise NotImplementedHere("non-passive revocation not implemented", hint=hint)
    return Secret(body.ott), body.serial, {"reason_code": body.reasonCode, "given_reason": body.reason}
