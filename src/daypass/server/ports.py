"""What the routes need: the heart as they see it, and the facts about this CA that anyone may know."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol

from daypass.api import OidcLogin, OidcProvisioner, Signed
from daypass.ca.ports import HostRecord
from daypass.model import Credential, HostFacts, Issued, Request
from daypass.wire import PublicKey

__all__ = ["Heart", "Issuance", "PublicInfo"]


class Issuance(Protocol):
    """What one request led to: certificates on record, and for a host its record."""

    @property
    def certificates(self) -> tuple[Issued, ...]: ...

    @property
    def host(self) -> HostRecord | None: ...


class Heart(Protocol):
    """`ca.authority.Authority`, as far as HTTP reaches into it."""

    @property
    def ca_id(self) -> bytes: ...

    @property
    def name(self) -> str: ...

    async def issue(self, request: Request, credential: Credential) -> Issuance: ...

    def user_keys(self) -> tuple[PublicKey, ...]: ...

    def host_keys(self) -> tuple[PublicKey, ...]: ...

    async def make_join_token(self, facts: HostFacts, lifetime: int, actor: str) -> tuple[str, int]:
        """The token, and the unix second it expires."""

    async def bundle(self, host: HostRecord) -> tuple[str, str]:
        """The host's bundle as a JSON document, and an armored SSHSIG over it."""

    async def client_bundle(self) -> tuple[str, str]:
        """The same for laptops: a list of hosts, for people who have signed in."""


@dataclass(frozen=True, slots=True)
class PublicInfo:
    """What the open routes tell. `roots`: PEM by lower-case hex SHA-256 of the DER, the current one first.

    `user_lifetime` is in seconds; `trust` is the trust document as the offline root signed it.
    """

    version: str
    roots: Mapping[str, str]
    trust: Signed
    user_lifetime: int
    provisioners: tuple[OidcProvisioner, ...] = ()
    logins: tuple[OidcLogin, ...] = field(default=())
