"""What a new configuration changes, key by key: wider, narrower, or different.

For `daypass policy diff`. Nobody has to be on record for it: whatever could give anybody more than before stands
here as wider or different. A key that no rule knows is different, so one that a release adds can't hide.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from msgspec import Struct
from msgspec.structs import fields

from daypass.ca.change_rules import NARROWER, RULES, WIDER, Effect, different
from daypass.ca.side_effects import side_effects
from daypass.config import Config
from daypass.config.schema import Section

__all__ = ["Change", "Effect", "changes", "widens"]


WAY = Effect.DIFFERENT  # a bastion admits nobody anywhere; without the right one somebody gets no connection


class Change(Struct, frozen=True):
    """One thing that changes. `key`: as in the file, tables by their names: `roles.dba.groups`."""

    key: str
    effect: Effect
    text: str


def changes(old: Config, new: Config) -> list[Change]:
    """All of it that CA processes share (`config.policy_document`): addresses, paths and secrets are no policy."""
    found = [*_tables("providers", old.providers, new.providers)]
    found += _tables("roles", old.roles, new.roles)
    found += _tables("operators", old.operators, new.operators)
    found += _tables("bastions", old.bastions, new.bastions, WAY, WAY)
    found += _section("hosts", old.hosts, new.hosts)
    found += _section("lifetimes", old.lifetimes, new.lifetimes)
    found += _key("reserved_logins", "reserved_logins", old.reserved_logins, new.reserved_logins)
    found += _key("ca.name", "ca.name", old.ca.name, new.ca.name)
    found += _key("config_version", "config_version", old.config_version, new.config_version)
    found += [Change(f"roles.{role}", effect, text) for role, effect, text in side_effects(old, new)]
    return found


def widens(found: Sequence[Change]) -> bool:
    """Whether anybody could have more by it: all that is not plainly narrower may."""
    return any(change.effect is not Effect.NARROWER for change in found)


def _tables(
    kind: str, old: Sequence[Section], new: Sequence[Section], gone: Effect = NARROWER, fresh: Effect = WIDER
) -> Iterator[Change]:
    before, after = _by_name(old), _by_name(new)
    for name in before.keys() - after.keys():
        yield Change(f"{kind}.{name}", gone, "is gone")
    for name, section in after.items():
        if name not in before:
            yield Change(f"{kind}.{name}", fresh, "is new")
        else:
            yield from _section(kind, before[name], section, f"{kind}.{name}")


def _by_name(sections: Sequence[Section]) -> Mapping[str, Section]:
    return {str(getattr(section, "name")): section for section in sections}  # noqa: B009


def _section(kind: str, old: Section, new: Section, path: str = "") -> Iterator[Change]:
    for field in fields(new):
        before, after = getattr(old, field.name), getattr(new, field.name)
        yield from _key(f"{kind}.{field.name}", f"{path or kind}.{field.name}", before, after)


def _key(rule: str, path: str, old: object, new: object) -> Iterator[Change]:
    if old == new:
        return
    for effect, text in RULES.get(rule, different)(old, new):
        yield Change(path, effect, text)
