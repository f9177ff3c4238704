"""Administration of the bearers by which directories call. SCIM itself is at /scim/v2, in the words of RFC 7644."""

from __future__ import annotations

import msgspec

from daypass.api.route import admin_route

__all__ = [
    "SCIM_ROUTES",
    "ScimTokenLine",
    "ScimTokenListRequest",
    "ScimTokenListResponse",
    "ScimTokenRequest",
    "ScimTokenResponse",
    "ScimTokenRevokeRequest",
]


class ScimTokenRequest(msgspec.Struct, frozen=True, kw_only=True):
    """A bearer for the directory of `provider`. `lifetime` is in seconds."""

    provider: str
    lifetime: int


class ScimTokenLine(msgspec.Struct, frozen=True, kw_only=True):
    """`used_at`: within five minutes."""

    id: str
    provider: str
    created_by: str
    created_at: int
    expires_at: int
    used_at: int | None = None
    revoked_at: int | None = None


class ScimTokenResponse(msgspec.Struct, frozen=True, kw_only=True):
    """`token` is told this once. `url`: where the provider is to send it, the same for every provider."""

    token: str
    url: str
    line: ScimTokenLine


class ScimTokenListRequest(msgspec.Struct, frozen=True, kw_only=True):
    """Those of `provider`; of all where it is empty."""

    provider: str = ""


class ScimTokenListResponse(msgspec.Struct, frozen=True, kw_only=True):
    tokens: list[ScimTokenLine]


class ScimTokenRevokeRequest(msgspec.Struct, frozen=True, kw_only=True):
    id: str
    reason: str


SCIM_ROUTES = (
    admin_route(
        "scim_token_create", "configure", ScimTokenRequest, ScimTokenResponse,
        "Make a bearer for a provider's directory.", status=201,
    ),
    admin_route(
        "scim_token_list", "audit", ScimTokenListRequest, ScimTokenListResponse, "The bearers of directories."
    ),
    admin_route(
        "scim_token_revoke", "configure", ScimTokenRevokeRequest, ScimTokenLine, "Take back a directory's bearer."
    ),
)  # fmt: skip
