"""Roles: who may become whom. Empty means no, so an empty condition is a mistake."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator

from daypass.config.problem import Problem, did_you_mean, error, key_path, quoted, warning
from daypass.config.schema import Config, LifetimeSection, ProviderSection, RoleSection
from daypass.config.values import duration_fault, seconds
from daypass.model import ROLE_NAME, is_git_name, is_host_name, is_login_name

__all__ = ["domain_faults", "role_faults"]

_EMAIL = re.compile(r"[!-?A-~]+@[!-?A-~]+")
_OWN = "{login}"


def role_faults(role: RoleSection, path: str, config: Config) -> Iterator[Problem]:
    if not ROLE_NAME.fullmatch(role.name):
        yield error(f"{path}.name", f"{quoted(role.name)} is not a name", "a-z, 0-9 and - up to 63, a letter first")
    yield from _role_provider(role, path, config.providers)
    yield from _conditions(role, path)
    yield from _verified_email(role, path, config.providers)
    if not (role.hosts or role.labels):
        yield error(path, "reaches no host", 'hosts = ["*"] for every host')
    yield from _accounts(role.accounts, f"{path}.accounts")
    yield from _git(role, f"{path}.git")
    if role.lifetime:
        yield from _role_lifetime(role.lifetime, f"{path}.lifetime", config.lifetimes)


def _role_provider(role: RoleSection, path: str, providers: list[ProviderSection]) -> Iterator[Problem]:
    names = [provider.name for provider in providers]
    if role.provider and role.provider not in names and "" not in names:
        suggestion = did_you_mean(role.provider, names) or (f"there is {', '.join(names)}" if names else "")
        yield error(f"{path}.provider", f"there is no provider {quoted(role.provider)}", suggestion)
    if not role.provider and len(providers) > 1:
        yield error(f"{path}.provider", "is missing: with several providers each role names whose word it takes")


def _conditions(role: RoleSection, path: str) -> Iterator[Problem]:
    if not (role.groups or role.emails or role.domains):
        yield error(path, "has no condition, so nobody can have it", "give groups, emails or domains")
    for index, group in enumerate(role.groups):
        if not group.strip():
            yield error(f"{path}.groups[{index}]", "is empty")
    for index, email in enumerate(role.emails):
        if not _EMAIL.fullmatch(email) or "*" in email:
            hint = f'for a whole domain: domains = ["{email[2:]}"]' if is_host_name(email.removeprefix("*@")) else ""
            yield error(f"{path}.emails[{index}]", f"{quoted(email)} is not an e-mail address", hint)
    yield from domain_faults(role.domains, f"{path}.domains")


def _verified_email(role: RoleSection, path: str, providers: list[ProviderSection]) -> Iterator[Problem]:
    """A condition on the e-mail can hold only where the provider sends one that counts (trust 1.4)."""
    if not (role.emails or role.domains):
        return
    for provider in providers:
        asked = role.provider in ("", provider.name)
        if asked and provider.scopes and "email" not in provider.scopes and not provider.trust_email:
            key = "emails" if role.emails else "domains"
            fault = f"provider {quoted(provider.name)} is not asked for a verified e-mail"
            yield error(f"{path}.{key}", fault, 'add "email" to its scopes')


def _accounts(accounts: list[str], path: str) -> Iterator[Problem]:
    if not accounts:
        yield error(path, "is empty: the role lets nobody in", f'["{_OWN}"] is each person\'s own account')
    for index, account in enumerate(accounts):
        place = f"{path}[{index}]"
        if account == "root":
            yield warning(place, "is root: whoever has this role has the whole host")
        elif account.startswith("{") and account != _OWN:
            yield error(place, f"{quoted(account)} stands for nothing", f'did you mean "{_OWN}"?')
        elif account != _OWN and not is_login_name(account):
            hint = did_you_mean(account, [account.lower()]) if is_login_name(account.lower()) else ""
            yield error(place, f"{quoted(account)} is not an account", hint or "a-z, 0-9 and ._- up to 32")
    for account in (name for name, count in Counter(accounts).items() if name and count > 1):
        yield error(path, f"{quoted(account)} is listed twice")


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


def _role_lifetime(text: str, path: str, lifetimes: LifetimeSection) -> Iterator[Problem]:
    if (fault := duration_fault(text)) is not None:
        yield error(path, *fault)
        return
    limits = (text, lifetimes.floor, lifetimes.user_ceiling, lifetimes.user)
    asked, floor, ceiling, day = (seconds(limit) or 0 for limit in limits)
    if floor and asked < floor:
        yield error(path, f"{quoted(text)} is less than lifetimes.floor, which is {quoted(lifetimes.floor)}")
    if ceiling and asked > ceiling:
        yield error(path, f"{quoted(text)} is more than lifetimes.user_ceiling, {quoted(lifetimes.user_ceiling)}")
    if floor <= asked < day:
        yield warning(path, "is shorter than the day pass, which goes without it", f"daypass login --lifetime {text}")


def domain_faults(domains: list[str], path: str) -> Iterator[Problem]:
    for index, domain in enumerate(domains):
        if not is_host_name(domain):
            plain = domain.lower().lstrip("@*.")
            suggestion = f"did you mean {quoted(plain)}?" if is_host_name(plain) else ""
            yield error(f"{path}[{index}]", f"{quoted(domain)} is not a domain", suggestion)
