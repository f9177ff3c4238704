"""Which hosts are reached through which: a way that ssh takes, and nobody is admitted by."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from msgspec.structs import replace

from daypass.ca.host_ports import EnrolledHost
from daypass.ca.reach import glob, reaches
from daypass.config.schema import BastionSection

__all__ = ["Bastions"]

Ways = Mapping[str, tuple[str, ...]]


class Bastions:
    """Those of one configuration, in the order of its tables."""

    def __init__(self, sections: Sequence[BastionSection]) -> None:
        self._sections = [
            (section, replace(section, hosts=section.via_hosts, labels=section.via_labels)) for section in sections
        ]

    def __bool__(self) -> bool:
        return bool(self._sections)

    def ways(self, hosts: Sequence[EnrolledHost]) -> Ways:
        """Host -> the bastions that lead to it, by name, the one to be used first; only hosts that have some.

        Each host goes by the first table that it matches, and by none where that leads round in a circle.
        """
        found: dict[str, tuple[str, ...]] = {}
        for section, via in self._sections:
            bastions = _in_order(via, hosts)
            if not bastions:
                continue
            for host in hosts:
                behind = host.name not in bastions and reaches(section, host.own, host.labels)
                if behind and host.name not in found and host.name not in _beyond(bastions[0], found):
                    found[host.name] = bastions
        return found


def _in_order(via: BastionSection, hosts: Sequence[EnrolledHost]) -> tuple[str, ...]:
    """Live ones: as the patterns stand in the table, then by name."""
    live = [host for host in hosts if host.live and reaches(via, host.own, host.labels)]
    return tuple(host.name for host in sorted(live, key=lambda each: (_place(via.hosts, each.own), each.name)))


def _place(patterns: Sequence[str], names: Sequence[str]) -> int:
    matching = (at for at, pattern in enumerate(patterns) if any(map(glob(pattern).fullmatch, names)))
    return next(matching, 0)


def _beyond(bastion: str, found: Ways) -> Iterator[str]:
    """The bastion itself, and those on the way to it."""
    at: str | None = bastion
    while at is not None:
        yield at
        at = found[at][0] if at in found else None
