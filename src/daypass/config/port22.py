"""`[[port22]]`: which hosts enrol by what they show at their own port 22, and where the CA goes to look."""

from __future__ import annotations

from collections.abc import Iterator

from daypass.config.problem import Problem, error, key_path, quoted, warning
from daypass.config.reach import EVERY_HOST, host_glob_fault, outside
from daypass.config.schema import Config, Port22Section
from daypass.config.values import each, network_fault

__all__ = ["port22_faults"]


def port22_faults(config: Config) -> Iterator[Problem]:
    seen: dict[str, str] = {}
    for index, section in enumerate(config.port22):
        path = f"port22[{index}]"
        yield from _hosts(section, path, config.hosts.domains)
        for at, pattern in enumerate(section.hosts):
            if (other := seen.setdefault(pattern, section.name)) != section.name:
                yield error(f"{path}.hosts[{at}]", f"{quoted(pattern)} is {quoted(other)}'s already")
        yield from _where(section, path)
        yield from _labels(section, path)


def _hosts(section: Port22Section, path: str, domains: list[str]) -> Iterator[Problem]:
    if not section.hosts:
        yield error(f"{path}.hosts", "is empty: no host could enrol so", 'hosts = ["old-*.example.com"]')
    yield from each(f"{path}.hosts", section.hosts, host_glob_fault)
    yield from outside(section.hosts, f"{path}.hosts", domains)
    if EVERY_HOST in section.hosts:
        fault = '"*" is every name there is: whoever answers at one first has it'
        yield warning(f"{path}.hosts", fault, 'list those that are meant, like "old-*.example.com"')


def _where(section: Port22Section, path: str) -> Iterator[Problem]:
    if not section.networks:
        yield error(f"{path}.networks", "is empty: the CA could connect to nobody", 'networks = ["10.0.0.0/8"]')
    yield from each(f"{path}.networks", section.networks, network_fault)
    if not 0 < section.port < 65536:
        yield error(f"{path}.port", "is not a port", "1 to 65535")


def _labels(section: Port22Section, path: str) -> Iterator[Problem]:
    for name, value in section.labels.items():
        place = key_path(f"{path}.labels", name)
        if not name.strip() or "=" in name or not name.isprintable():
            yield error(place, f"{quoted(name)} is not a label's name")
        if not 0 < len(value) <= 255 or not value.isprintable():
            yield error(place, f"{quoted(value)} is not a label's value")
