"""Roles: who may become whom, where and when. Each on its own, then what they are together."""

from __future__ import annotations

from collections.abc import Iterator

from daypass.config.accounts import account_faults
from daypass.config.bounds import bounds_faults
from daypass.config.clashes import clashes
from daypass.config.problem import Problem, error, key_path, quoted, warning
from daypass.config.reach import reach_faults
from daypass.config.schema import Config, RoleSection
from daypass.config.values import seconds
from daypass.config.who import who_faults
from daypass.model import ROLE_NAME, is_git_name, is_host_name

__all__ = ["roles_faults"]


def roles_faults(config: Config) -> Iterator[Problem]:
    for index, role in enumerate(config.roles):
        yield from _role(role, f"roles[{index}]", config)
    yield from clashes(config.roles)


def _role(role: RoleSection, path: str, config: Config) -> Iterator[Problem]:
    if not ROLE_NAME.fullmatch(role.name):
        yield error(f"{path}.name", f"{quoted(role.name)} is not a name", "a-z, 0-9 and - up to 63, a letter first")
    yield from who_faults(role, path, config, seconds(config.lifetimes.floor) or 0)
    yield from reach_faults(role, path, config)
    yield from account_faults(role, path)
    yield from bounds_faults(role, path, config)
    yield from _git(role, f"{path}.git")


def _git(role: RoleSection, path: str) -> Iterator[Problem]:
    """Where the name at each Git server comes from (docs/guide/git.md)."""
    for host, source in role.git.items():
        place = key_path(path, host)
        rule, _, name = source.partition(":")
        if not is_host_name(host):
            yield error(place, f"{quoted(host)} is not a host name", 'like "github.com", in lower case')
        elif source != "login" and (rule not in ("claim", "name") or not name.strip()):
            yield error(place, f"{quoted(source)} is not a rule", '"login", "claim:NAME" or "name:NAME"')
        elif rule == "name" and not is_git_name(host, name):
            yield error(place, f"{quoted(name)} can't be a name at {host}")
        elif rule == "name" and len(role.emails) != 1:
            yield warning(place, f"lets everyone with this role be {quoted(name)} at {host}")
