"""Hosts that would rather let nobody in than go on without word from the CA (trust 6.1)."""

from __future__ import annotations

from collections.abc import Iterator

from daypass.config.problem import Problem, error
from daypass.config.reach import host_glob_fault, label_faults, outside
from daypass.config.schema import FailClosedSection, HostsSection
from daypass.config.values import Fault, duration_fault, each, said, seconds

__all__ = ["fail_closed_faults"]

LEAST = 600  # seconds: hosts that poll do so every five minutes, and one missed poll is no reason


def fail_closed_faults(hosts: HostsSection) -> Iterator[Problem]:
    for index, section in enumerate(hosts.fail_closed):
        yield from _section(section, f"hosts.fail_closed[{index}]", hosts.domains)


def _section(section: FailClosedSection, path: str, domains: list[str]) -> Iterator[Problem]:
    if not (section.hosts or section.labels):
        yield error(path, "reaches no host", 'hosts = ["*"] for every host')
    yield from each(f"{path}.hosts", section.hosts, host_glob_fault)
    yield from outside(section.hosts, f"{path}.hosts", domains)
    yield from label_faults(section.labels, f"{path}.labels", "so it reaches no host")
    yield from said(f"{path}.after", _after_fault(section.after))


def _after_fault(text: str) -> Fault:
    if fault := duration_fault(text):
        return fault
    if (seconds(text) or 0) < LEAST:
        return "is so short that one missed call would shut everybody out", "ten minutes at least"
    return None
