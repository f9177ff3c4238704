"""Bastions: which hosts are reached through which."""

from __future__ import annotations

from collections.abc import Iterator

from daypass.config.problem import Problem, error, quoted, warning
from daypass.config.reach import EVERY_HOST, host_glob_fault, label_faults, meet, outside
from daypass.config.schema import BastionSection, Config
from daypass.config.values import each
from daypass.model import ROLE_NAME

__all__ = ["bastion_faults"]


def bastion_faults(config: Config) -> Iterator[Problem]:
    seen: set[str] = set()
    for index, bastion in enumerate(config.bastions):
        path = f"bastions[{index}]"
        if not ROLE_NAME.fullmatch(bastion.name):
            fault = f"{quoted(bastion.name)} is not a name"
            yield error(f"{path}.name", fault, "a-z, 0-9 and - up to 63, a letter first")
        elif bastion.name in seen:
            yield error(f"{path}.name", f"{quoted(bastion.name)} is taken by another one")
        seen.add(bastion.name)
        yield from _bastion(bastion, path, config.hosts.domains)
        yield from _no_way_back(config.bastions[:index], bastion, path)


def _bastion(bastion: BastionSection, path: str, domains: list[str]) -> Iterator[Problem]:
    if not (bastion.via_hosts or bastion.via_labels):
        yield error(path, "has no bastion", 'via_hosts = ["bastion-*.example.com"], or via_labels')
    if not (bastion.hosts or bastion.labels):
        yield error(path, "leads to no host", 'hosts = ["*"] for every host but the bastions')
    if EVERY_HOST in bastion.via_hosts:
        yield error(f"{path}.via_hosts", "has every host be a bastion", "name those that are")
    for key, patterns in (("via_hosts", bastion.via_hosts), ("hosts", bastion.hosts)):
        yield from each(f"{path}.{key}", patterns, host_glob_fault)
        yield from outside(patterns, f"{path}.{key}", domains)
    yield from label_faults(bastion.via_labels, f"{path}.via_labels", "so no host is one")
    yield from label_faults(bastion.labels, f"{path}.labels", "so they lead to no host")


def _no_way_back(before: list[BastionSection], bastion: BastionSection, path: str) -> Iterator[Problem]:
    """Two bastions that lead to each other: such a host is reached directly, which may not be what was meant."""
    for other in before:
        if _leads_to(bastion, other) and _leads_to(other, bastion):
            fault = f"and {quoted(other.name)} lead to each other's bastions: those are then reached directly"
            yield warning(path, fault, "name the hosts behind each")


def _leads_to(one: BastionSection, other: BastionSection) -> bool:
    """By patterns alone; labels are known of hosts, not here."""
    if one.labels or one.via_labels or other.via_labels:
        return False
    apart = [via for via in other.via_hosts if via not in one.via_hosts]
    return any(meet(pattern, via) for pattern in one.hosts for via in apart)
