"""One role, compiled: whom it admits, which principals and which names at Git servers it gives them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from daypass.ca.reach import host_role
from daypass.ca.subject import Subject
from daypass.ca.who import Condition, Who
from daypass.config import RoleSection
from daypass.errors import Denied
from daypass.model import HostRole, Identity, git_extension, is_git_name, parse_duration, role_principal, shown

__all__ = ["OWN_ACCOUNT", "Role", "Verdict", "git_extensions"]

OWN_ACCOUNT = "{login}"


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether somebody has a role now; if not, the first condition that failed."""

    role: str
    failed: Condition | None = None

    @property
    def ok(self) -> bool:
        return self.failed is None


@dataclass(frozen=True, slots=True)
class Role:
    """A role, compiled. Every condition given must hold; `limit` is the longest certificate it goes into, in seconds.

    `on_host` is what it means on every host that it reaches.
    """

    name: str
    who: Who
    own_account: bool
    accounts: tuple[str, ...]  # shared ones
    limit: int
    windows: tuple[str, ...]
    extensions: frozenset[str]
    source_address: tuple[str, ...]
    day_pass: bool
    bare_hosts: bool
    git: tuple[tuple[str, str], ...]  # Git server, and where the name there comes from
    refuse_remote: bool
    on_host: HostRole

    @classmethod
    def compile(cls, section: RoleSection, ceiling: int, provider: str = "") -> Role:
        """`provider`: of a configuration that has one only."""
        own = OWN_ACCOUNT in section.accounts
        accounts = tuple(account for account in section.accounts if account != OWN_ACCOUNT)
        return cls(
            name=section.name,
            who=Who.compile(section, provider),
            own_account=own,
            accounts=accounts,
            limit=min(parse_duration(section.lifetime), ceiling) if section.lifetime else ceiling,
            windows=tuple(section.windows),
            extensions=frozenset(section.extensions),
            source_address=tuple(section.source_address),
            day_pass=section.day_pass,
            bare_hosts=section.bare_hosts,
            git=tuple(sorted(section.git.items())),
            refuse_remote=section.refuse_remote,
            on_host=host_role(section, accounts, own_account=own),
        )

    def judge(self, subject: Subject, now: int) -> Verdict:
        return Verdict(self.name, next(self.failures(subject, now), None))

    def failures(self, subject: Subject, now: int) -> Iterator[Condition]:
        """Every condition that fails: who it is, how they signed in, and when."""
        yield from self.who.failures(subject, now)
        if self.refuse_remote and subject.remote:
            yield Condition("refuse_remote")
        if self.windows:
            yield Condition("windows", self.windows)

    def principals(self, login: str, names: tuple[str, ...]) -> list[str]:
        found = []
        if self.own_account:
            found.append(role_principal(self.name, login=login))
            found.extend(names if self.bare_hosts else ())
        if self.accounts:
            found.append(role_principal(self.name))
            found.extend(self.accounts if self.bare_hosts else ())
        return found


def git_extensions(roles: Iterable[Role], identity: Identity, login: str) -> list[tuple[str, str]]:
    """`login@HOST` with the person's name there, for each Git server of these roles (docs/guide/git.md).

    A claim that is missing or empty gives none. Raises Denied for a name that can't be one there, and for two names
    at one server: which of them was meant is not ours to guess.
    """
    found: dict[str, tuple[str, Role]] = {}
    for role in roles:
        for host, source in role.git:
            name = _git_name(role, host, source, identity, login)
            if name is None:
                continue
            other, before = found.setdefault(host, (name, role))
            if other != name:
                raise Denied(
                    f'at {host} role "{before.name}" makes you {other}, and role "{role.name}" {name}',
                    code="policy.git-names",
                    hint=f'operator: let git."{host}" of both roles come from the same place',
                )
    return [(git_extension(host), name) for host, (name, _) in found.items()]


def _git_name(role: Role, host: str, source: str, identity: Identity, login: str) -> str | None:
    rule, _, value = source.partition(":")
    name = {"login": login, "name": value}.get(rule, identity.claims.get(value))
    if name is None or name == "":
        return None
    if isinstance(name, str) and is_git_name(host, name):
        return name
    raise Denied(
        f"{shown(str(name))} can't be your name at {host}",
        code="policy.git-name",
        hint=f'it is the {source} that {identity.provider} sends; operator: git."{host}" of role "{role.name}"',
    )
