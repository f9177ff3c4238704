"""Hosts that bring a join token: once, for the name it was made for, and with their keys in hand.

The store knows a token by its id and by the SHA-256 of its secret. Unknown, expired or with another secret: the
answer is the same, so nobody learns which tokens there are.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Awaitable, Callable

from daypass.ca.ports import Clock, JoinToken
from daypass.errors import Invalid, Unauthenticated
from daypass.model import Credential, Identity, Kind, OnceId, Proof
from daypass.wire.jointoken import PREFIX, JoinTokenText

__all__ = ["JoinTokenProvisioner", "secret_hash"]

_NO_SECRET = bytes(32)


def secret_hash(secret: str) -> bytes:
    """What is stored of a token's secret. It is 256 random bits: no slow hash, no salt."""
    return hashlib.sha256(secret.encode()).digest()


class JoinTokenProvisioner:
    """`lookup` finds a token on record by its id: the store's `join_token`."""

    name = "join"

    def __init__(self, ca_id: bytes, lookup: Callable[[str], Awaitable[JoinToken | None]], clock: Clock) -> None:
        self._ca_id, self._lookup, self._clock = ca_id, lookup, clock

    def recognises(self, token: str) -> bool:
        return token.startswith(PREFIX)

    async def authenticate(self, credential: Credential) -> Proof:
        """The proof carries the host's name and labels. Raises Unauthenticated, and Unavailable from the store."""
        if not credential.possessed:  # trust 5.4: whoever reads a token may not have another's key certified
            raise Unauthenticated(
                "the host has not shown that it holds every key",
                code="join.possession",
                hint="enrol with: daypass host enroll",
            )
        token = await self._on_record(credential.token.reveal())
        return Proof(
            identity=Identity(kind=Kind.HOST, provider=self.name, issuer=self._ca_id.hex(), subject=token.id),
            once=OnceId(self.name, token.id),
            issued_at=int(self._clock.now()),
            expires_at=token.expires_at,
            bound=False,
            enrolment=token.facts,
        )

    async def _on_record(self, text: str) -> JoinToken:
        try:
            shown = JoinTokenText.decode(text)
        except Invalid as error:
            raise _refused() from error
        token = await self._lookup(shown.id)
        expected = token.secret_hash if token is not None else _NO_SECRET
        same = hmac.compare_digest(secret_hash(shown.secret), expected)
        if token is None or not same or token.expires_at <= self._clock.now():
            raise _refused()
        return token


def _refused() -> Unauthenticated:
    return Unauthenticated(
        "this join token is unknown, used up or expired",
        code="join.token",
        hint="make a new one on the CA machine: daypass token host NAME",
    )
