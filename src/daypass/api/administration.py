"""Administration: one POST with a JSON body for every command."""

from __future__ import annotations

import msgspec

__all__ = [
    "JoinTokenRequest",
    "JoinTokenResponse",
]


class JoinTokenRequest(msgspec.Struct, frozen=True, kw_only=True):
    name: str
    aliases: list[str] = []
    labels: dict[str, str] = {}
    lifetime: int = 3600  # seconds


class JoinTokenResponse(msgspec.Struct, frozen=True, kw_only=True):
    """`token` carries URL, root fingerprint and secret; it is shown once and stored only as a hash."""

    token: str
    name: str
    expires_at: int
