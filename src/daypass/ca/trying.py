"""Every way in, and how well it stands when an operator tries it from this very process of the CA."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence

from msgspec import Struct

from daypass.ca.force import Following, InForce
from daypass.ca.ports import Finding, Provisioner
from daypass.config import (
    CloudSection,
    Config,
    JwkSection,
    PamSection,
    Port22Section,
    ProviderSection,
    WaySection,
    WorkloadSection,
    X5cSection,
    redirects,
    ways,
)
from daypass.errors import DaypassError, NotFound
from daypass.model import shown

__all__ = ["PATIENCE", "Tried", "Trying", "Way"]

PATIENCE = 30.0  # seconds for a whole test
_log = logging.getLogger("daypass.ca")


class Way(Struct, frozen=True):
    """`serves`: people, hosts, workloads. `source`: whose word it takes, where that has an address or a name."""

    name: str
    type: str
    serves: tuple[str, ...]
    source: str = ""


class Tried(Struct, frozen=True):
    """`register`: addresses that have to be registered at the provider."""

    way: Way
    findings: Sequence[Finding]
    register: tuple[str, ...] = ()

    @property
    def ok(self) -> bool:
        return all(each.ok for each in self.findings)


class Trying:
    """`sshpop` renews what hosts have, and is no part of the configuration."""

    def __init__(self, force: Following, sshpop: Provisioner, patience: float = PATIENCE) -> None:
        self._force, self._sshpop, self._patience = force, sshpop, patience

    async def every(self) -> Sequence[Way]:
        """Raises Unavailable where this process can't use what is published."""
        force = await self._now()
        return [_way(each, force.config) for each in self._all(force)]

    async def test(self, name: str) -> Tried:
        """Raises NotFound. Whatever goes wrong in the test itself is a finding."""
        force = await self._now()
        found = {each.name: each for each in self._all(force)}
        if name not in found:
            raise NotFound(
                f"there is no provisioner {shown(name)}",
                code="provisioner.unknown",
                hint=f"there is {', '.join(found)}",
            )
        findings = await self._try(found[name])
        section = _sections(force.config).get(name)
        register = tuple(redirects(force.config, section)) if isinstance(section, ProviderSection) else ()
        return Tried(_way(found[name], force.config), findings, register)

    async def _now(self) -> InForce:
        await self._force.look()
        return self._force.current

    def _all(self, force: InForce) -> tuple[Provisioner, ...]:
        return *force.provisioners, self._sshpop

    async def _try(self, provisioner: Provisioner) -> Sequence[Finding]:
        """Also where an implementation breaks its word, and raises or hangs."""
        try:
            async with asyncio.timeout(self._patience):
                return await provisioner.test()
        except TimeoutError:
            return [Finding(ok=False, what=f"it gave no answer within {self._patience:g} seconds")]
        except DaypassError as error:
            return [Finding(ok=False, what=error.message, hint=error.hint or "")]
        except Exception:
            _log.exception("testing provisioner %s", provisioner.name)
            return [Finding(ok=False, what="the test itself failed", hint="the log of daypass ca serve says how")]


def _sections(config: Config) -> dict[str, ProviderSection | WaySection]:
    return {each.name: each for each in config.providers} | {section.name: section for _, section in ways(config)}


def _way(provisioner: Provisioner, config: Config) -> Way:
    section = _sections(config).get(provisioner.name)
    return Way(provisioner.name, provisioner.type, _serves(section), _source(section))


def _serves(section: ProviderSection | WaySection | None) -> tuple[str, ...]:
    match section:
        case ProviderSection() | PamSection():
            return ("people",)
        case WorkloadSection():
            return ("workloads",)
        case JwkSection():
            return ("people",) * section.users + ("hosts",) * bool(section.hosts)
        case X5cSection():
            return ({"person": "people", "host": "hosts"}.get(section.kind, "workloads"),)
        case _:  # clouds, port 22, join tokens, a certificate in hand
            return ("hosts",)


def _source(section: ProviderSection | WaySection | None) -> str:
    match section:
        case ProviderSection() | WorkloadSection():
            return section.issuer
        case PamSection():
            return f"PAM service {section.service}"
        case CloudSection():
            return ", ".join(section.accounts)
        case X5cSection():
            return f"spiffe://{section.trust_domain}/" if section.trust_domain else ""
        case Port22Section():
            return ", ".join(section.networks)
        case _:
            return ""
