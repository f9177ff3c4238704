"""Providers: who is believed. And the roles and operators, which have files of their own."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from urllib.parse import urlsplit

from daypass.config.clouds import cloud_faults
from daypass.config.jwk import jwk_faults
from daypass.config.operators import operator_faults
from daypass.config.pam import pam_faults
from daypass.config.port22 import port22_faults
from daypass.config.problem import Problem, did_you_mean, error, quoted, warning
from daypass.config.roles import roles_faults
from daypass.config.schema import Config, ProviderSection, RecheckSection
from daypass.config.scim import scim_faults
from daypass.config.signals import signal_faults
from daypass.config.values import Fault, algorithm_faults, duration_fault, each, issuer_fault, said, seconds
from daypass.config.ways import identifying, ways
from daypass.config.who import SIGN_IN_COUNTS, domain_faults
from daypass.config.workloads import workload_faults
from daypass.config.x5c import x5c_faults
from daypass.model import TENANT, graph_of, is_host_name

__all__ = ["people"]

_PROVIDER_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,62}")
_LOGIN_RULES = ("email", "step")
LEAST_RECHECK = 60  # seconds
_PATH = re.compile(r"(/([^~/]|~[01])+)+")  # RFC 6901, and no name in it is empty
_LOOPBACK = ("127.0.0.1", "localhost")
_GROUPS_FROM = ("token", "userinfo", "graph", "scim")


def people(config: Config) -> Iterator[Problem]:
    for index, provider in enumerate(config.providers):
        yield from _provider(provider, f"providers[{index}]")
    yield from _shared_clients(config.providers)
    yield from _repeated("providers", [provider.name for provider in config.providers])
    yield from _ways(config)
    yield from workload_faults(config)
    yield from cloud_faults(config)
    yield from jwk_faults(config)
    yield from x5c_faults(config)
    yield from pam_faults(config)
    yield from port22_faults(config)
    yield from roles_faults(config)
    yield from _repeated("roles", [role.name for role in config.roles])
    yield from operator_faults(config)
    yield from _repeated("operators", [operator.name for operator in config.operators])
    if not identifying(config):
        yield warning("providers", "there is none: nobody can sign in")
    if not config.roles:
        yield warning("roles", "there is none: nobody can log in to anything")


def _repeated(path: str, names: Iterable[str]) -> Iterator[Problem]:
    seen: set[str] = set()
    for index, name in enumerate(names):
        if name and name in seen:
            yield error(f"{path}[{index}].name", f"{quoted(name)} is taken by another one")
        seen.add(name)


# In the ledger: who acted, and what a one-time id belongs to.
_OUR_NAMES = frozenset({"daypass", "join", "pass", "sshpop", "uid"})


def _ways(config: Config) -> Iterator[Problem]:
    """Their names, in one space with those of providers. What else they say is judged by kind."""
    seen = {provider.name for provider in config.providers}
    for path, section in ways(config):
        yield from _name(section.name, path)
        if section.name in seen:
            yield error(f"{path}.name", f"{quoted(section.name)} is taken by another one")
        seen.add(section.name)


def _name(name: str, path: str) -> Iterator[Problem]:
    if not _PROVIDER_NAME.fullmatch(name):
        yield error(f"{path}.name", f"{quoted(name)} is not a name", "letters, digits and ._- up to 63")
    if name in _OUR_NAMES:
        yield error(f"{path}.name", f"{quoted(name)} is what daypass calls something of its own")


def _provider(provider: ProviderSection, path: str) -> Iterator[Problem]:
    yield from _name(provider.name, path)
    if provider.type != "oidc":
        yield error(f"{path}.type", f"{quoted(provider.type)} is not a type of provider", 'did you mean "oidc"?')
    yield from said(f"{path}.issuer", issuer_fault(provider.issuer))
    if not provider.client_id.strip():
        yield error(f"{path}.client_id", "is empty", "register daypass at the provider as a client of its own")
    if provider.client_secret:
        fault = "is given to everyone who asks this CA, since their clients send it"
        yield warning(f"{path}.client_secret", fault, "leave it out, unless the provider insists on one")
    if provider.web_client_id and provider.web_client_id == provider.client_id:
        yield error(f"{path}.web_client_id", "is client_id, which is what the pages use anyway", "leave it out")
    if provider.web_client_secret and not provider.web_client_id:
        yield error(f"{path}.web_client_secret", "needs web_client_id: the client it is the secret of")
    yield from _device_grant(provider, path)
    yield from _scopes(provider, path)
    yield from _algorithms(provider, path)
    yield from _claims(provider, path)
    yield from scim_faults(provider, path)
    yield from _freshness(provider, path)
    yield from _hosted(provider, path)
    yield from _redirect(provider, path)
    yield from signal_faults(provider, path)


def _device_grant(provider: ProviderSection, path: str) -> Iterator[Problem]:
    """The provider's own page does not say which machine asks, so whoever starts it can send its code to a victim."""
    if provider.device_client_id:
        fault = "is on: who sends somebody the code of a sign-in of theirs gets that person's day pass"
        advice = "RFC 8628 section 5.4; refuse_remote = true keeps a role out of it"
        yield warning(f"{path}.device_client_id", fault, advice)
    if provider.device_client_id and provider.device_client_id in (provider.client_id, provider.web_client_id):
        hint = "register a second client, so that its tokens can be told apart"
        yield error(f"{path}.device_client_id", "is the client of another way to sign in", hint)
    if provider.device_client_secret and not provider.device_client_id:
        yield error(f"{path}.device_client_secret", "belongs to no device_client_id")
    elif provider.device_client_secret:
        fault = "is given to everyone who asks this CA, since their clients send it"
        yield warning(f"{path}.device_client_secret", fault, "leave it out, unless the provider insists on one")


