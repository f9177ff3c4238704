"""Roles that get in each other's way where somebody has both.

On a host the first line that matches wins, the strictest stands first, and no other is looked at (trust 2.2). So of
two roles in one certificate, for one account there, only one counts.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator, Sequence
from functools import lru_cache

from daypass.config.problem import Problem, key_path, quoted, warning
from daypass.config.reach import may_meet
from daypass.config.schema import RoleSection

__all__ = ["clashes"]


def clashes(roles: Sequence[RoleSection]) -> Iterator[Problem]:
    """Each role against those before it, as far as both are in the day pass."""
    if roles and not any(role.day_pass for role in roles):
        fault = "are all outside of the day pass: daypass login without --role gives nobody anything"
        yield warning("roles", fault, "let one of them have day_pass = true")
    for index, role in enumerate(roles):
        before = [each for each in roles[:index] if each.day_pass and role.day_pass] if _can_clash(role) else []
        yield from _first(index, role, before)


def _can_clash(role: RoleSection) -> bool:
    return bool(role.force_command or role.source_address or role.git)


def _first(index: int, role: RoleSection, before: Sequence[RoleSection]) -> Iterator[Problem]:
    """All that is wrong with the first other role that something is wrong with."""
    hint = "day_pass = false gives a role a certificate of its own"
    for other in before:
        if found := list(_between(role, other)):
            yield from (warning(f"roles[{index}].{key}", message, hint) for key, message in found)
            return


def _between(role: RoleSection, other: RoleSection) -> Iterator[tuple[str, str]]:
    """(key, what is wrong). What is asked of every pair of a thousand roles comes first."""
    git = [host for host, source in role.git.items() if other.git.get(host, source) != source]
    command = role.force_command and other.force_command and role.force_command != other.force_command
    networks = role.source_address and other.source_address
    apart = networks and not _overlap(role.source_address, other.source_address)
    if not (git or command or apart) or _nobody_has_both(role, other):
        return
    for host in git:
        fault = f"comes from elsewhere in role {quoted(other.name)}: who is given two names there has no day pass"
        yield key_path("git", host), fault
    accounts = set(role.accounts) & set(other.accounts)
    if not accounts or not may_meet(role, other):
        return
    shared = quoted(min(accounts))
    if command:
        fault = f"is another one than role {quoted(other.name)} has for {shared} on the same hosts: one of them runs"
        yield "force_command", f"{fault}, never the other, for who has both"
    if apart:
        fault = f"and that of role {quoted(other.name)} exclude each other for {shared} on the same hosts"
        yield "source_address", f"{fault}: one of them counts, never the other, for who has both"


def _nobody_has_both(role: RoleSection, other: RoleSection) -> bool:
    if role.provider and other.provider and role.provider != other.provider:
        return True
    for mine, theirs in ((role.emails, other.emails), (role.domains, other.domains)):
        if mine and theirs and not {each.lower() for each in mine} & {each.lower() for each in theirs}:
            return True
    return False


def _overlap(one: Sequence[str], other: Sequence[str]) -> bool:
    try:
        pairs = [(_network(a), _network(b)) for a in one for b in other]
    except ValueError:  # said already
        return True
    return any(a.version == b.version and a.overlaps(b) for a, b in pairs)


@lru_cache(maxsize=4096)
def _network(text: str) -> ipaddress.IPv4Network | ipaddress.IPv6Network:
    return ipaddress.ip_network(text, strict=False)
