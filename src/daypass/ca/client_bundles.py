"""What laptops are told of hosts: every name that one may be met by, and which way ssh takes there."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from msgspec import Struct

from daypass.ca.host_ports import EnrolledHost
from daypass.ca.policy import Policy

__all__ = ["Told", "told"]


class Told(Struct, frozen=True):
    """`names` sorted; `ways`: bastion -> names of the hosts behind it, sorted."""

    names: tuple[str, ...]
    ways: Mapping[str, tuple[str, ...]]


def told(policy: Policy, hosts: Sequence[EnrolledHost]) -> Told:
    """By today's policy alone: for one name that was given up a laptop would refuse the whole document."""
    everything = frozenset(name for host in hosts for name in host.names)
    ours = frozenset(name for name in everything if policy.host_names.admits(name, everything))
    ways: dict[str, set[str]] = {}
    if policy.bastions:
        by_name = {host.name: host for host in hosts if host.name in ours}
        for name, (via, *_) in policy.bastions.ways(tuple(by_name.values())).items():
            ways.setdefault(via, set()).update(ours.intersection(by_name[name].names))
    return Told(tuple(sorted(ours)), {via: tuple(sorted(names)) for via, names in sorted(ways.items())})
