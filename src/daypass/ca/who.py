"""Conditions on a person and on their sign-in, compiled: all given must hold, of each any of its values does.

Strings are equal if every character is: nothing is normalised, and only ASCII has a lower case here (the Kelvin sign
is no k).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from msgspec import Struct

from daypass.ca.subject import Subject, claim_values
from daypass.config.schema import WhoSection
from daypass.model import parse_duration, shown
from daypass.times import duration

__all__ = ["Condition", "Who", "listed"]

SHOWN = 5  # of ten thousand groups a message names these

_TOLD = {
    "provider": "it is for a sign-in at {wanted}; this is one at {found}",
    "groups": "it is for the groups {wanted}; theirs: {found}",
    "emails": "it is for the e-mails {wanted}; theirs: {found}",
    "domains": "it is for the e-mail domains {wanted}; theirs: {found}",
    "amr": "it is for a sign-in by {wanted} (amr); this one was by {found}",
    "acr": "it is for a sign-in of class {wanted} (acr); this one was of class {found}",
    "max_auth_age": "the sign-in may be {wanted} old; this one was {found}",
    "refuse_remote": "it is not for a sign-in by the provider's own device page",
    "windows": "it is for {wanted}; it is {found} now",
    "conditions": "it has no condition, and so is nobody's",
}
_CODES = {"windows": "window", "max_auth_age": "age", "refuse_remote": "remote"}


class Condition(Struct, frozen=True):
    """One that failed. `key` is the role's key in the configuration (`claims.NAME` for a claim)."""

    key: str
    wanted: tuple[str, ...] = ()
    found: tuple[str, ...] = ()

    def __str__(self) -> str:
        """A clause that can follow a role's name and a colon; harmless on a terminal, and never long."""
        claim = f"it is for {shown(self.key)} {{wanted}}; theirs: {{found}}"
        return _TOLD.get(self.key, claim).format(wanted=listed(self.wanted, " or "), found=listed(self.found))

    @property
    def code(self) -> str:
        """The end of a denial's code: `policy.role.` comes before it."""
        return "claims" if self.key.startswith("claims.") else _CODES.get(self.key, self.key)


def listed(values: tuple[str, ...], last: str = ", ") -> str:
    """The first of them in quotes, and how many more there are."""
    if not values:
        return "none"
    first = [shown(each) for each in values[:SHOWN]]
    more = len(values) - len(first)
    return ", ".join(first) + f" and {more} more" if more else last.join(first)


@dataclass(frozen=True, slots=True)
class Who:
    """A WhoSection at work. Without a condition on who it is, it is nobody, however they signed in."""

    provider: str
    groups: frozenset[str]
    emails: frozenset[str]
    domains: frozenset[str]
    claims: tuple[tuple[str, frozenset[str]], ...]
    amr: frozenset[str]
    acr: frozenset[str]
    max_auth_age: int | None  # seconds

    @classmethod
    def compile(cls, section: WhoSection, provider: str = "") -> Who:
        """`provider`: whose word it takes where the section names none; there is one provider then (trust 1.5)."""
        return cls(
            provider=section.provider or provider,
            groups=frozenset(section.groups),
            emails=frozenset(map(_lower, section.emails)),
            domains=frozenset(map(_lower, section.domains)),
            claims=tuple((name, frozenset(values)) for name, values in sorted(section.claims.items())),
            amr=frozenset(section.amr),
            acr=frozenset(section.acr),
            max_auth_age=parse_duration(section.max_auth_age) if section.max_auth_age else None,
        )

    def holds(self, subject: Subject, now: int) -> bool:
        return next(self.failures(subject, now), None) is None

    def judge(self, subject: Subject, now: int) -> Condition | None:
        """The first condition that fails."""
        return next(self.failures(subject, now), None)

    def failures(self, subject: Subject, now: int) -> Iterator[Condition]:
        """Who first, then how they signed in."""
        if self.provider != subject.provider:
            yield Condition("provider", (self.provider,), (subject.provider,))
        if not (self.groups or self.emails or self.domains or self.claims):
            yield Condition("conditions")
        if self.groups and self.groups.isdisjoint(subject.groups):
            yield Condition("groups", _sorted(self.groups), _sorted(subject.groups))
        email = _lower(subject.email or "")
        if self.emails and email not in self.emails:
            yield Condition("emails", _sorted(self.emails), _some(subject.email))
        domain = email.rpartition("@")
        if self.domains and not (domain[1] and domain[2] in self.domains):
            yield Condition("domains", _sorted(self.domains), _some(domain[2]))
        for name, values in self.claims:
            found = claim_values(subject.claims.get(name))
            if values.isdisjoint(found):
                yield Condition(f"claims.{name}", _sorted(values), found)
        yield from self._sign_in(subject, now)

    def _sign_in(self, subject: Subject, now: int) -> Iterator[Condition]:
        if self.amr and self.amr.isdisjoint(subject.amr):
            yield Condition("amr", _sorted(self.amr), subject.amr)
        if self.acr and subject.acr not in self.acr:
            yield Condition("acr", _sorted(self.acr), _some(subject.acr))
        if self.max_auth_age is not None:
            age = None if subject.auth_time is None else now - subject.auth_time
            if age is None or age >= self.max_auth_age:
                found = () if age is None else (f"{duration(age)} ago",)
                yield Condition("max_auth_age", (duration(self.max_auth_age),), found)


def _lower(text: str) -> str:
    """Of ASCII; other scripts have letters that become ours when they are lowered."""
    return text.lower() if text.isascii() else text


def _sorted(values: frozenset[str]) -> tuple[str, ...]:
    return tuple(sorted(values))


def _some(value: str | None) -> tuple[str, ...]:
    return (value,) if value else ()
