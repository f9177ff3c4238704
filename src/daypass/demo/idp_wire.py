"""What the demo's identity provider says about itself and accepts, apart from who signs in."""

from __future__ import annotations

import hashlib
from base64 import urlsafe_b64encode
from collections.abc import Mapping
from urllib.parse import parse_qsl

from starlette.requests import Request

__all__ = ["ACR", "challenge_of", "discovery", "form_of", "wrong_with"]

ACR = "urn:example:password"


def discovery(issuer: str) -> dict[str, object]:
    """The metadata document (OpenID Connect Discovery 1.0 section 3)."""
    return {
        "issuer": issuer,
        "authorization_endpoint": f"{issuer}/authorize",
        "token_endpoint": f"{issuer}/token",
        "userinfo_endpoint": f"{issuer}/userinfo",
        "jwks_uri": f"{issuer}/jwks",
        "response_types_supported": ["code"],
        "response_modes_supported": ["query"],
        "grant_types_supported": ["authorization_code"],
        "subject_types_supported": ["public"],
        "id_token_signing_alg_values_supported": ["RS256"],
        "token_endpoint_auth_methods_supported": ["none"],
        "code_challenge_methods_supported": ["S256"],
        "scopes_supported": ["openid", "email", "profile", "groups"],
        "prompt_values_supported": ["login", "none"],
        "acr_values_supported": [ACR],
        "claims_supported": [
            "sub",
            "auth_time",
            "amr",
            "acr",
            "nonce",
            "email",
            "email_verified",
            "groups",
            "preferred_username",
        ],
        "authorization_response_iss_parameter_supported": True,
    }


def wrong_with(query: Mapping[str, str]) -> tuple[str, str] | None:
    """The OAuth error and its description for a request that can be answered, or None."""
    if query.get("response_type") != "code":
        return "unsupported_response_type", "response_type must be code"
    if "openid" not in query.get("scope", "").split():
        return "invalid_scope", "scope must contain openid"
    if query.get("code_challenge_method") != "S256" or len(query.get("code_challenge", "")) != 43:
        return "invalid_request", "PKCE with S256 is required"
    if not query.get("max_age", "0").isdecimal():
        return "invalid_request", "max_age must be a number of seconds"
    return None


def challenge_of(verifier: str) -> str:
    """RFC 7636 section 4.2."""
    return urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()


async def form_of(request: Request) -> dict[str, str]:
    return dict(parse_qsl((await request.body()).decode("utf-8", "replace"), keep_blank_values=True))
