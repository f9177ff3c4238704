"""A published document: back to a whole Config, and to TOML for people and from it.

`policy_document` the other way round. What a document holds is what every CA process decides by; this machine's own
file gives addresses, keys, pages, and by each provider's name and issuer its secrets, which are never published.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import msgspec
from msgspec.structs import replace

from daypass.config.document import SECRETS
from daypass.config.meaning import meaning
from daypass.config.problem import Problem, errors_in
from daypass.config.reading import parse
from daypass.config.schema import (
    BastionSection,
    CloudSection,
    Config,
    EndingsSection,
    HostsSection,
    JwkSection,
    LifetimeSection,
    OperatorSection,
    PamSection,
    Port22Section,
    ProviderSection,
    RoleSection,
    Section,
    WorkloadSection,
    X5cSection,
)
from daypass.config.shape import shape
from daypass.config.ways import WAYS
from daypass.errors import Misconfigured

__all__ = ["as_toml", "from_toml", "merged", "require_sound"]


class _Ca(Section, frozen=True):
    name: str


class _Shared(Section, frozen=True):
    """What `policy_document` writes."""

    config_version: int
    ca: _Ca
    hosts: HostsSection
    lifetimes: LifetimeSection = LifetimeSection()
    endings: EndingsSection = EndingsSection()
    providers: list[ProviderSection] = msgspec.field(default_factory=list)
    pam: list[PamSection] = msgspec.field(default_factory=list)
    workloads: list[WorkloadSection] = msgspec.field(default_factory=list)
    clouds: list[CloudSection] = msgspec.field(default_factory=list)
    jwk: list[JwkSection] = msgspec.field(default_factory=list)
    x5c: list[X5cSection] = msgspec.field(default_factory=list)
    port22: list[Port22Section] = msgspec.field(default_factory=list)
    roles: list[RoleSection] = msgspec.field(default_factory=list)
    operators: list[OperatorSection] = msgspec.field(default_factory=list)
    bastions: list[BastionSection] = msgspec.field(default_factory=list)
    reserved_logins: list[str] = msgspec.field(default_factory=list)


_decoder = msgspec.json.Decoder(_Shared)
_read_object = msgspec.json.Decoder(dict[str, Any]).decode
_MARK = "~"
_MARK_LINES = f'"{_MARK}" = [\n    "{_MARK}",\n]\n'


def merged(document: str, local: Config) -> Config:
    """The configuration that the document and this machine make together; its policy document is the document.

    Raises Misconfigured for a document that this release can't read, above all one with keys of a newer release:
    to leave out what it does not know could let somebody in.
    """
    try:
        shared = _decoder.decode(document)
    except (msgspec.DecodeError, UnicodeError, RecursionError) as error:
        raise Misconfigured(
            f"this release of daypass can't read it: {error}",
            code="config.document",
            hint="bring daypass on this machine to the release that published it",
        ) from None
    return _joined(shared, local)


def from_toml(text: str, local: Config) -> Config:
    """What `as_toml` wrote and somebody edited. Raises Misconfigured, whose message lists every mistake.

    Secrets are taken from this machine's file, whatever the text says.
    """
    raw, unreadable = parse(text)
    shared, misshapen = ({}, unreadable) if unreadable else shape(raw, _Shared)
    if not isinstance(shared, _Shared) or misshapen:
        raise _mistaken(misshapen)
    config = _joined(shared, local)
    require_sound(config)
    return config


def require_sound(config: Config) -> None:
    """Raises Misconfigured where today's checks find a mistake."""
    if mistakes := errors_in(list(meaning(config))):
        raise _mistaken(mistakes)


def as_toml(document: str) -> str:
    """The document as its part of the file would stand there. It has no secrets."""
    import tomli_w

    try:
        return tomli_w.dumps(_apart(_read_object(document))).replace(_MARK_LINES, "")
    except (msgspec.DecodeError, TypeError) as error:
        raise Misconfigured(f"the document can't be shown: {error}", code="config.document") from None


def _apart(document: dict[str, Any]) -> dict[str, Any]:
    """tomli_w puts short tables on one line, `providers = [{…}]`, unless a list stands in them; so one does, and is
    taken out again. No text can look like its lines: a line break in one is written as an escape."""
    lists = {name: value for name, value in document.items() if isinstance(value, list)}
    marked = {
        name: [{**each, _MARK: [_MARK]} if isinstance(each, dict) else each for each in value]
        for name, value in lists.items()
    }
    return document | marked


def _joined(shared: _Shared, local: Config) -> Config:
    return replace(
        local,
        config_version=shared.config_version,
        ca=replace(local.ca, name=shared.ca.name),
        hosts=shared.hosts,
        lifetimes=shared.lifetimes,
        endings=shared.endings,
        providers=[_with_secrets(each, local) for each in shared.providers],
        roles=shared.roles,
        **{key: getattr(shared, key) for key in WAYS},
        operators=shared.operators,
        bastions=shared.bastions,
        reserved_logins=shared.reserved_logins,
    )


def _with_secrets(provider: ProviderSection, local: Config) -> ProviderSection:
    """A document with a secret in it is no document of ours: the hash of what is made here differs from its own.

    A secret is for the issuer that gave it: published under another one it would go to that one's token endpoint.
    """
    known = {(each.name, each.issuer): each for each in local.providers}
    mine = known.get((provider.name, provider.issuer))
    return replace(provider, **{name: getattr(mine, name, "") for name in SECRETS})


def _mistaken(mistakes: Iterable[Problem]) -> Misconfigured:
    listed = "".join(f"\n  {mistake}" for mistake in mistakes)
    return Misconfigured(f"this configuration has mistakes:{listed}", code="config.invalid")
