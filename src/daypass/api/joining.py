"""Tokens for many hosts in one act: one sign-in for a whole wave of a fleet."""

from __future__ import annotations

import msgspec

from daypass.api.route import admin_route

__all__ = ["JOINING_ROUTES", "HostWanted", "JoinTokensRequest", "JoinTokensResponse"]


class HostWanted(msgspec.Struct, frozen=True, kw_only=True):
    """What one host is to be called."""

    name: str
    aliases: list[str] = []
    labels: dict[str, str] = {}


class JoinTokensRequest(msgspec.Struct, frozen=True, kw_only=True):
    """200 hosts at most. All tokens are made, or none."""

    hosts: list[HostWanted]
    lifetime: int = 3600  # seconds

    def capabilities(self) -> tuple[str, ...]:
        """For every name that a token gives a host."""
        return tuple(f"token:{each}" for host in self.hosts for each in (host.name, *host.aliases))


class JoinTokensResponse(msgspec.Struct, frozen=True, kw_only=True):
    """`tokens` in the order of the hosts, each for one of them, once. `host_ca`: public key lines, by which a host
    is known once it has enrolled."""

    tokens: list[str]
    expires_at: int
    host_ca: list[str]


JOINING_ROUTES = (
    admin_route(
        "join_tokens", "token:NAME", JoinTokensRequest, JoinTokensResponse, "Make join tokens for many hosts.",
        status=201,
    ),
)  # fmt: skip
