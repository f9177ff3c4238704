"""Bearers of directories, for operators."""

from __future__ import annotations

from daypass import api
from daypass.ca.acts import Operator
from daypass.ca.scim_ports import TokenRecord
from daypass.server.ports import Heart

__all__ = ["ScimTokenRoutes"]


class ScimTokenRoutes:
    def __init__(self, heart: Heart) -> None:
        self._heart = heart

    async def scim_token_create(self, operator: Operator, body: api.ScimTokenRequest) -> api.ScimTokenResponse:
        token, found = await self._heart.scim_tokens.make(body.provider, body.lifetime, operator.actor)
        return api.ScimTokenResponse(token=token.reveal(), url=self._heart.scim_tokens.url, line=_line(found))

    async def scim_token_list(self, _operator: Operator, body: api.ScimTokenListRequest) -> api.ScimTokenListResponse:
        found = await self._heart.scim_tokens.every()
        wanted = [each for each in found if body.provider in ("", each.provider)]
        return api.ScimTokenListResponse(tokens=[_line(each) for each in wanted])

    async def scim_token_revoke(self, operator: Operator, body: api.ScimTokenRevokeRequest) -> api.ScimTokenLine:
        return _line(await self._heart.scim_tokens.revoke(body.id, reason=body.reason, actor=operator.actor))


def _line(found: TokenRecord) -> api.ScimTokenLine:
    return api.ScimTokenLine(
        id=found.id,
        provider=found.provider,
        created_by=found.created_by,
        created_at=found.created_at,
        expires_at=found.expires_at,
        used_at=found.used_at,
        revoked_at=found.revoked_at,
    )
