"""What a change of one role does to those who have others: taking away can give, too.

A role's line on a host may stand before another's and hold people to its command (trust 2.2); a role for hosts
without our agent keeps extensions out of the whole day pass; two roles that name a person differently at a Git
server refuse them; an account of a role is no person's login name.
"""

from __future__ import annotations

from collections.abc import Iterator

from daypass.ca.change_rules import DIFFERENT, WIDER, Effect, listed
from daypass.ca.policy import SYSTEM_ACCOUNTS
from daypass.ca.reach import line_options, order
from daypass.ca.roles import OWN_ACCOUNT
from daypass.config import Config, RoleSection
from daypass.model import MAX_PRINCIPALS, parse_duration, shown

__all__ = ["side_effects"]

Found = tuple[str, Effect, str]  # role, effect, in words


def side_effects(old: Config, new: Config) -> Iterator[Found]:
    before, after = ({role.name: role for role in config.roles} for config in (old, new))
    for name, role in before.items():
        now = after.get(name)
        if now == role:
            continue
        others = [each for each in new.roles if each.name != name]
        yield from _opened(role, now)
        yield from _lines(role, now, others)
        yield from _extras(role, others)
        yield from _git_names(role, others)
        yield from _length(role, others, old)
        if sum(map(_principals, old.roles)) > MAX_PRINCIPALS:
            text = f"may have been one too many for somebody, whose {MAX_PRINCIPALS} principals were full"
            yield name, DIFFERENT, text
    yield from _freed(old, new)
    yield from _joining(old, new)


def _opened(role: RoleSection, now: RoleSection | None) -> Iterator[Found]:
    """Conditions that open what was closed to everybody, or to people with reserved names."""
    if now is None:
        return
    if not _is_for_somebody(role) and _is_for_somebody(now):
        yield role.name, WIDER, "had no condition on who it is for, and was nobody's"
    if not (role.hosts or role.labels) and (now.hosts or now.labels):
        yield role.name, WIDER, "reached no host, and now does"
    listing = OWN_ACCOUNT in now.accounts and bool(now.emails)
    if listing and not role.emails:
        text = "whom it lists by e-mail may have a login name that is reserved"
        yield role.name, WIDER, text


def _is_for_somebody(role: RoleSection) -> bool:
    return bool(role.groups or role.emails or role.domains or role.claims)


def _lines(role: RoleSection, now: RoleSection | None, others: list[RoleSection]) -> Iterator[Found]:
    """Whose line is met first: those with another role for the same account were held to this one's."""
    for other in others:
        same = [account for account in role.accounts if account in other.accounts]
        if not same or line_options(role) == line_options(other):
            continue
        stood_before = order(role) < order(other)
        moved = now is not None and order(now)[:3] != order(role)[:3]
        if stood_before or moved:
            text = f"who has role {shown(other.name)} too may log in as {listed(same)} by another line than before"
            yield role.name, DIFFERENT, text


def _extras(role: RoleSection, others: list[RoleSection]) -> Iterator[Found]:
    """A role for bare hosts leaves its day pass only the extensions it has itself."""
    if role.bare_hosts and (kept := {each for other in others for each in other.extensions} - set(role.extensions)):
        yield role.name, DIFFERENT, f"kept {listed(sorted(kept))} out of day passes with it"


def _git_names(role: RoleSection, others: list[RoleSection]) -> Iterator[Found]:
    for host, source in role.git.items():
        if any(other.git.get(host, source) != source for other in others):
            text = f"may have named somebody differently at {host} than another role, which refused them"
            yield role.name, DIFFERENT, text


def _length(role: RoleSection, others: list[RoleSection], old: Config) -> Iterator[Found]:
    """A day pass is no longer than the longest of its roles, and may end with one that ends a little before it."""
    if not role.day_pass:
        return
    mine = _limit(role, old)
    joining = [each.name for each in others if each.day_pass and (_ends_early(each) or _limit(each, old) < mine)]
    if joining:
        yield role.name, DIFFERENT, f"without it a day pass may be shorter, and carry {listed(joining)}"
    elif others and (_ends_early(role) or mine < _day_pass(old)):
        yield role.name, DIFFERENT, "may have ended somebody's day pass some minutes early"


def _ends_early(role: RoleSection) -> bool:
    return bool(role.windows or role.max_auth_age)


def _limit(role: RoleSection, config: Config) -> int:
    ceiling = parse_duration(config.lifetimes.user_ceiling)
    return min(parse_duration(role.lifetime), ceiling) if role.lifetime else ceiling


def _principals(role: RoleSection) -> int:
    """At most so many, for one person."""
    return 2 + (len(role.accounts) + 1 if role.bare_hosts else 0)


def _freed(old: Config, new: Config) -> Iterator[Found]:
    """Accounts of roles are reserved; what no role has any more may be somebody's login name."""
    kept = {account for role in new.roles for account in role.accounts} | SYSTEM_ACCOUNTS
    for role in old.roles:
        if freed := [each for each in role.accounts if each not in kept and each != OWN_ACCOUNT]:
            yield role.name, WIDER, f"{listed(freed)} may be somebody's login name: no role's account any more"


def _joining(old: Config, new: Config) -> Iterator[Found]:
    """A shorter day pass carries roles that were too short for it."""
    before, after = (_day_pass(config) for config in (old, new))
    for role in new.roles if after < before else ():
        if role.day_pass and (_ends_early(role) or _limit(role, old) < before):
            yield role.name, DIFFERENT, "may be in the day pass now, which is shorter"


def _day_pass(config: Config) -> int:
    return min(parse_duration(config.lifetimes.user), parse_duration(config.lifetimes.user_ceiling))
