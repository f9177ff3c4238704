"""One role, compiled: whom it admits, which principals and which names at Git servers it gives them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from daypass.config import RoleSection
from daypass.errors import Denied
from daypass.model import Identity, Proof, git_extension, is_git_name, parse_duration, role_principal, shown

__all__ = ["OWN_ACCOUNT", "Role", "git_extensions"]

OWN_ACCOUNT = "{login}"


@dataclass(frozen=True, slots=True)
class Role:
    """A role, compiled. Every condition given must hold; `limit` is the longest certificate it goes into."""

    name: str
    provider: str
    groups: frozenset[str]
    emails: frozenset[str]
    domains: frozenset[str]
    own_account: bool
    accounts: tuple[str, ...]  # shared ones
    limit: int
    bare_hosts: bool
    git: tuple[tuple[str, str], ...]  # Git server, and where the name there comes from
    refuse_remote: bool

    @classmethod
    def compile(cls, section: RoleSection, ceiling: int) -> Role:
        return cls(
            name=section.name,
            provider=section.provider,
            groups=frozenset(section.groups),
            emails=frozenset(email.lower() for email in section.emails),
            domains=frozenset(domain.lower() for domain in section.domains),
            own_account=OWN_ACCOUNT in section.accounts,
            accounts=tuple(account for account in section.accounts if account != OWN_ACCOUNT),
            limit=min(parse_duration(section.lifetime), ceiling) if section.lifetime else ceiling,
            bare_hosts=section.bare_hosts,
            git=tuple(sorted(section.git.items())),
            refuse_remote=section.refuse_remote,
        )

    def admits(self, identity: Identity) -> bool:
        """No condition at all admits nobody (empty means no)."""
        email = (identity.email or "").lower()
        conditions = []
        if self.groups:
            conditions.append(not self.groups.isdisjoint(identity.groups))
        if self.emails:
            conditions.append(email in self.emails)
        if self.domains:
            conditions.append(email.rpartition("@")[2] in self.domains)
        return bool(conditions) and all(conditions) and self.provider in ("", identity.provider)

    def allows(self, proof: Proof) -> bool:
        """Whether it may be had by the way this person signed in."""
        return not (proof.remote and self.refuse_remote)

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
