"""Which hosts a role reaches, and what stands on its lines there (trust 2.2)."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import lru_cache
from ipaddress import ip_network
from typing import Protocol

from daypass.config import RoleSection
from daypass.model import HostRole, NewAccounts, parse_duration

__all__ = [
    "EVERY_HOST",
    "PERMITS",
    "Reach",
    "Where",
    "glob",
    "host_role",
    "line_options",
    "networks",
    "order",
    "reaches",
    "wildcards",
]

EVERY_HOST = "*"
PERMITS = {  # extension of a certificate -> what a line under `restrict` needs for it (sshd(8), AUTHORIZED_KEYS)
    "permit-pty": "pty",
    "permit-port-forwarding": "port-forwarding",
    "permit-agent-forwarding": "agent-forwarding",
    "permit-X11-forwarding": "X11-forwarding",
    "permit-user-rc": "user-rc",
}
_WILDCARD = re.compile(r"[*?]+")


@lru_cache(maxsize=4096)
def glob(pattern: str) -> re.Pattern[str]:
    """`*` is any characters, `?` is one, dots too, as in ssh's own patterns (ssh_config(5), PATTERNS)."""
    return re.compile(wildcards(pattern))


def wildcards(pattern: str, one: str = ".") -> str:
    """A regular expression; `one` stands for `?`. What is between two stars is taken where it comes first, for good:
    tried at every place, ten stars in a row of the same letter would take years."""
    first, *rest = ("".join(one if each == "?" else re.escape(each) for each in part) for part in pattern.split("*"))
    if not rest:
        return first
    return first + "".join(f"(?>.*?{part})" for part in rest[:-1] if part) + ".*" + rest[-1]


class Where(Protocol):
    """Hosts, as a table of the configuration names them."""

    @property
    def hosts(self) -> Sequence[str]: ...

    @property
    def labels(self) -> Mapping[str, Sequence[str]]: ...


def reaches(section: Where, names: Sequence[str], labels: Mapping[str, str]) -> bool:
    """`names`: the host's own and its aliases. Patterns and labels must both hold where both are given, and no host
    is reached by a role with neither: empty means no."""
    if not section.hosts and not section.labels:
        return False
    if any(labels.get(label) not in values for label, values in section.labels.items()):
        return False
    return not section.hosts or any(glob(pattern).fullmatch(name) for pattern in section.hosts for name in names)


class Reach:
    """All roles of one configuration, asked for by host. Ten thousand hosts ask after each change, so no host asks
    every role: each role stands under one thing that a host must have."""

    def __init__(self, roles: Iterable[tuple[RoleSection, HostRole]]) -> None:
        self._all = sorted(roles, key=lambda each: order(each[0]))
        self._every: list[int] = []
        self._labels: dict[tuple[str, str], list[int]] = {}
        self._names: dict[str, list[int]] = {}
        self._starts: dict[str, list[int]] = {}  # what a pattern has before its first wildcard
        self._ends: dict[str, list[int]] = {}  # and after the last, where it begins with one
        for place, (section, _) in enumerate(self._all):
            self._add(place, section)
        self._shared: dict[tuple[int, ...], tuple[HostRole, ...]] = {}

    def of(self, names: Sequence[str], labels: Mapping[str, str]) -> tuple[HostRole, ...]:
        """What the roles that reach a host mean there, in the order of their lines. Hosts with the same roles share
        one answer."""
        found = tuple(
            place
            for place in sorted(set(self._candidates(names, labels)))
            if reaches(self._all[place][0], names, labels)
        )
        return self._shared.setdefault(found, tuple(self._all[place][1] for place in found))

    def _candidates(self, names: Sequence[str], labels: Mapping[str, str]) -> Iterator[int]:
        yield from self._every
        for label in labels.items():
            yield from self._labels.get(label, ())
        for name in names:
            yield from self._names.get(name, ())
            for cut in range(len(name) + 1):
                yield from self._starts.get(name[:cut], ())
                yield from self._ends.get(name[cut:], ())

    def _add(self, place: int, section: RoleSection) -> None:
        for label, values in list(section.labels.items())[:1]:
            for value in values:
                self._labels.setdefault((label, value), []).append(place)
        for pattern in () if section.labels else section.hosts:
            start, *rest = _WILDCARD.split(pattern)
            if not rest:
                self._names.setdefault(pattern, []).append(place)
            elif start:
                self._starts.setdefault(start, []).append(place)
            elif rest[-1]:
                self._ends.setdefault(rest[-1], []).append(place)
            else:
                self._every.append(place)


def host_role(section: RoleSection, accounts: tuple[str, ...], *, own_account: bool) -> HostRole:
    made = section.new_accounts if own_account else None
    return HostRole(
        name=section.name,
        options=line_options(section),
        accounts=accounts,
        own_account=own_account,
        new_accounts=NewAccounts(made.shell, tuple(made.groups), tuple(made.privileged_groups)) if made else None,
        max_session=parse_duration(section.max_session) if section.max_session else 0,
    )


def line_options(section: RoleSection) -> str:
    """In authorized_keys a quote is `\\"`; a backslash before anything else is itself (OpenSSH's opt_dequote)."""
    parts = ["restrict", *(option for extension, option in PERMITS.items() if extension in section.extensions)]
    if section.source_address:
        parts.append(f'from="{",".join(networks(section))}"')
    if section.force_command:
        command = section.force_command.replace('"', '\\"')
        parts.append(f'command="{command}"')
    return ",".join(parts)


def networks(section: RoleSection) -> tuple[str, ...]:
    """Where it may be used from, each as sshd writes it. Raises ValueError for what is no network."""
    return tuple(str(ip_network(each)) for each in section.source_address)


def order(section: RoleSection) -> tuple[bool, bool, int, str]:
    """The most restrictive line first, since the first that matches wins (trust 2.2)."""
    permits = sum(extension in PERMITS for extension in section.extensions)
    return not section.force_command, not section.source_address, permits, section.name
