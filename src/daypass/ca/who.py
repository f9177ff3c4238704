"""Conditions on a person and on their sign-in, compiled: all given must hold, of each any of its values does.

Strings are equal if every character is: nothing is normalised, and only ASCII has a lower case here (the Kelvin sign
is no k).
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass

from msgspec import Struct

from daypass.ca.subject import Subject, claim_values
from daypass.config.schema import WhoSection
from daypass.model import parse_duration, shown
from daypass.times import duration

__all__ = ["Condition", "Who", "is_on_who", "listed", "lower"]

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
    "windows": "it is for {wanted}, and not now",
    "hosts": "it is for the hosts {wanted}; this one is {found}",
    "conditions": "it has no condition, and so is nobody's",
}
_ON_WHO = frozenset({"provider", "conditions", "groups", "emails", "domains"})
_CODES = {"windows": "window", "max_auth_age": "age", "refuse_remote": "remote"}


class Condition(Struct, frozen=True):
    """One that failed. `key` is the role's key in the configuration (`claims.NAME` for a claim)."""

    key: str
    wanted: tuple[str, ...] = ()
    found: tuple[str, ...] = ()

    def __str__(self) -> str:
        """A clause that can follow a role's name and a colon; harmless on a terminal, and never long."""
        wanted, found = listed(self.wanted, " or "), listed(self.found)
        if self.key.startswith("labels."):
            return f"it is for hosts with {shown(self.key.removeprefix('labels.'))} of {wanted}; this one's: {found}"
        if self.key.startswith("claims."):
            return f"it is for the claim {shown(self.key.removeprefix('claims.'))} of {wanted}; theirs: {found}"
        return _TOLD[self.key].format(wanted=wanted, found=found)

    @property
    def is_on_who(self) -> bool:
        return is_on_who(self.key)

    @property
    def code(self) -> str:
        """The end of a denial's code: `policy.role.` comes before it."""
        return "claims" if self.key.startswith("claims.") else _CODES.get(self.key, self.key)


def is_on_who(key: str) -> bool:
    """Whether it says who somebody is; else it is about how or when they signed in."""
    return key in _ON_WHO or key.startswith("claims.")


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
            emails=frozenset(map(lower, section.emails)),
            domains=frozenset(map(lower, section.domains)),
            claims=tuple((name, frozenset(values)) for name, values in sorted(section.claims.items())),
            amr=frozenset(section.amr),
            acr=frozenset(section.acr),
            max_auth_age=parse_duration(section.max_auth_age) if section.max_auth_age else None,
        )

    @property
    def kinds(self) -> int:
        """How many conditions on who it is."""
        return sum(map(bool, (self.groups, self.emails, self.domains))) + len(self.claims)

    def holds(self, subject: Subject, now: int) -> bool:
        return next(self.failing(subject, now), None) is None

    def judge(self, subject: Subject, now: int) -> Condition | None:
        """The first condition that fails."""
        key = next(self.failing(subject, now), None)
        return None if key is None else self.condition(key, subject, now)

    def failing(self, subject: Subject, now: int) -> Iterator[str]:
        """Keys of the conditions that fail: who it is first, then how they signed in."""
        if self.provider != subject.provider:
            yield "provider"
        if not (self.groups or self.emails or self.domains or self.claims):
            yield "conditions"
        if self.groups and self.groups.isdisjoint(subject.groups):
            yield "groups"
        if self.emails and lower(subject.email or "") not in self.emails:
            yield "emails"
        if self.domains and _domain(subject) not in self.domains:
            yield "domains"
        for name, values in self.claims:
            if values.isdisjoint(claim_values(subject.claims.get(name))):
                yield f"claims.{name}"
        if self.amr and self.amr.isdisjoint(subject.amr):
            yield "amr"
        if self.acr and subject.acr not in self.acr:
            yield "acr"
        if self.max_auth_age is not None:
            fresh_until = self.fresh_until(subject)
            if fresh_until is None or fresh_until <= now:
                yield "max_auth_age"

    def fresh_until(self, subject: Subject) -> int | None:
        """Unix time; None where the sign-in's time is not known, or does not matter."""
        if self.max_auth_age is None or subject.auth_time is None:
            return None
        return subject.auth_time + self.max_auth_age

    def condition(self, key: str, subject: Subject, now: int) -> Condition:
        """What a key of `failing` means for this person."""
        if key.startswith("claims."):
            name = key.removeprefix("claims.")
            return Condition(key, _sorted(dict(self.claims)[name]), claim_values(subject.claims.get(name)))
        if key == "max_auth_age":
            found = () if subject.auth_time is None else (f"{duration(now - subject.auth_time)} ago",)
            return Condition(key, (duration(self.max_auth_age or 0),), found)
        pairs: dict[str, tuple[Collection[str], Collection[str | None]]] = {
            "provider": ((self.provider,), (subject.provider,)),
            "groups": (self.groups, subject.groups),
            "emails": (self.emails, (subject.email,)),
            "domains": (self.domains, (_domain(subject),)),
            "amr": (self.amr, subject.amr),
            "acr": (self.acr, (subject.acr,)),
        }
        wanted, found_values = pairs.get(key, ((), ()))
        return Condition(key, _sorted(wanted), _sorted(each for each in found_values if each))


def lower(text: str) -> str:
    """Of ASCII; other scripts have letters that become ours when they are lowered."""
    return text.lower() if text.isascii() else text


def _domain(subject: Subject) -> str | None:
    _, at, domain = lower(subject.email or "").rpartition("@")
    return domain if at else None


def _sorted(values: Iterable[str]) -> tuple[str, ...]:
    return tuple(sorted(values))
