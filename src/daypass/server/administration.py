"""What each administrative route does. A method here is named as its route; `acts` has judged who may call it."""

from __future__ import annotations

from daypass import api
from daypass.ca.acts import Operator
from daypass.model import HostFacts
from daypass.server.explaining import Explaining
from daypass.server.persons import PersonRoutes
from daypass.server.ports import Heart

__all__ = ["Administration", "administration"]


class Administration:
    def __init__(self, heart: Heart) -> None:
        self._heart = heart

    async def join_token(self, operator: Operator, body: api.JoinTokenRequest) -> api.JoinTokenResponse:
        facts = HostFacts(body.name, tuple(body.aliases), body.labels)
        token, expires_at = await self._heart.make_join_token(facts, body.lifetime, operator.actor)
        return api.JoinTokenResponse(token=token, name=body.name, expires_at=expires_at)


def administration(heart: Heart) -> tuple[object, ...]:
    """Every room with handlers `async def ROUTE(self, operator, body)`."""
    return Administration(heart), Explaining(heart), PersonRoutes(heart)
