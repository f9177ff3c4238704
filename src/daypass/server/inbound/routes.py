"""Back-channel logouts and pushed security events.

What is taken is durable before it is said so. An error of ours (503) has the provider try again; one of the token's
(400) is told in the words of its protocol.
"""

from __future__ import annotations

import logging
from typing import Final

from starlette.types import Scope

from daypass import api
from daypass.ca.event_errors import event_error
from daypass.errors import DaypassError, Denied, Invalid, Unauthenticated
from daypass.server import answers, forms
from daypass.server.ports import Heart

__all__ = ["InboundRoutes"]

_log = logging.getLogger("daypass.server")
_EMPTY: Final = ((b"x-content-type-options", b"nosniff"), (b"cache-control", b"no-store"))
_logout_form = forms.form_decoder(api.LogoutRequest)


class InboundRoutes:
    def __init__(self, heart: Heart) -> None:
        self._heart = heart

    async def inbound_logout(self, scope: Scope, body: bytes) -> answers.Whole:
        """Back-Channel Logout 1.0 section 2.8: 200, or 400 with `error`."""
        provider = scope["path_params"]["provider"]
        try:
            _require_media(scope, api.FORM)
            await self._heart.inbound.logout(provider, _logout_form(body).logout_token)
        except (Invalid, Unauthenticated) as error:
            _refused(provider, "logout", error)
            return _failed({"error": "invalid_request", "error_description": error.message})
        return answers.Whole(200, b"", _EMPTY)

    async def inbound_signals(self, scope: Scope, body: bytes) -> answers.Whole:
        """RFC 8935 section 2: 202, or 400 with `err`."""
        provider = scope["path_params"]["provider"]
        try:
            _require_media(scope, api.SECURITY_EVENT)
            await self._heart.inbound.events(provider, _text(body))
        except (Invalid, Unauthenticated, Denied) as error:
            _refused(provider, "security event", error)
            err, description = event_error(error)
            return _failed({"err": err, "description": description})
        return answers.Whole(202, b"", _EMPTY)


def _require_media(scope: Scope, media: str) -> None:
    kinds = [value.partition(b";")[0].strip().lower() for name, value in scope["headers"] if name == b"content-type"]
    if kinds != [media.encode()]:
        raise Invalid(f"the request's Content-Type is not {media}", code="inbound.media")


def _text(body: bytes) -> str:
    try:
        return body.decode("ascii").strip()
    except UnicodeDecodeError:
        raise Invalid("the request body is no token", code="inbound.body") from None


def _failed(body: dict[str, str]) -> answers.Whole:
    return answers.Whole(400, answers.encode(body), answers.STORE_NOTHING)


def _refused(provider: str, what: str, error: DaypassError) -> None:
    """For the operator: whoever sends it seldom tells anybody. The provider's name is one of ours by now, or not
    logged."""
    name = provider if provider.isascii() and provider.isprintable() and len(provider) <= 63 else "-"
    _log.warning("provider %s: a %s is refused: %s (%s)", name, what, error.message, error.code)
