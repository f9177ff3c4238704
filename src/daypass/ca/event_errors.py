"""Why a security event token is not taken, in RFC 8935's words (section 2.4), for pushes and polls."""

from __future__ import annotations

from typing import Final

from daypass.errors import DaypassError, Denied

__all__ = ["event_error"]

_ERRORS: Final = {
    "oidc.algorithm": "invalid_key",
    "oidc.key": "invalid_key",
    "oidc.signature": "authentication_failed",
    "oidc.issuer": "invalid_issuer",
    "oidc.audience": "invalid_audience",
}


def event_error(error: DaypassError) -> tuple[str, str]:
    """Error code and description."""
    if isinstance(error, Denied):
        return "access_denied", error.message
    return _ERRORS.get(error.code, "invalid_request"), error.message
