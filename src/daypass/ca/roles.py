"""One role, compiled: whom it admits, which principals and which names at Git servers it gives them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from daypass.ca.reach import host_role, networks
from daypass.ca.schedule import Schedule
from daypass.ca.subject import Subject
from daypass.ca.who import Condition, Who, is_on_who
from daypass.config import RoleSection
from daypass.errors import Denied
from daypass.model import HostRole, Identity, git_extension, is_git_name, parse_duration, role_principal, shown

__all__ = ["OWN_ACCOUNT", "Role", "Verdict", "git_extensions", "nearest_role"]

OWN_ACCOUNT = "{login}"


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether somebody has a role now; if not, the first condition that failed."""

    role: str
    failed: Condition | None = None

    @property
    def ok(self) -> bool:
        return self.failed is None


@dataclass(frozen=True, slots=True, eq=False)
class Role:
    """A role, compiled. Every condition given must hold; `limit` is the longest certificate it goes into, in seconds.

    `on_host` is what it means on every host that it reaches.
    """

    name: str
    who: Who
    own_account: bool
    accounts: tuple[str, ...]  # shared ones
    limit: int
    schedule: Schedule
    extensions: frozenset[str]
    source_address: tuple[str, ...]
    day_pass: bool
    bare_hosts: bool
    git: tuple[tuple[str, str], ...]  # Git server, and where the name there comes from
    refuse_remote: bool
    on_host: HostRole
    is_timed: bool  # it may end before `limit`
    own: str  # the principal of one's own account, less the login name; empty without `own_account`
    fixed: tuple[str, ...]  # principals that are the same for everybody

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
            schedule=Schedule(section.windows),
            extensions=frozenset(section.extensions),
            source_address=networks(section),
            day_pass=section.day_pass,
            bare_hosts=section.bare_hosts,
            git=tuple(sorted(section.git.items())),
            refuse_remote=section.refuse_remote,
            on_host=host_role(section, accounts, own_account=own),
            is_timed=bool(section.windows or section.max_auth_age),
            own=role_principal(section.name, login="") if own else "",
            fixed=(role_principal(section.name), *(accounts if section.bare_hosts else ())) if accounts else (),
        )

    @property
    def is_plain(self) -> bool:
        """Whether one condition on who it is decides alone."""
        who = self.who
        sign_in = who.amr or who.acr or who.max_auth_age is not None or self.refuse_remote or self.schedule.texts
        return who.kinds == 1 and not sign_in

    def holds(self, subject: Subject, now: int) -> bool:
        return next(self.failing(subject, now), None) is None

    def judge(self, subject: Subject, now: int) -> Verdict:
        key = next(self.failing(subject, now), None)
        return Verdict(self.name, None if key is None else self.condition(key, subject, now))

    def failing(self, subject: Subject, now: int) -> Iterator[str]:
        """Keys of the conditions that fail: who it is, how they signed in, and when."""
        yield from self.who.failing(subject, now)
        if self.refuse_remote and subject.remote:
            yield "refuse_remote"
        if not self.schedule.holds(now):
            yield "windows"

    def failures(self, subject: Subject, now: int) -> Iterator[Condition]:
        """Every condition that fails, in the same order."""
        return (self.condition(key, subject, now) for key in self.failing(subject, now))

    def condition(self, key: str, subject: Subject, now: int) -> Condition:
        if key == "windows":
            return Condition(key, self.schedule.texts)
        return self.who.condition(key, subject, now)

    def ends(self, subject: Subject, now: int) -> int:
        """Unix time: how far a certificate with this role may reach, for somebody who has it now (trust 2.3)."""
        end = now + self.limit
        if self.schedule.texts:
            end = min(end, self.schedule.ends(now) or now)
        if self.who.max_auth_age is not None:
            end = min(end, self.who.fresh_until(subject) or now)
        return end

    def principals(self, names: tuple[str, ...]) -> tuple[str, ...]:
        """`names`: the login name, and every other name of the person's; none of a workload."""
        if not self.own or not names:
            return self.fixed
        return (self.own + names[0], *(names if self.bare_hosts else ()), *self.fixed)


def nearest_role(roles: Sequence[Role], subject: Subject, now: int) -> tuple[Role, Condition | None]:
    """Of roles, one at least, the one that this person misses by least, and the first condition they miss.

    One of their own provider; then the one with the fewest conditions that fail; then one that fails only in how or
    when they signed in; then the one of which more holds.
    """
    missed = [(role, list(role.failing(subject, now))) for role in roles]
    role, keys = min(missed, key=lambda each: _distance(*each))
    return role, role.condition(keys[0], subject, now) if keys else None


def _distance(role: Role, keys: list[str]) -> tuple[bool, int, bool, int, str]:
    who = role.who
    conditions = who.kinds + sum(map(bool, (who.amr, who.acr, who.max_auth_age, role.schedule.texts)))
    return "provider" in keys, len(keys), any(map(is_on_who, keys)), -conditions, role.name


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
                    role=role.name,
                    condition=f'git."{host}"',
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
        role=role.name,
        condition=f'git."{host}"',
    )
