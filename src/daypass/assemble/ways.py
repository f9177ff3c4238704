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


class Others:
    """What a provisioner has learned (keys, conversations under way) lives as long as its table."""

    def __init__(self) -> None:
        self._kept: dict[str, tuple[WaySection, Provisioner]] = {}

    def made(self, around: Around) -> tuple[Provisioner, ...]:
        fresh = {section.name: (section, self._one(section, around)) for _, section in ways(around.config)}
        self._kept = fresh
        return tuple(provisioner for _, provisioner in fresh.values())

    def _one(self, section: WaySection, around: Around) -> Provisioner:
        known = self._kept.get(section.name)
        if known is not None and known[0] == section:
            return known[1]
        make = _MAKERS[type(section)]
        try:
            return make(section, around)
        except DaypassError:
            return Later(section, lambda: make(section, around), around.clock)
