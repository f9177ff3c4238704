"""Hosts that bring a join token: for the name it was made for, or one that fits it, and with their keys in hand.

The store knows a token by its id and by the SHA-256 of its secret. Unknown, expired or with another secret: the
answer is the same, so nobody learns which tokens there are. How often it was used the store counts, in the
transaction that records the certificates; from where and for which names it may be used is the policy's to judge.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Awaitable, Callable, Sequence

from msgspec.structs import replace

from daypass.ca.ports import Clock, Finding
from daypass.ca.token_ports import JoinToken
from daypass.errors import Denied, Invalid, Unauthenticated
from daypass.model import Credential, HostFacts, Identity, Joining, Kind, OnceId, Proof, is_host_name
from daypass.wire.jointoken import PREFIX, JoinTokenText

__all__ = ["JoinTokenProvisioner", "secret_hash"]

_NO_SECRET = bytes(32)


def secret_hash(secret: str) -> bytes:
    """What is stored of a token's secret. It is 256 random bits: no slow hash, no salt."""
    return hashlib.sha256(secret.encode()).digest()


class JoinTokenProvisioner:
    """`lookup` finds a token on record by its id: the store's `join_token`."""

    name = type = "join"

    def __init__(self, ca_id: bytes, lookup: Callable[[str], Awaitable[JoinToken | None]], clock: Clock) -> None:
        self._ca_id, self._lookup, self._clock = ca_id, lookup, clock

    def recognises(self, token: str) -> bool:
        return token.startswith(PREFIX)

    async def test(self) -> Sequence[Finding]:
        """Nothing but the database is behind it."""
        await self._lookup("")
        return [Finding(ok=True, what="join tokens are looked up in the database")]

    async def authenticate(self, credential: Credential) -> Proof:
        """The proof carries the host's name and labels. Raises Unauthenticated, Denied for what is no name,
        and Unavailable from the store."""
        if not credential.possessed:  # trust 5.4: whoever reads a token may not have another's key certified
            raise Unauthenticated(
                "the host has not shown that it holds every key",
                code="join.possession",
                hint="enrol with: daypass host enroll",
            )
        token = await self._on_record(credential.token.reveal())
        terms = token.terms
        return Proof(
            identity=Identity(kind=Kind.HOST, provider=self.name, issuer=self._ca_id.hex(), subject=token.id),
            once=OnceId(self.name, _use(token, credential)),
            issued_at=int(self._clock.now()),
            expires_at=token.expires_at,
            bound=False,
            enrolment=_facts(token, credential.name),
            joins=Joining(
                token=token.id,
                address=credential.address,
                networks=terms.networks,
                patterns=terms.patterns,
                replaces=terms.replaces,
            ),
        )

    async def _on_record(self, text: str) -> JoinToken:
        try:
            shown = JoinTokenText.decode(text)
        except Invalid as error:
            raise _refused() from error
        token = await self._lookup(shown.id)
        expected = token.secret_hash if token is not None else _NO_SECRET
        same = hmac.compare_digest(secret_hash(shown.secret), expected)
        if token is None or not same or token.revoked_at is not None or token.expires_at <= self._clock.now():
            raise _refused()
        return token


def _facts(token: JoinToken, proposed: str) -> HostFacts:
    """With patterns the host says which of their names it is, and policy judges that; else the token does, whatever
    the host says."""
    if not token.terms.patterns:
        return token.facts
    if not is_host_name(proposed):
        raise Denied(
            "this join token is for several hosts, and this one has not said its name",
            code="join.name",
            hint="give it its full name: daypass host enroll --name web-1.example.com",
        )
    return replace(token.facts, name=proposed)


def _use(token: JoinToken, credential: Credential) -> str:
    """What is spent: the token, or where it is good for several hosts its use by these keys. So the same keys get
    the same answer again, and count once."""
    if token.terms.max_uses == 1:
        return token.id
    keys = b"".join(sorted(key.blob for key in credential.keys))
    return f"{token.id}:{hashlib.sha256(keys).hexdigest()}"


def _refused() -> Unauthenticated:
    return Unauthenticated(
        "this join token is unknown, used up, revoked or expired",
        code="join.token",
        hint="make a new one on the CA machine: daypass token host NAME",
    )
