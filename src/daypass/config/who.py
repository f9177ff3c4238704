"""Conditions on a person and their sign-in, of roles and of operators. Empty means no, so an empty one is a mistake,
and so is one that can't ever hold.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from daypass.config.problem import Problem, did_you_mean, error, key_path, quoted, warning
from daypass.config.schema import Config, ProviderSection, WhoSection
from daypass.config.values import Fault, duration_fault, each, said, seconds
from daypass.config.ways import identifying
from daypass.model import is_host_name

__all__ = ["SIGN_IN_COUNTS", "domain_faults", "who_faults"]

SIGN_IN_COUNTS = 20 * 3600  # no certificate outlives a sign-in by more (trust 3.7)
GOOGLE = "https://accounts.google.com"
_EMAIL = re.compile(r"[!-?A-~]+@[!-?A-~]+")
_MAX_TEXT = 256  # characters of a group that counts, and more than anyone writes elsewhere

# Claims that have a key here: what counts there is verified or looked up, what stands in the token need not be.
_KEYS = {"email": "emails", "amr": "amr", "acr": "acr", "auth_time": "max_auth_age"}
# OpenID Connect Core sections 2 and 3.1.3.6, RFC 7519: of the token, or no text.
_OF_THE_TOKEN = frozenset(
    "iss aud azp exp iat nbf jti nonce at_hash c_hash s_hash sid address updated_at email_verified "
    "phone_number_verified".split()
)
# Core section 5.1: what a profile says, which many providers let people write themselves (section 5.7).
_OF_THE_PROFILE = frozenset(
    "name given_name family_name middle_name nickname preferred_username profile picture website gender birthdate "
    "zoneinfo locale phone_number".split()
)


def who_faults(who: WhoSection, path: str, config: Config, shortest: int) -> Iterator[Problem]:
    """`shortest`: seconds that a sign-in has to be good for at least."""
    providers = [each for each in config.providers if who.provider in ("", each.name)]
    yield from _provider(who, path, [each.name for each in identifying(config)])
    if not (who.groups or who.emails or who.domains or who.claims):
        yield error(path, "has no condition, so nobody can have it", "give groups, emails, domains or claims")
    yield from each(f"{path}.groups", who.groups, _text_fault)
    yield from _emails(who, path)
    yield from domain_faults(who.domains, f"{path}.domains")
    keys = _KEYS | {provider.groups_claim: "groups" for provider in providers}
    told = _OF_THE_TOKEN - {"sub"} if who.provider in {each.name for each in config.workloads} else _OF_THE_TOKEN
    for name, values in who.claims.items():
        yield from _claim(name, values, key_path(f"{path}.claims", name), keys, told)
    yield from each(f"{path}.amr", who.amr, _text_fault)
    yield from each(f"{path}.acr", who.acr, _text_fault)
    yield from _auth_age(who, f"{path}.max_auth_age", providers, shortest)
    for provider in providers:
        yield from _sent(who, path, provider)


def _provider(who: WhoSection, path: str, names: list[str]) -> Iterator[Problem]:
    if who.provider and who.provider not in names and "" not in names:
        suggestion = did_you_mean(who.provider, names) or (
            f"there is {', '.join(map(quoted, names))}" if names else ""
        )
        yield error(f"{path}.provider", f"there is no provider {quoted(who.provider)}", suggestion)
    if not who.provider and len(names) > 1:
        yield error(
            f"{path}.provider",
            "is missing: with several ways to sign in each role and operator names whose word it takes",
            " or ".join(f"provider = {quoted(name)}" for name in names[:3]),
        )


def _text_fault(text: str) -> Fault:
    if not text.strip():
        return "is empty", ""
    if not text.isprintable():
        return f"{quoted(text)} has a character that nobody sees", ""
    if text != text.strip():
        return f"{quoted(text)} begins or ends with a space", f"did you mean {quoted(text.strip())}?"
    if len(text) > _MAX_TEXT:
        return f"{quoted(text)} is longer than {_MAX_TEXT} characters", ""
    return None


def _emails(who: WhoSection, path: str) -> Iterator[Problem]:
    yield from each(f"{path}.emails", who.emails, _email_fault)
    domains = {domain.lower() for domain in who.domains}
    for index, email in enumerate(who.emails):
        if domains and _email_fault(email) is None and email.rpartition("@")[2].lower() not in domains:
            fault = f"{quoted(email)} is in none of the domains, and both must hold"
            yield error(f"{path}.emails[{index}]", fault, "leave out domains, or take two roles")


def _email_fault(email: str) -> Fault:
    domain = email.rpartition("@")[2].lower()
    if _EMAIL.fullmatch(email) and "*" not in email and is_host_name(domain):
        return None
    hint = f'for a whole domain: domains = ["{email[2:]}"]' if is_host_name(email.removeprefix("*@")) else ""
    return f"{quoted(email)} is not an e-mail address", hint


def domain_faults(domains: list[str], path: str) -> Iterator[Problem]:
    def fault(domain: str) -> Fault:
        if is_host_name(domain):
            return None
        plain = domain.lower().lstrip("@*.")
        suggestion = f"did you mean {quoted(plain)}?" if is_host_name(plain) else ""
        return f"{quoted(domain)} is not a domain", suggestion

    yield from each(path, domains, fault)


def _claim(name: str, values: list[str], path: str, keys: dict[str, str], told: frozenset[str]) -> Iterator[Problem]:
    """`told`: claims that say nothing of who somebody is. Of a job `sub` does."""
    if not name.strip():
        yield error(path, "is the condition on a claim without a name")
    elif name in keys:
        yield error(path, f"has a key of its own: {keys[name]}", "the token may cut it short, or not vouch for it")
    elif name in told:
        yield error(path, "says nothing of who somebody is", "for example department, or what your provider calls it")
    elif name in _OF_THE_PROFILE:
        yield warning(path, "is what many providers let people write themselves", "OpenID Connect Core section 5.7")
    if not values:
        yield error(path, "is empty: no value would do, so nobody can have it", "list the values that do")
    yield from each(path, values, _text_fault)


def _auth_age(who: WhoSection, path: str, providers: list[ProviderSection], shortest: int) -> Iterator[Problem]:
    if not who.max_auth_age:
        return
    age = seconds(who.max_auth_age)
    if age is None:
        yield from said(path, duration_fault(who.max_auth_age))
    elif age <= shortest:
        fault = f"{quoted(who.max_auth_age)} is over before anything could be had: {shortest} s are the least"
        yield error(path, fault, "lifetimes.floor is the shortest certificate")
    elif age > SIGN_IN_COUNTS:
        yield warning(path, "is more than the 20h that a sign-in counts anyway")
    for provider in providers:
        if not provider.require_auth_time:
            fault = f"never holds where provider {quoted(provider.name)} does not say when somebody signed in"
            yield warning(path, fault, "require_auth_time = true")


def _sent(who: WhoSection, path: str, provider: ProviderSection) -> Iterator[Problem]:
    """What this provider can't send, or is not believed (trust 1.4)."""
    name = quoted(provider.name)
    if (
        (who.emails or who.domains)
        and provider.scopes
        and "email" not in provider.scopes
        and not provider.trust_email
    ):
        key = "emails" if who.emails else "domains"
        fault = f"provider {name} is not asked for a verified e-mail"
        yield error(f"{path}.{key}", fault, 'add "email" to its scopes')
    if who.groups and provider.issuer == GOOGLE and provider.groups_claim == "groups":
        yield error(f"{path}.groups", "can't hold: Google sends no groups", "go by emails, domains or claims")
    if who.acr and provider.acr_values and not set(who.acr) & set(provider.acr_values):
        fault = f"is none of what provider {name} is asked for: {', '.join(map(quoted, provider.acr_values))}"
        yield warning(f"{path}.acr", fault, "add it to acr_values")
    believed = provider.email_domains if provider.trust_email else [provider.hosted_domain]
    addresses = [(f"emails[{index}]", email) for index, email in enumerate(who.emails)]
    for key, address in [*addresses, *((f"domains[{index}]", domain) for index, domain in enumerate(who.domains))]:
        domain = address.rpartition("@")[2].lower()
        if any(believed) and domain not in believed:
            given = ", ".join(map(quoted, believed))
            fault = f"provider {name} gives out addresses in {given}, as far as this file knows"
            setting = "email_domains" if provider.trust_email else "hosted_domain"
            yield warning(f"{path}.{key}", fault, f"see {setting} of the provider")
