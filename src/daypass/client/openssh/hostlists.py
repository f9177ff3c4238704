"""Which names ssh meets as the company's, and through which bastions it reaches them."""

from __future__ import annotations

from collections.abc import Sequence

from daypass.client import enrolled
from daypass.client.openssh import ownhosts
from daypass.client.settings import Settings
from daypass.client.trust import Membership
from daypass.model import host_pattern_matches

__all__ = ["met", "ours", "ways"]


def met(settings: Settings, membership: Membership) -> tuple[str, ...]:
    """Names of enrolled hosts, but for first labels by which the person's own configuration means another machine."""
    names, own = enrolled.names(membership), ownhosts.aliases(settings)
    known = frozenset(names)
    return tuple(name for name in names if "." in name or own.get(name, name) in known)


def ours(settings: Settings, membership: Membership) -> tuple[str, ...]:
    """What the day pass may be offered to: the company's patterns, and the short names and addresses of its hosts."""
    patterns = membership.host_patterns
    outside = (
        name
        for name in met(settings, membership)
        if not any(host_pattern_matches(pattern, name) for pattern in patterns)
    )
    return (*patterns, *outside)


def ways(membership: Membership, names: Sequence[str]) -> str:
    """For ssh_config: those of `names` that are reached through a bastion (`ssh -o ProxyJump=none` goes without)."""
    wanted, found = frozenset(names), enrolled.ways(membership)
    behind = {via: [each for each in hosts if each in wanted] for via, hosts in found.items()}
    return "".join(f'Match host "{",".join(hosts)}"\n    ProxyJump {via}\n' for via, hosts in behind.items() if hosts)
