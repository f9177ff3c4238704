"""The join token: one word that gets a new host its first certificate.

    dpj1.base64url({"url":"…","fingerprint":"…","id":"…","secret":"…"})

JSON without spaces, in this order; base64url without padding. It says where the CA is, how to know it, and which
token on record this is. One token has one spelling: what does not encode to itself again is refused, and so is
whatever could mean something in a shell script that a token was pasted into (GHSA-6xf3-5hp7-xqqg).
"""

from __future__ import annotations

import json
import re
from base64 import urlsafe_b64decode, urlsafe_b64encode
from dataclasses import dataclass, field, fields

from daypass.errors import Invalid

__all__ = ["PREFIX", "JoinTokenText"]

PREFIX = "dpj1."
MAX_SIZE = 1024
_GRAMMAR = {
    "url": re.compile(
        r"https://(?:[A-Za-z0-9](?:[A-Za-z0-9.-]{0,251}[A-Za-z0-9])?|\[[0-9a-f:.]{2,45}\])(?::[0-9]{1,5})?"
    ),
    "fingerprint": re.compile(r"[0-9a-f]{64}"),
    "id": re.compile(r"[0-9a-f]{16,64}"),
    "secret": re.compile(r"[A-Za-z0-9_-]{43}"),
}


@dataclass(frozen=True, slots=True)
class JoinTokenText:
    """What a join token says; anything outside the grammar is Invalid. Its repr leaves the secret out.

    url          https://NAME[:PORT] of the CA
    fingerprint  SHA-256 of the CA's X.509 root certificate, 64 hex digits
    id           which token this is: 16 to 64 hex digits
    secret       32 random bytes in base64url; the CA keeps only the SHA-256 of these 43 characters
    """

    url: str
    fingerprint: str
    id: str
    secret: str = field(repr=False)

    def __post_init__(self) -> None:
        for name, grammar in _GRAMMAR.items():
            if grammar.fullmatch(getattr(self, name)) is None:
                raise Invalid(f"a join token can't have this {name}", code="token.form")

    def encode(self) -> str:
        members = {each.name: getattr(self, each.name) for each in fields(self)}
        return PREFIX + urlsafe_b64encode(json.dumps(members, separators=(",", ":")).encode()).rstrip(b"=").decode()

    @classmethod
    def decode(cls, text: str) -> JoinTokenText:
        """Raises Invalid for what `encode` does not write. White space around it is the caller's to strip."""
        token = _read(text) if text.startswith(PREFIX) and len(text) <= MAX_SIZE else None
        if token is None or token.encode() != text:
            raise Invalid(
                "this is not a join token",
                code="token.form",
                hint="make one on the CA machine: daypass token host NAME",
            )
        return token


def _read(text: str) -> JoinTokenText | None:
    body = text.removeprefix(PREFIX)
    try:
        members = json.loads(urlsafe_b64decode(body + "=" * (-len(body) % 4)))
        return JoinTokenText(**{name: str(value) for name, value in members.items()})
    except (ValueError, TypeError, AttributeError, RecursionError, Invalid):
        return None
