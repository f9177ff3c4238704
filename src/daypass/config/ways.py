"""Every way in beside `[[providers]]`, as the file has them: one array of tables for each kind.

All of them are provisioners: each answers "who are you?", and policy does the rest. They share one space of names,
which roles, operators and the ledger use.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TypeAlias

from daypass.config.schema import (
    CloudSection,
    Config,
    JwkSection,
    PamSection,
    Port22Section,
    ProviderSection,
    WorkloadSection,
    X5cSection,
)

__all__ = ["WAYS", "WaySection", "identifying", "names_workloads", "the_only", "ways"]

WaySection: TypeAlias = PamSection | WorkloadSection | CloudSection | JwkSection | X5cSection | Port22Section
WAYS = ("pam", "workloads", "clouds", "jwk", "x5c", "port22")
"""The arrays of the file."""


def ways(config: Config) -> Iterator[tuple[str, WaySection]]:
    """Each with the path of its table, in the order of WAYS."""
    for key in WAYS:
        for index, section in enumerate(getattr(config, key)):
            yield f"{key}[{index}]", section


def identifying(config: Config) -> list[ProviderSection | WaySection]:
    """Those by whose word somebody can have a role: what names people or workloads."""
    others = (section for _, section in ways(config) if _speaks_of_somebody(section))
    return [*config.providers, *others]


def the_only(config: Config) -> str:
    """Whose word a role or an operator without `provider` goes by: of the one way in that there is, else of none."""
    somebody = identifying(config)
    return somebody[0].name if len(somebody) == 1 else ""


def names_workloads(section: ProviderSection | WaySection) -> bool:
    return isinstance(section, WorkloadSection) or (isinstance(section, X5cSection) and section.kind == "workload")


def _speaks_of_somebody(section: WaySection) -> bool:
    match section:
        case JwkSection():
            return section.users
        case X5cSection():
            return section.kind != "host"
    return isinstance(section, PamSection | WorkloadSection)
