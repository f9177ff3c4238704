"""Bearers by which a provider's directory calls: made once, shown once, kept as hashes.

`dpscim_ID_SECRET`: 12 hex digits say which, 256 random bits that it is ours. A bearer is one provider's, and says by
itself whose directory a call is about: nothing in the call does.
"""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
from collections.abc import Sequence

from daypass.ca.clock import ClockGuard
from daypass.ca.directory import with_directory
from daypass.ca.force import Following
from daypass.ca.ports import Store
from daypass.ca.scim_ports import ScimToken, TokenRecord
from daypass.config import ProviderSection
from daypass.errors import Invalid, NotFound, Unauthenticated
from daypass.model import Secret, shown

__all__ = ["LONGEST", "ScimTokens"]

LONGEST = 2 * 366 * 86400  # seconds
SHORTEST = 300
MAX_REASON = 256  # characters
_FORM = re.compile(r"dpscim_(?P<id>[0-9a-f]{12})_(?P<secret>[A-Za-z0-9_-]{43})")


class ScimTokens:
    def __init__(self, store: Store, clock: ClockGuard, force: Following) -> None:
        self._store, self._clock, self._force = store, clock, force

    @property
    def url(self) -> str:
        return self._force.current.config.ca.url.rstrip("/") + "/scim/v2"

    async def make(self, provider: str, lifetime: int, actor: str) -> tuple[Secret, TokenRecord]:
        """Raises NotFound for a provider without a directory, Invalid for a lifetime that can't be."""
        self._require(provider)
        if not SHORTEST <= lifetime <= LONGEST:
            raise Invalid("a token lives for 5 minutes at least and for two years at most", code="scim.lifetime")
        now, number, secret = self._clock.now(), secrets.token_hex(6), secrets.token_urlsafe(32)
        made = ScimToken(
            id=number, provider=provider, secret_hash=_hash(secret), created_by=actor, expires_at=now + lifetime
        )
        await self._store.add_scim_token(made, now=now)
        return Secret(f"dpscim_{number}_{secret}"), await self._found(number)

    async def every(self) -> Sequence[TokenRecord]:
        return await self._store.scim_tokens()

    async def revoke(self, number: str, *, reason: str, actor: str) -> TokenRecord:
        """Raises NotFound, and Invalid for a reason that is none."""
        if not reason.strip() or not reason.isprintable() or len(reason) > MAX_REASON:
            raise Invalid(f"a reason is one line of {MAX_REASON} characters at most", code="scim.reason")
        return await self._store.revoke_scim_token(number, reason=reason, actor=actor, now=self._clock.now())

    async def admit(self, bearer: str) -> ProviderSection:
        """Whose directory calls. Raises Unauthenticated, one and the same whatever is wrong with the bearer."""
        form = _FORM.fullmatch(bearer)
        found = await self._store.scim_token(form["id"]) if form else None
        right = hmac.compare_digest(found.secret_hash if found else b"", _hash(form["secret"] if form else ""))
        now = self._clock.now()
        if found is None or not right or found.revoked_at is not None or found.expires_at <= now:
            raise Unauthenticated(
                "this bearer is none of ours, or holds no longer",
                code="scim.bearer",
                hint="make one, and put it into the provider's settings: daypass scim token create PROVIDER",
            )
        section = with_directory(self._force.current.config).get(found.provider)
        if section is None:
            raise Unauthenticated(
                f"the provider {shown(found.provider)} has no [providers.scim] any more", code="scim.bearer"
            )
        await self._store.use_scim_token(found.id, now=now)
        return section

    def _require(self, provider: str) -> None:
        having = with_directory(self._force.current.config)
        if provider not in having:
            named = ", ".join(having) or "none has one"
            raise NotFound(
                f"no provider {shown(provider)} has a directory here: {named}",
                code="scim.provider",
                hint="add [providers.scim] with its match to daypass.toml, then: daypass ca reload",
            )

    async def _found(self, number: str) -> TokenRecord:
        found = await self._store.scim_token(number)
        if found is None:
            raise NotFound("there is no such token", code="scim.token")
        return found


def _hash(secret: str) -> bytes:
    return hashlib.sha256(secret.encode()).digest()
