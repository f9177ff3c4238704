"""Tokens for a wave of hosts."""

from __future__ import annotations

from typing import Final

from daypass import api
from daypass.ca.acts import Operator
from daypass.errors import Invalid
from daypass.model import HostFacts
from daypass.server.ports import Heart

__all__ = ["JoiningRoutes"]

MOST: Final = 200  # hosts in one act


class JoiningRoutes:
    def __init__(self, heart: Heart) -> None:
        self._heart = heart

    async def join_tokens(self, operator: Operator, body: api.JoinTokensRequest) -> api.JoinTokensResponse:
        """Where a name can't be a host's, tokens before it are there, unknown to anybody, until they expire."""
        if not 0 < len(body.hosts) <= MOST:
            raise Invalid(f"1 to {MOST} hosts can be asked for at a time", code="token.hosts")
        wanted = [HostFacts(each.name, tuple(each.aliases), each.labels) for each in body.hosts]
        made = [await self._heart.tokens.make(each, body.lifetime, operator.actor) for each in wanted]
        return api.JoinTokensResponse(
            tokens=[token for token, _ in made],
            expires_at=min(expires for _, expires in made),
            host_ca=[key.line() for key in self._heart.host_keys()],
        )
