"""What people may do with the CA itself: capabilities, apart from all login roles (trust 4.1)."""

from __future__ import annotations

import re
from dataclasses import dataclass

from daypass.ca.reach import glob, wildcards
from daypass.ca.subject import Subject
from daypass.ca.who import Who
from daypass.config import Config
from daypass.config.reach import host_glob_fault
from daypass.config.schema import OperatorSection
from daypass.config.ways import the_only
from daypass.errors import Denied
from daypass.hostnames import address
from daypass.model import is_host_name

__all__ = ["Operators", "covers"]

_ANY, _ONE = "\0", "\1"  # wildcards of a pattern, as characters that no name has


@dataclass(frozen=True, slots=True)
class _Operator:
    name: str
    who: Who
    can: frozenset[str]


class Operators:
    """All operators of one configuration. Nobody is one by holding a role."""

    def __init__(self, config: Config) -> None:
        only = the_only(config)
        self._all = tuple(_compiled(section, only) for section in config.operators)

    def names(self, subject: Subject, now: int) -> tuple[str, ...]:
        """Of the operators that this person is."""
        return tuple(each.name for each in self._all if each.who.holds(subject, now))

    def capabilities(self, subject: Subject, now: int) -> frozenset[str]:
        """As the configuration has them: `token:web-*` stands for the names it matches."""
        return frozenset().union(*(each.can for each in self._all if each.who.holds(subject, now)))

    def allows(self, subject: Subject, capability: str, now: int) -> bool:
        """`capability` is one that is exercised: `revoke`, `token:web-1.example.com`, `approve:unlock`."""
        return any(covers(held, capability) for held in self.capabilities(subject, now))

    def require(self, subject: Subject, capability: str, now: int) -> None:
        """Raises Denied, with the operator that could and the condition that failed."""
        if self.allows(subject, capability, now):
            return
        able = [each for each in self._all if any(covers(held, capability) for held in each.can)]
        failed = [(each.name, condition) for each in able if (condition := each.who.judge(subject, now))]
        raise Denied(
            f'{subject.called} may not "{capability}" here',
            code="operator.capability",
            hint=f'operator "{failed[0][0]}" may: {failed[0][1]}' if failed else "no operator in daypass.toml may",
        )


def covers(held: str, wanted: str) -> bool:
    """Whether a capability held is good for the one wanted; `token:PATTERN` for names and addresses of hosts that it
    matches, and for patterns of such names alone."""
    if held.startswith("token:") and wanted.startswith("token:"):
        pattern, name = held.removeprefix("token:"), wanted.removeprefix("token:")
        if is_host_name(name) or address(name) is not None:
            return glob(pattern).fullmatch(name) is not None
        return host_glob_fault(name) is None and _matches_all(pattern, name)
    return held == wanted != ""


def _matches_all(pattern: str, inner: str) -> bool:
    """Whether `pattern` matches every name that `inner` does. What stands for any characters there must be taken by
    a `*` here; what stands for one, by `*` or `?`."""
    marked = inner.replace("*", _ANY).replace("?", _ONE)
    return re.fullmatch(wildcards(pattern, f"[^{_ANY}]"), marked) is not None


def _compiled(section: OperatorSection, provider: str) -> _Operator:
    return _Operator(section.name, Who.compile(section, provider), frozenset(section.can))
