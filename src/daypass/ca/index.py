"""Finding the roles of a person without asking all of them: by e-mail, group, claim or domain.

Each role stands under the values of one condition it has, the narrowest; whoever has none of these values can't have
the role. What is found is judged in full, unless that condition was all there is.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from daypass.ca.roles import Role
from daypass.ca.subject import Subject, claim_values
from daypass.ca.who import lower

__all__ = ["RoleIndex"]

_Table = dict[str, list[int]]


@dataclass(slots=True)
class _Tables:
    """Of one provider's roles; the lists hold places in the order of the configuration."""

    emails: _Table = field(default_factory=dict)
    groups: _Table = field(default_factory=dict)
    domains: _Table = field(default_factory=dict)
    claims: dict[str, _Table] = field(default_factory=dict)
    group_names: frozenset[str] = frozenset()


class RoleIndex:
    def __init__(self, roles: Sequence[Role]) -> None:
        self._roles = tuple(roles)
        self._plain = tuple(role.is_plain for role in roles)
        self._tables: dict[str, _Tables] = {}
        for place, role in enumerate(roles):
            self._add(place, role)
        for tables in self._tables.values():
            tables.group_names = frozenset(tables.groups)

    def held(self, subject: Subject, now: int) -> list[Role]:
        """Every role this person has now, in the order of the configuration."""
        tables = self._tables.get(subject.provider)
        if tables is None:
            return []
        plain, roles = self._plain, self._roles
        places = sorted(_places(tables, subject))
        return [roles[place] for place in places if plain[place] or roles[place].holds(subject, now)]

    def _add(self, place: int, role: Role) -> None:
        who = role.who
        tables = self._tables.setdefault(who.provider, _Tables())
        claim, values = who.claims[0] if who.claims else ("", frozenset[str]())
        if who.emails:
            _enter(tables.emails, who.emails, place)
        elif who.groups:
            _enter(tables.groups, who.groups, place)
        elif claim:
            _enter(tables.claims.setdefault(claim, {}), values, place)
        else:
            _enter(tables.domains, who.domains, place)


def _enter(table: _Table, values: frozenset[str], place: int) -> None:
    for value in values:
        table.setdefault(value, []).append(place)


def _places(tables: _Tables, subject: Subject) -> set[int]:
    places = set[int]()
    for group in tables.group_names & subject.groups:
        places.update(tables.groups[group])
    email = lower(subject.email or "")
    places.update(tables.emails.get(email, ()))
    _, at, domain = email.rpartition("@")
    places.update(tables.domains.get(domain, ()) if at else ())
    for name, table in tables.claims.items():
        for value in claim_values(subject.claims.get(name)):
            places.update(table.get(value, ()))
    return places
