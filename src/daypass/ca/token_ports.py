"""What the heart asks of a store about join tokens, and what is on record of one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

from msgspec import Struct, field

from daypass.model import HostFacts

__all__ = ["JoinToken", "Terms", "TokenStore"]


class Terms(Struct, frozen=True):
    """How a join token may be used, beside its time."""

    patterns: tuple[str, ...] = ()  # any name that one of them fits (ca.reach.glob); none: the name in the facts
    networks: tuple[str, ...] = ()  # to enrol from; none: from anywhere
    max_uses: int = 1
    replaces: str = ""  # id of the host whose names pass to whoever brings it (trust 5.1)


class JoinToken(Struct, frozen=True):
    """A join token on record; its secret is stored as SHA-256 only. With patterns the facts name nobody."""

    id: str
    secret_hash: bytes
    facts: HostFacts
    created_by: str
    expires_at: int
    labels: Mapping[str, str] = field(default_factory=dict)
    terms: Terms = Terms()
    uses: int = 0  # hosts that were recorded by it
    created_at: int = 0
    revoked_at: int | None = None

    @property
    def names(self) -> tuple[str, ...]:
        """What it is for: its patterns, or the host's name."""
        return self.terms.patterns or (self.facts.name,)


class TokenStore(Protocol):
    """A recording that `joins` by a token counts as a use of it, in its own transaction."""

    async def add_join_token(self, token: JoinToken, *, now: int) -> None:
        """Raises Conflict where the id is on record already."""

    async def join_token(self, token_id: str) -> JoinToken | None: ...

    async def join_tokens(self, since: int) -> Sequence[JoinToken]:
        """Those that expire later than `since`, the newest first; revoked and used ones too."""

    async def revoke_join_tokens(self, token_ids: Sequence[str], *, reason: str, actor: str, now: int) -> None:
        """All or none of them; one that was revoked before stays so. Raises NotFound."""
