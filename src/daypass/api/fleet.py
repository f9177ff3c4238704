"""Administration of hosts: the tokens they join with, who is on record, who leaves and who takes a place over."""

from __future__ import annotations

import msgspec

from daypass.api.hosts import HostSelf
from daypass.api.route import admin_route

__all__ = [
    "FLEET_ROUTES",
    "HostCertificateLine",
    "HostDetails",
    "HostLine",
    "HostListRequest",
    "HostRemoveRequest",
    "HostRemoved",
    "HostReplaceRequest",
    "HostShowRequest",
    "JoinTokenRequest",
    "JoinTokenResponse",
    "TokenLine",
    "TokenListRequest",
    "TokenListResponse",
    "TokenRevokeRequest",
]


class JoinTokenRequest(msgspec.Struct, frozen=True, kw_only=True):
    """For one `name`, or for whatever fits one of `patterns` (`*` any characters, `?` one).

    `networks`: to enrol from; none: from anywhere. `addresses`: of the host, that are names of it, too.
    """

    name: str = ""
    patterns: list[str] = []
    aliases: list[str] = []
    labels: dict[str, str] = {}
    addresses: list[str] = []
    networks: list[str] = []
    uses: int = 1
    lifetime: int = 3600  # seconds

    def capabilities(self) -> tuple[str, ...]:
        """For every name that the token gives a host, or might."""
        names = (*([self.name] if self.name else []), *self.patterns, *self.aliases, *self.addresses)
        return tuple(f"token:{each}" for each in names)


class JoinTokenResponse(msgspec.Struct, frozen=True, kw_only=True):
    """`token` carries URL, root fingerprint and secret; it is shown once and stored only as a hash. `name`: what it
    is for."""

    token: str
    name: str
    expires_at: int
    agent: str = ""  # hex SHA-256 of the agent.sh that this CA serves


class TokenListRequest(msgspec.Struct, frozen=True, kw_only=True):
    """`ended`: those of the last 30 days, too, that are used up, revoked or expired."""

    ended: bool = False


class TokenLine(msgspec.Struct, frozen=True, kw_only=True):
    """A join token, without what makes it one. `names`: its name or patterns; `state`: open, used, revoked, expired;
    `replaces`: id of the host that loses its place to whoever brings it."""

    id: str
    state: str
    names: list[str]
    aliases: list[str]
    labels: dict[str, str]
    addresses: list[str]
    networks: list[str]
    uses: int
    max_uses: int
    replaces: str
    created_by: str
    created_at: int
    expires_at: int
    revoked_at: int | None


class TokenListResponse(msgspec.Struct, frozen=True, kw_only=True):
    tokens: list[TokenLine]


class TokenRevokeRequest(msgspec.Struct, frozen=True, kw_only=True):
    """One by its `id`, or all open ones that are for just this name or pattern."""

    id: str = ""
    name: str = ""
    reason: str

    def capabilities(self) -> tuple[str, ...]:
        """Who may make a token for a name may take it back; any other takes `revoke`."""
        return (f"token:{self.name}",) if self.name and not self.id else ("revoke",)


class HostListRequest(msgspec.Struct, frozen=True, kw_only=True):
    """Every host on record."""


class HostLine(msgspec.Struct, frozen=True, kw_only=True):
    """`marks`: live or expired; cloned, quiet. `about`, `bundle_version`, `trust_version`, `synced_at` are by the
    host's own word. `leaves_at`: when it leaves by itself, if it gets no other certificate."""

    id: str
    name: str
    aliases: list[str]
    labels: dict[str, str]
    addresses: list[str]
    marks: list[str]
    live_until: int  # 0: it has no certificate that holds
    leaves_at: int
    enrolled_at: int
    enrolled_from: str
    synced_at: int | None
    bundle_version: int | None
    trust_version: int | None
    machines: list[str]
    about: HostSelf | None


class HostShowRequest(msgspec.Struct, frozen=True, kw_only=True):
    host: str


class HostCertificateLine(msgspec.Struct, frozen=True, kw_only=True):
    serial: int
    key: str  # fingerprint
    principals: list[str]
    valid_after: int
    valid_before: int
    revoked_at: int | None


class HostDetails(msgspec.Struct, frozen=True, kw_only=True):
    host: HostLine
    certificates: list[HostCertificateLine]


class HostRemoveRequest(msgspec.Struct, frozen=True, kw_only=True):
    """By its own full name."""

    name: str
    reason: str

    def capabilities(self) -> tuple[str, ...]:
        return f"token:{self.name}", "revoke"


class HostRemoved(msgspec.Struct, frozen=True, kw_only=True):
    """The serials that were revoked, and the names that are free."""

    name: str
    id: str
    serials: list[int]
    names: list[str]


class HostReplaceRequest(msgspec.Struct, frozen=True, kw_only=True):
    """A token by which another machine takes the place of host `name`, with its names and labels."""

    name: str
    networks: list[str] = []
    lifetime: int = 3600

    def capabilities(self) -> tuple[str, ...]:
        return (f"token:{self.name}",)


FLEET_ROUTES = (
    admin_route(
        "join_token", "token:NAME", JoinTokenRequest, JoinTokenResponse, "Make a token that hosts join with.",
        status=201,
    ),
    admin_route("token_list", "audit", TokenListRequest, TokenListResponse, "The join tokens on record."),
    admin_route("token_revoke", "revoke", TokenRevokeRequest, TokenListResponse, "Take join tokens back."),
    admin_route("host_list", "audit", HostListRequest, HostLine, "Every host on record: one a line."),
    admin_route("host_show", "audit", HostShowRequest, HostDetails, "One host, with its certificates."),
    admin_route(
        "host_remove", "token:NAME", HostRemoveRequest, HostRemoved, "Revoke a host's certificates, free its names."
    ),
    admin_route(
        "host_replace", "token:NAME", HostReplaceRequest, JoinTokenResponse, "A token that takes a host's place.",
        status=201,
    ),
)  # fmt: skip
