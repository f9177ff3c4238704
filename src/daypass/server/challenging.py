"""Before a cloud instance enrols: what its identity document has to carry."""

from __future__ import annotations

from collections.abc import Callable

from starlette.types import Scope

from daypass import api
from daypass.server.ports import Heart
from daypass.server.signing import host_keys

__all__ = ["ChallengeRoutes"]


class ChallengeRoutes:
    def __init__(self, heart: Heart, now: Callable[[], float]) -> None:
        self._heart, self._now = heart, now

    async def host_challenge(self, _scope: Scope, body: api.HostChallengeRequest) -> api.HostChallenge:
        """Nothing is kept, so anybody may ask as often as they like."""
        made = self._heart.challenges.of(host_keys(body.keys), self._now())
        return api.HostChallenge(
            nonce=made.nonce, expires=made.expires, audience=made.audience, resources=list(made.resources)
        )
