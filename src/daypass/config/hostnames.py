"""Names of hosts beside those under hosts.domains: first labels, and addresses (trust 5.2)."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator

from daypass.config.problem import Problem, error, quoted
from daypass.config.schema import HostsSection
from daypass.config.values import Fault, each, said
from daypass.hostnames import network
from daypass.model import host_pattern_matches, is_host_name

__all__ = ["host_name_faults"]


def host_name_faults(hosts: HostsSection) -> Iterator[Problem]:
    if hosts.short_names:
        yield from said("hosts.short_names", _short_fault(hosts.short_names, hosts.domains))
        yield from _ambiguous(hosts)
    yield from each("hosts.addresses", hosts.addresses, _network_fault)


def _short_fault(domain: str, domains: list[str]) -> Fault:
    if not is_host_name(domain) or "." not in domain:
        plain = domain.removeprefix("*.").lower().strip(".")
        known = is_host_name(plain) and "." in plain
        return (
            f"{quoted(domain)} is not a domain",
            f"did you mean {quoted(plain)}?" if known else 'like "example.com"',
        )
    if any(host_pattern_matches(pattern, f"x.{domain}") for pattern in domains):
        return None
    return f"{quoted(domain)} holds none of your hosts: it is none of hosts.domains", f"add {quoted('*.' + domain)}"


def _ambiguous(hosts: HostsSection) -> Iterator[Problem]:
    """A first label must say one host: web-1 is web-1.example.com, and no other."""
    for index, name in enumerate(hosts.domains):
        if "." not in name and is_host_name(name):
            whole = f"{name}.{hosts.short_names}"
            fault = f"{quoted(name)} would be two hosts: by hosts.short_names it is {whole}"
            yield error(f"hosts.domains[{index}]", fault, f"list {quoted(whole)} instead")


def _network_fault(text: str) -> Fault:
    if network(text) is not None:
        return None
    try:
        inside = str(ipaddress.ip_network(text, strict=False))
    except ValueError:
        return f"{quoted(text)} is not a network", 'write it like "10.0.0.0/8"'
    if "%" in text:
        return f"{quoted(text)} has a zone", "leave out the % and what follows"
    if inside != text and network(inside) is not None:
        return f"{quoted(text)} is an address inside a network", f"did you mean {quoted(inside)}?"
    return f"{quoted(text)} is wider than any network of one organisation", "list your own networks"