def _scopes(provider: ProviderSection, path: str) -> Iterator[Problem]:
    if "openid" not in provider.scopes:
        yield error(f"{path}.scopes", 'lacks "openid", without which there is no ID token')
    if "offline_access" in provider.scopes:
        yield warning(
            f"{path}.scopes",
            '"offline_access" asks for a token that outlives the day; a recheck asks for it by itself',
        )
    if provider.recheck is not None:
        yield from _recheck(provider.recheck, f"{path}.recheck")


def _recheck(recheck: RecheckSection, path: str) -> Iterator[Problem]:
    yield from said(f"{path}.every", duration_fault(recheck.every))
    if (seconds(recheck.every) or LEAST_RECHECK) < LEAST_RECHECK:
        yield error(f"{path}.every", "is too often: providers count requests", '"1m" or more')
    if recheck.by not in ("refresh", "introspection"):
        yield error(f"{path}.by", f"{quoted(recheck.by)} is no way to ask", "refresh or introspection")


def _algorithms(provider: ProviderSection, path: str) -> Iterator[Problem]:
    if not provider.algorithms:
        yield error(f"{path}.algorithms", "is empty: no ID token could be verified")
    yield from algorithm_faults(provider.algorithms, f"{path}.algorithms")


def _claims(provider: ProviderSection, path: str) -> Iterator[Problem]:
    rule = provider.login_name
    if rule not in _LOGIN_RULES and not (rule.startswith("claim:") and rule.removeprefix("claim:").strip()):
        yield error(f"{path}.login_name", f"{quoted(rule)} is not a rule", '"email", "step" or "claim:NAME"')
    if not provider.groups_claim.strip():
        yield error(f"{path}.groups_claim", "is empty", 'most providers call it "groups"')
    if provider.groups_claim.startswith("/") and not _PATH.fullmatch(provider.groups_claim):
        fault = f"{quoted(provider.groups_claim)} is no path to a claim"
        yield error(f"{path}.groups_claim", fault, 'like "/realm_access/roles": ~1 is a slash, ~0 a tilde (RFC 6901)')
    if provider.groups_from not in _GROUPS_FROM:
        suggestion = did_you_mean(provider.groups_from, _GROUPS_FROM) or f"one of {', '.join(_GROUPS_FROM)}"
        yield error(f"{path}.groups_from", f"{quoted(provider.groups_from)} is nowhere to ask", suggestion)
    if provider.groups_from == "graph" and graph_of(provider.issuer) is None:
        fault = '"graph" is Entra\'s, and the issuer is none of its'
        yield error(f"{path}.groups_from", fault, 'groups_from = "userinfo"')
    elif provider.groups_from == "graph" and not provider.tenants:
        yield error(f"{path}.groups_from", '"graph" is Entra\'s, and there are no tenants', "list your tenant's id")
    yield from each(f"{path}.acr_values", provider.acr_values, _acr_fault)
    if provider.email_domains and not provider.trust_email:
        fault = "says nothing without trust_email: verified addresses of other domains count too"
        yield warning(f"{path}.email_domains", fault, "for who may have a role: domains of the role")
    if provider.trust_email and not provider.email_domains:
        yield error(f"{path}.trust_email", "needs email_domains: the domains whose addresses this provider gives out")
    yield from domain_faults(provider.email_domains, f"{path}.email_domains")


def _acr_fault(value: str) -> Fault:
    """In the request they are words between spaces (Core section 3.1.2.1)."""
    if value and value.isascii() and value.isprintable() and " " not in value:
        return None
    return f"{quoted(value)} is not one value", "each in quotes of its own"


def _freshness(provider: ProviderSection, path: str) -> Iterator[Problem]:
    if not provider.max_age:
        yield warning(f"{path}.max_age", "is off: a browser that was signed in long ago yields certificates")
    elif (fault := duration_fault(provider.max_age)) is not None:
        yield error(f"{path}.max_age", *fault)
    elif (seconds(provider.max_age) or 0) > SIGN_IN_COUNTS:
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
        clients = {key: getattr(provider, key) for key in ("client_id", "web_client_id", "device_client_id")}
        for key, client in clients.items():
            if client and any((issuer, client) in seen for issuer in _issuers(provider)):
                yield error(f"providers[{index}].{key}", "another provider of the same issuer has it already")
        seen.update((issuer, client) for issuer in _issuers(provider) for client in clients.values())


def _issuers(provider: ProviderSection) -> set[str]:
    """Whose tokens it takes: Entra's tenants are an issuer each."""
    return {provider.issuer.replace(TENANT, each) for each in provider.tenants or [TENANT]} - {""}
