"""Conversations with a PAM stack at the CA. Nothing that comes or goes here is logged."""

from __future__ import annotations

import re
from typing import Final

from starlette.types import Scope

from daypass import api
from daypass.ca.conversations import Begin, Said
from daypass.errors import Invalid, NotFound
from daypass.model import Secret
from daypass.server import signing
from daypass.server.callers import Callers
from daypass.server.ports import Conversations, Heart, PublicInfo
from daypass.wire.binding import PAM_NAMESPACE, pam_message

__all__ = ["PamRoutes"]

_NONCE: Final = re.compile(r"dp1\.[A-Za-z0-9_-]{43}")
_NAME: Final = 64  # characters of an account or a way in
_DEVICE: Final = 1024  # characters of what a device shows
_ANSWERS, _ANSWER = 32, 511  # of one round, and characters of one


class PamRoutes:
    def __init__(self, heart: Heart, public: PublicInfo) -> None:
        self._heart, self._callers = heart, Callers(public.trusted_proxies)

    async def pam_start(self, scope: Scope, body: api.PamStart) -> api.PamSaid:
        return _told(await self._conversations.start(_begin(body, self._heart.ca_id), self._callers.address(scope)))

    async def pam_answer(self, _scope: Scope, body: api.PamAnswers) -> api.PamSaid:
        if len(body.answers) > _ANSWERS or any(len(each) > _ANSWER for each in body.answers):
            raise Invalid("an answer is longer than any that PAM takes", code="pam.answers")
        return _told(await self._conversations.answer(body.conversation, [Secret(each) for each in body.answers]))

    @property
    def _conversations(self) -> Conversations:
        if self._heart.conversations is None:
            raise NotFound("this CA has no sign-in by password", code="pam.off", hint="sign in with: daypass login")
        return self._heart.conversations


def _begin(body: api.PamStart, ca_id: bytes) -> Begin:
    """The key's proof is verified before anything is started (trust 3.3)."""
    if not 1 <= len(body.account) <= _NAME or len(body.provider) > _NAME:
        raise Invalid("missing or too long: account, provider", code="body.field")
    if not _NONCE.fullmatch(body.nonce):
        raise Invalid("nonce commits to nothing", code="pam.nonce", hint="binding.login_nonce")
    key = signing.public_key("public_key", signing.given("public_key", body.public_key))
    message = pam_message(ca_id, body.provider, body.account, body.nonce)
    signing.require_possession("proof", body.proof, key, message, PAM_NAMESPACE)
    return Begin(body.provider, body.account, key, body.nonce, Secret(body.device[:_DEVICE]))


def _told(said: Said) -> api.PamSaid:
    return api.PamSaid(
        conversation=said.conversation,
        prompts=[api.PamPrompt(style=each.style, text=each.text) for each in said.prompts],
        token=said.token.reveal() if said.token is not None else "",
        device=said.device.reveal() if said.device is not None else "",
    )
