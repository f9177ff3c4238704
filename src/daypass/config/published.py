"""From a published document back to a whole Config: the shared part of it, and what is local to this machine.

`policy_document` the other way round. What a document holds is what every CA process decides by; this machine's own
file gives addresses, keys, pages, and by each provider's name its secrets, which are never published.
"""

from __future__ import annotations

import msgspec
from msgspec.structs import replace

from daypass.config.document import SECRETS
from daypass.config.schema import (
    CaSection,
    Config,
    HostsSection,
    LifetimeSection,
    OperatorSection,
    ProviderSection,
    RoleSection,
    Section,
)
from daypass.errors import Misconfigured

__all__ = ["merged"]


class _Ca(Section, frozen=True):
    name: str


class _Shared(Section, frozen=True):
    config_version: int
    ca: _Ca
    hosts: HostsSection
    lifetimes: LifetimeSection
    providers: list[ProviderSection]
    roles: list[RoleSection]
    reserved_logins: list[str]
    operators: list[OperatorSection] = msgspec.field(default_factory=list)


_decoder = msgspec.json.Decoder(_Shared)


def merged(document: str, local: Config) -> Config:
    """The configuration that the document and this machine make together; its policy document is the document.

    Raises Misconfigured for a document that this release can't read, above all one with keys of a newer release:
    to leave out what it does not know could let somebody in.
    """
    try:
        shared = _decoder.decode(document)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise Misconfigured(
            f"this release of daypass can't read it: {error}",
            code="config.document",
            hint="bring daypass on this machine to the release that published it",
        ) from None
    return replace(
        local,
        config_version=shared.config_version,
        ca=_named(local.ca, shared.ca.name),
        hosts=shared.hosts,
        lifetimes=shared.lifetimes,
        providers=[_with_secrets(each, local) for each in shared.providers],
        roles=shared.roles,
        operators=shared.operators,
        reserved_logins=shared.reserved_logins,
    )


def _named(ca: CaSection, name: str) -> CaSection:
    return replace(ca, name=name)


def _with_secrets(provider: ProviderSection, local: Config) -> ProviderSection:
    """A document with a secret in it is no document of ours: the hash of what is made here differs from its own."""
    mine = next((each for each in local.providers if each.name == provider.name), None)
    return replace(provider, **{name: getattr(mine, name, "") for name in SECRETS})
