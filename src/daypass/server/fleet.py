"""The administrative routes about hosts and the tokens they join with."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence

import msgspec

from daypass import api, shell_agent
from daypass.ca.acts import Act, Operator
from daypass.ca.host_ports import HostAbout, HostCertificate
from daypass.ca.inventory import Inventory, Listed
from daypass.ca.token_ports import JoinToken, Terms
from daypass.ca.tokens import Tokens
from daypass.model import HostFacts
from daypass.server.answers import Stream, encode
from daypass.server.ports import Heart
from daypass.wire import PublicKey

__all__ = ["FleetRoutes"]


class FleetRoutes:
    def __init__(self, heart: Heart) -> None:
        self._heart = heart

    async def join_token(self, operator: Operator, body: api.JoinTokenRequest) -> api.JoinTokenResponse:
        facts = HostFacts(body.name, tuple(body.aliases), body.labels, tuple(body.addresses))
        terms = Terms(tuple(body.patterns), tuple(body.networks), body.uses)
        token, expires_at = await self._tokens.make(facts, body.lifetime, operator.actor, terms)
        name = ", ".join(body.patterns) or body.name
        return api.JoinTokenResponse(token=token, name=name, expires_at=expires_at, agent=shell_agent.digest())

    async def token_list(self, _operator: Operator, body: api.TokenListRequest) -> api.TokenListResponse:
        found = await self._tokens.every(ended=body.ended)
        return api.TokenListResponse(tokens=[_token(*each) for each in found])

    async def token_revoke(self, operator: Operator, body: api.TokenRevokeRequest) -> api.TokenListResponse:
        found = await self._tokens.revoke(body.id, body.name, reason=body.reason, actor=operator.actor)
        return api.TokenListResponse(tokens=[_token(*each) for each in found])

    async def host_list(self, _operator: Operator, _body: api.HostListRequest) -> Stream:
        return Stream(_lines(await self._inventory.every()))

    async def host_show(self, _operator: Operator, body: api.HostShowRequest) -> api.HostDetails:
        listed, certificates = await self._inventory.show(body.host)
        return api.HostDetails(host=_line(listed), certificates=[_certificate(each) for each in certificates])

    async def host_remove(self, operator: Operator, body: api.HostRemoveRequest) -> api.HostRemoved:
        await self._require_other_names(operator, "host_remove", body)
        host, serials = await self._inventory.remove(body.name, reason=body.reason, actor=operator.actor)
        return api.HostRemoved(
            name=host.name, id=host.id, serials=list(serials), names=[host.name, *host.aliases, *host.addresses]
        )

    async def host_replace(self, operator: Operator, body: api.HostReplaceRequest) -> api.JoinTokenResponse:
        await self._require_other_names(operator, "host_replace", body)
        networks = tuple(body.networks)
        host, token, ends = await self._inventory.replace(body.name, body.lifetime, networks, operator.actor)
        return api.JoinTokenResponse(token=token, name=host.name, expires_at=ends, agent=shell_agent.digest())

    async def _require_other_names(
        self, operator: Operator, name: str, body: api.HostRemoveRequest | api.HostReplaceRequest
    ) -> None:
        """What frees or passes on a host's name does so with its aliases and addresses, which are known only here: it
        takes the capability for each of them."""
        route, host = api.route_of(name), await self._inventory.named(body.name)
        needs = tuple(f"token:{each}" for each in (*host.aliases, *host.addresses))
        await self._heart.acts.judge(operator, Act(route.name, route.path, msgspec.json.encode(body), needs))

    @property
    def _tokens(self) -> Tokens:
        return self._heart.tokens

    @property
    def _inventory(self) -> Inventory:
        return self._heart.inventory


async def _lines(hosts: Sequence[Listed]) -> AsyncIterator[bytes]:
    for each in hosts:
        yield encode(_line(each))


def _token(token: JoinToken, state: str) -> api.TokenLine:
    facts, terms = token.facts, token.terms
    return api.TokenLine(
        id=token.id,
        state=state,
        names=list(token.names),
        aliases=list(facts.aliases),
        labels=dict(facts.labels),
        addresses=list(facts.addresses),
        networks=list(terms.networks),
        uses=token.uses,
        max_uses=terms.max_uses,
        replaces=terms.replaces,
        created_by=token.created_by,
        created_at=token.created_at,
        expires_at=token.expires_at,
        revoked_at=token.revoked_at,
    )


def _line(listed: Listed) -> api.HostLine:
    host = listed.host
    return api.HostLine(
        id=host.id,
        name=host.name,
        aliases=list(host.aliases),
        labels=dict(host.labels),
        addresses=list(host.addresses),
        marks=list(listed.marks),
        live_until=host.live_until,
        leaves_at=listed.leaves_at,
        enrolled_at=host.created_at,
        enrolled_from=host.enrolled_from,
        synced_at=host.synced_at,
        bundle_version=host.bundle_version,
        trust_version=host.trust_version,
        machines=list(host.machines),
        about=None if host.about is None else _about(host.about),
    )


def _about(about: HostAbout) -> api.HostSelf:
    return msgspec.convert(about, api.HostSelf, from_attributes=True)


def _certificate(found: HostCertificate) -> api.HostCertificateLine:
    return api.HostCertificateLine(
        serial=found.serial,
        key=PublicKey.parse(found.public_key).fingerprint,
        principals=list(found.principals),
        valid_after=found.valid_after,
        valid_before=found.valid_before,
        revoked_at=found.revoked_at,
    )
