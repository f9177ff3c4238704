"""On which hosts a role holds: patterns for their names, and their labels."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache

from daypass.config.problem import Problem, error, key_path, quoted, warning
from daypass.config.schema import Config, RoleSection
from daypass.config.values import Fault, each
from daypass.model import is_host_pattern

__all__ = ["EVERY_HOST", "host_glob_fault", "label_faults", "may_meet", "meet", "outside", "reach_faults"]

EVERY_HOST = "*"
_GLOB = re.compile(r"[a-z0-9*?][a-z0-9.*?-]{0,252}")
_MAX_LABEL = 255


def reach_faults(role: RoleSection, path: str, config: Config) -> Iterator[Problem]:
    if not (role.hosts or role.labels):
        yield error(path, "reaches no host", 'hosts = ["*"] for every host')
    yield from each(f"{path}.hosts", role.hosts, host_glob_fault)
    yield from outside(role.hosts, f"{path}.hosts", config.hosts.domains)
    if EVERY_HOST in role.hosts and len(role.hosts) > 1:
        yield warning(f"{path}.hosts", 'has "*", which is every host: the others say nothing')
    yield from label_faults(role.labels, f"{path}.labels")


def label_faults(
    labels: Mapping[str, list[str]], path: str, then: str = "so the role reaches no host"
) -> Iterator[Problem]:
    """Label -> values that do. `then`: what comes of one without any."""
    for name, values in labels.items():
        place = key_path(path, name)
        if not name.strip() or "=" in name or not name.isprintable():
            yield error(place, f"{quoted(name)} is not a label's name")
        if not values:
            yield error(place, f"is empty: no value would do, {then}", "list the values that do")
        yield from each(place, values, _label_fault)


def host_glob_fault(pattern: str) -> Fault:
    """A pattern for names of enrolled hosts, as ssh's own: * any characters, ? one (ssh_config(5), PATTERNS)."""
    if _is_address(pattern):
        return f"{quoted(pattern)} is an address", "hosts go by the names that they were enrolled with"
    if _GLOB.fullmatch(pattern) and not pattern.endswith("."):
        return None
    if pattern.startswith("!"):
        return f"{quoted(pattern)}: there is no except", "list what is meant, or go by labels"
    if "," in pattern or " " in pattern:
        return f"{quoted(pattern)} is not one pattern", "write each in quotes of its own"
    lower = pattern.lower().rstrip(".")
    suggestion = f"did you mean {quoted(lower)}?" if _GLOB.fullmatch(lower) else 'like "web-*" or "*.eu.example.com"'
    return f"{quoted(pattern)} is not a pattern for host names", suggestion


def outside(patterns: Sequence[str], path: str, domains: Sequence[str]) -> Iterator[Problem]:
    """Patterns that no host of this CA can match: its host CA speaks for no such name."""
    if not domains or not all(map(is_host_pattern, domains)):
        return
    for index, pattern in enumerate(patterns):
        if host_glob_fault(pattern) is None and not any(meet(pattern, domain) for domain in domains):
            near = next((f"{pattern}{domain[1:]}" for domain in domains if domain.startswith("*.")), "")
            hint = f"did you mean {quoted(near)}?" if near and "." not in pattern else ""
            fault = f"{quoted(pattern)} is no host's name here: hosts.domains are {', '.join(domains)}"
            yield error(f"{path}[{index}]", fault, hint)


def may_meet(one: RoleSection, other: RoleSection) -> bool:
    """Whether a host could be reached by both roles."""
    names = not one.hosts or not other.hosts or any(meet(a, b) for a in one.hosts for b in other.hosts)
    shared = one.labels.keys() & other.labels.keys()
    return names and all(set(one.labels[label]) & set(other.labels[label]) for label in shared)


def meet(one: str, other: str) -> bool:
    """Whether some name matches both patterns."""
    if EVERY_HOST in (one, other):
        return True
    first, second = _start(one), _start(other)
    return (first.startswith(second) or second.startswith(first)) and _meet(one, other)


@lru_cache(maxsize=4096)
def _start(pattern: str) -> str:
    """What every name that it matches begins with."""
    return re.split(r"[*?]", pattern, maxsplit=1)[0]


@lru_cache(maxsize=65536)
def _meet(one: str, other: str) -> bool:
    reached = {(0, 0)}  # how much of each can be used up by the beginning of one and the same name
    waiting = [(0, 0)]
    while waiting:
        a, b = waiting.pop()
        if (a, b) == (len(one), len(other)):
            return True
        first, second = one[a : a + 1], other[b : b + 1]
        steps = []
        if first == "*":
            steps += [(a + 1, b)] + ([(a, b + 1)] if second else [])
        if second == "*":
            steps += [(a, b + 1)] + ([(a + 1, b)] if first else [])
        if first and second and (first == second or "?" in (first, second)):
            steps.append((a + 1, b + 1))
        waiting += [step for step in steps if step not in reached]
        reached.update(steps)
    return False


def _label_fault(value: str) -> Fault:
    if not value or value != value.strip() or not value.isprintable() or len(value) > _MAX_LABEL:
        return f"{quoted(value)} is not a label's value", ""
    if value == EVERY_HOST:
        return f"{quoted(value)} is no pattern here: labels are compared as they are", "list the values that do"
    return None


def _is_address(text: str) -> bool:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True
