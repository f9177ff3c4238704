"""The ways in beside OpenID providers: a table of the file -> its provisioner, kept while it stays the same."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import httpx2

from daypass.assemble.clouds import cloud
from daypass.assemble.held import Held
from daypass.assemble.later import Later
from daypass.assemble.parts import host_names
from daypass.assemble.port22 import port22
from daypass.ca.ports import Clock, Provisioner, Store
from daypass.config import (
    CloudSection,
    Config,
    JwkSection,
    PamSection,
    Port22Section,
    WaySection,
    WorkloadSection,
    X5cSection,
    ways,
)
from daypass.errors import DaypassError
from daypass.provisioners.jwk import JwkProvisioner
from daypass.provisioners.pam import PamProvisioner
from daypass.provisioners.workload import WorkloadProvisioner
from daypass.provisioners.x5c import X5cProvisioner
from daypass.signers.seal import SecretsFile

__all__ = ["CHALLENGE", "Around", "Others"]

CHALLENGE = b"challenge"
"""What of the CA's secrets key makes challenges for cloud instances."""


@dataclass(frozen=True, slots=True)
class Around:
    """What a provisioner may need besides its table."""

    held: Held
    store: Store
    http: httpx2.AsyncClient
    clock: Clock
    config: Config  # as in force on this machine


Make = Callable[[Any, Around], Provisioner]


def _pam(section: PamSection, around: Around) -> Provisioner:
    secrets = SecretsFile(around.held.parts.config.ca.secrets_key)
    return PamProvisioner(section, around.held.parts.ca_id, secrets.derived, around.clock)


def _cloud(section: CloudSection, around: Around) -> Provisioner:
    parts = around.held.parts
    secrets = SecretsFile(parts.config.ca.secrets_key)
    return cloud(section, parts.ca_id, lambda: secrets.derived(CHALLENGE), around.clock, around.http)


_MAKERS: Mapping[type, Make] = {
    CloudSection: _cloud,
    JwkSection: lambda section, a: JwkProvisioner(section, host_names(a.config), a.store.on_record, a.clock),
    PamSection: _pam,
    WorkloadSection: lambda section, a: WorkloadProvisioner(section, a.config, a.clock, a.http),
    Port22Section: lambda section, a: port22(section, a.held.parts.ca_id, a.store, a.clock),
    X5cSection: lambda section, a: X5cProvisioner(section, host_names(a.config), a.clock),
}
"""By the class of the table."""


@dataclass(frozen=True, slots=True)
class _Given:
    """What a provisioner was made of, and is made anew where it differs."""

    section: WaySection
    url: str
    names: tuple[str, ...]


class Others:
    """What a provisioner has learned (keys, conversations) lives as long as its table and the CA's names stay."""

    def __init__(self) -> None:
        self._kept: dict[str, tuple[_Given, Provisioner]] = {}

    def made(self, around: Around) -> tuple[Provisioner, ...]:
        names = tuple(host_names(around.config))  # tokens are made for them
        given = [_Given(section, around.config.ca.url, names) for _, section in ways(around.config)]
        self._kept = {each.section.name: (each, self._one(each, around)) for each in given}
        return tuple(provisioner for _, provisioner in self._kept.values())

    def _one(self, given: _Given, around: Around) -> Provisioner:
        section = given.section
        known = self._kept.get(section.name)
        if known is not None and known[0] == given:
            return known[1]
        make = _MAKERS[type(section)]
        try:
            return make(section, around)
        except DaypassError:
            return Later(section, lambda: make(section, around), around.clock)
