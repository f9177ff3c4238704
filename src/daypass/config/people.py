"""Providers and roles: who is believed, and who may become whom.

Empty means no, so an empty condition is a mistake.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator
from urllib.parse import urlsplit

from daypass.config.problem import Problem, did_you_mean, error, quoted, warning
from daypass.config.schema import Config, LifetimeSection, ProviderSection, RoleSection
from daypass.config.values import duration_fault, issuer_fault, said, seconds
from daypass.model import ROLE_NAME, is_host_name, is_login_name

__all__ = ["people"]

ALGORITHMS = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA", "Ed25519")
_PROVIDER_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,62}")
_LOGIN_RULES = ("email", "step")
_LOOPBACK = ("127.0.0.1", "localhost")
_EMAIL = re.compile(r"[!-?A-~]+@[!-?A-~]+")
_SIGN_IN_COUNTS = 20 * 3600
_OWN = "{login}"


def people(config: Config) -> Iterator[Problem]:
    for index, provider in enumerate(config.providers):
        yield from _provider(provider, f"providers[{index}]")
    yield from _shared_clients(config.providers)
    yield from _repeated("providers", [provider.name for provider in config.providers])
    for index, role in enumerate(config.roles):
        yield from _role(role, f"roles[{index}]", config)
    yield from _repeated("roles", [role.name for role in config.roles])
    if not config.providers:
        yield warning("providers", "there is none: nobody can sign in")
    if not config.roles:
        yield warning("roles", "there is none: nobody can log in to anything")


def _repeated(path: str, names: Iterable[str]) -> Iterator[Problem]:
    seen: set[str] = set()
    for index, name in enumerate(names):
        if name and name in seen:
            yield error(f"{path}[{index}].name", f"{quoted(name)} is taken by another one")
        seen.add(name)


# -- providers ------------------------------------------------------------------------------------------------


# In the ledger: who acted, and what a one-time id belongs to.
_OUR_NAMES = frozenset({"daypass", "join", "pass", "sshpop", "uid"})


def _provider(provider: ProviderSection, path: str) -> Iterator[Problem]:
    if not _PROVIDER_NAME.fullmatch(provider.name):
        yield error(f"{path}.name", f"{quoted(provider.name)} is not a name", "letters, digits and ._- up to 63")
    if provider.name in _OUR_NAMES:
        yield error(f"{path}.name", f"{quoted(provider.name)} is what daypass calls something of its own")
    if provider.type != "oidc":
        yield error(f"{path}.type", f"{quoted(provider.type)} is not a type of provider", 'did you mean "oidc"?')
    yield from said(f"{path}.issuer", issuer_fault(provider.issuer))
    if not provider.client_id.strip():
        yield error(f"{path}.client_id", "is empty", "register daypass at the provider as a client of its own")
    if provider.client_secret:
        fault = "is given to everyone who asks this CA, since their clients send it"
        yield warning(f"{path}.client_secret", fault, "leave it out, unless the provider insists on one")
    if provider.web_client_secret and not provider.web_client_id:
        yield error(f"{path}.web_client_secret", "needs web_client_id: the client it is the secret of")
    yield from _scopes(provider, path)
    yield from _algorithms(provider, path)
    yield from _claims(provider, path)
    yield from _freshness(provider, path)
    yield from _hosted(provider, path)
    yield from _redirect(provider, path)


def _scopes(provider: ProviderSection, path: str) -> Iterator[Problem]:
    if "openid" not in provider.scopes:
        yield error(f"{path}.scopes", 'lacks "openid", without which there is no ID token')
    if "offline_access" in provider.scopes:
        yield warning(f"{path}.scopes", '"offline_access" asks for a token that outlives the day; nothing uses it')


def _algorithms(provider: ProviderSection, path: str) -> Iterator[Problem]:
    if not provider.algorithms:
        yield error(f"{path}.algorithms", "is empty: no ID token could be verified")
    for index, name in enumerate(provider.algorithms):
        if name not in ALGORITHMS:
            fault = f"{quoted(name)} is not a signature that proves who made it"
            yield error(f"{path}.algorithms[{index}]", fault, f"any of {', '.join(ALGORITHMS)}")


def _claims(provider: ProviderSection, path: str) -> Iterator[Problem]:
    rule = provider.login_name
    if rule not in _LOGIN_RULES and not (rule.startswith("claim:") and rule.removeprefix("claim:").strip()):
        yield error(f"{path}.login_name", f"{quoted(rule)} is not a rule", '"email", "step" or "claim:NAME"')
    if not provider.groups_claim.strip():
        yield error(f"{path}.groups_claim", "is empty", 'most providers call it "groups"')
    if provider.trust_email and not provider.email_domains:
        yield error(f"{path}.trust_email", "needs email_domains: the domains whose addresses this provider gives out")
    yield from _domains(provider.email_domains, f"{path}.email_domains")


def _freshness(provider: ProviderSection, path: str) -> Iterator[Problem]:
    if not provider.max_age:
        yield warning(f"{path}.max_age", "is off: a browser that was signed in long ago yields certificates")
    elif (fault := duration_fault(provider.max_age)) is not None:
        yield error(f"{path}.max_age", *fault)
    elif (seconds(provider.max_age) or 0) > _SIGN_IN_COUNTS:
        yield warning(f"{path}.max_age", "is more than the 20h that a sign-in counts: older ones yield nothing")
    if not provider.require_auth_time:
        yield warning(f"{path}.require_auth_time", "is off: how long ago the person signed in is not known")
    if provider.allow_unbound:
        yield warning(f"{path}.allow_unbound", "is on: a stolen ID token can be used for another key")


def _hosted(provider: ProviderSection, path: str) -> Iterator[Problem]:
    """Providers that sign for everybody in the world need the tenant named (trust 1.3)."""
    try:
        host = urlsplit(provider.issuer).hostname or ""
    except ValueError:
        return
    if host == "accounts.google.com" and not provider.hosted_domain:
        yield error(f"{path}.hosted_domain", "is missing: Google signs for every account there is")
    if (host == "login.microsoftonline.com" or "{tenantid}" in provider.issuer) and not provider.tenants:
        yield error(f"{path}.tenants", "is missing: Entra signs for every tenant there is", "list your tenant's id")
    for index, tenant in enumerate(provider.tenants):
        if not tenant.strip():
            yield error(f"{path}.tenants[{index}]", "is empty")
    if provider.hosted_domain and not is_host_name(provider.hosted_domain):
        yield error(f"{path}.hosted_domain", f"{quoted(provider.hosted_domain)} is not a domain")


def _redirect(provider: ProviderSection, path: str) -> Iterator[Problem]:
    if provider.redirect_host not in _LOOPBACK:
        yield error(f"{path}.redirect_host", "must be this machine", " or ".join(_LOOPBACK))
    for index, port in enumerate(provider.redirect_ports):
        if not 0 < port < 65536:
            yield error(f"{path}.redirect_ports[{index}]", "is not a port", "1 to 65535")


def _shared_clients(providers: list[ProviderSection]) -> Iterator[Problem]:
    seen: set[tuple[str, str]] = set()
    for index, provider in enumerate(providers):
        clients = {"client_id": provider.client_id, "web_client_id": provider.web_client_id}
        for key, client in clients.items():
            if client and provider.issuer and (provider.issuer, client) in seen:
                yield error(f"providers[{index}].{key}", "another provider of the same issuer has it already")
        seen.update((provider.issuer, client) for client in clients.values())


# -- roles ----------------------------------------------------------------------------------------------------


def _role(role: RoleSection, path: str, config: Config) -> Iterator[Problem]:
    if not ROLE_NAME.fullmatch(role.name):
        yield error(f"{path}.name", f"{quoted(role.name)} is not a name", "a-z, 0-9 and - up to 63, a letter first")
    yield from _role_provider(role, path, config.providers)
    yield from _conditions(role, path)
    yield from _verified_email(role, path, config.providers)
    yield from _accounts(role.accounts, f"{path}.accounts")
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
    yield from _domains(role.domains, f"{path}.domains")


def _domains(domains: list[str], path: str) -> Iterator[Problem]:
    for index, domain in enumerate(domains):
        if not is_host_name(domain):
            plain = domain.lower().lstrip("@*.")
            suggestion = f"did you mean {quoted(plain)}?" if is_host_name(plain) else ""
            yield error(f"{path}[{index}]", f"{quoted(domain)} is not a domain", suggestion)


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
