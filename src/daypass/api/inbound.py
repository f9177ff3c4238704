"""What identity providers send of their own accord. The bodies are tokens that they have signed; other people's
protocols say what is answered."""

from __future__ import annotations

from daypass.api.base import Body
from daypass.api.route import Access, Route

__all__ = ["FORM", "INBOUND_ROUTES", "SECURITY_EVENT", "LogoutRequest"]

FORM = "application/x-www-form-urlencoded"
SECURITY_EVENT = "application/secevent+jwt"


class LogoutRequest(Body, frozen=True):
    """OpenID Connect Back-Channel Logout 1.0 section 2.5."""

    logout_token: str


INBOUND_ROUTES = (
    Route(
        "inbound_logout", "POST", "/v1/inbound/logout/{provider}", Access.INBOUND, None,
        "A provider's back-channel logout.", body=LogoutRequest, media=FORM,
    ),
    Route(
        "inbound_signals", "POST", "/v1/inbound/signals/{provider}", Access.INBOUND, None,
        "A security event token, pushed (RFC 8935).", body=str, status=202, media=SECURITY_EVENT,
    ),
)  # fmt: skip
