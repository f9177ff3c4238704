"""An OpenID provider, tried from the operator's chair: what it says of itself, its keys, its clock.

Nobody signs in, and nothing that is found is kept. Each finding is one line: what holds, or what does not and what to
do about it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping, Sequence
from email.utils import parsedate_to_datetime

import httpx2

from daypass.ca.ports import Clock, Finding
from daypass.config import ProviderSection
from daypass.errors import Invalid
from daypass.model import discovery_url
from daypass.provisioners.claims import LEEWAY
from daypass.provisioners.discovery import TOTAL_TIMEOUT, get_object, is_loopback, is_safe_url
from daypass.provisioners.jwks import KeySet

__all__ = ["trial"]

_FAILURES = (httpx2.HTTPError, httpx2.InvalidURL, httpx2.StreamError, TimeoutError, OSError, Invalid)
_MOST = 200  # characters of what it says that are shown


async def trial(section: ProviderSection, clock: Clock, http: httpx2.AsyncClient) -> Sequence[Finding]:
    """In this order: discovery, issuer, endpoints, what it can, keys, clock. Raises nothing."""
    url, seen = discovery_url(section.issuer), list[httpx2.Response]()
    try:
        async with asyncio.timeout(TOTAL_TIMEOUT):
            document, _ = await get_object(http, url, seen)
    except _FAILURES as error:
        hint = "issuer has to be spelled as the provider spells it, and this machine has to reach it"
        return [_bad(f"{url} can't be had: {_told(error)}", hint)]
    found = [_good(f"{url} answers"), _issuer(section, document)]
    found += [*_endpoints(section, document), *_abilities(section, document)]
    found += [await _keys(section, document, http), *_clock(clock, seen)]
    return found


def _issuer(section: ProviderSection, document: Mapping[str, object]) -> Finding:
    """Discovery 1.0 section 4.3: exactly the same."""
    said = document.get("issuer")
    if said == section.issuer:
        return _good(f"it calls itself {section.issuer}")
    hint = f"issuer = {_shown(said)} for provider {section.name}, if that is who you mean"
    return _bad(f"it calls itself {_shown(said)}, not {section.issuer}", hint)


def _endpoints(section: ProviderSection, document: Mapping[str, object]) -> Iterator[Finding]:
    signs_in = "nobody can sign in without it"
    wanted = {"authorization_endpoint": signs_in, "token_endpoint": signs_in}
    if section.groups_from == "userinfo":
        wanted["userinfo_endpoint"] = 'groups_from = "userinfo" asks it'
    if section.device_client_id:
        wanted["device_authorization_endpoint"] = "device_client_id needs it"
    if section.recheck is not None and section.recheck.by == "introspection":
        wanted["introspection_endpoint"] = "recheck asks it"
    loopback, missing = is_loopback(section.issuer), False
    for name, why in wanted.items():
        url = document.get(name)
        if not isinstance(url, str) or not is_safe_url(url, loopback=loopback):
            missing = True
            yield _bad(f"its {name} is {_shown(url) if url else 'missing'}: no https URL", why)
    if not missing:
        yield _good(f"it has {', '.join(wanted)}")


def _abilities(section: ProviderSection, document: Mapping[str, object]) -> Iterator[Finding]:
    """Each list is the provider's to give (Discovery 1.0 section 3); what it does not say is not held against it."""
    signs = _listed(document, "id_token_signing_alg_values_supported")
    common = [name for name in section.algorithms if name in signs]
    if signs and not common:
        hint = f"algorithms = [{', '.join(_shown(each) for each in signs)}], of those that are accepted here"
        yield _bad(f"it signs by {', '.join(signs)}, and none of that is in algorithms", hint)
    elif signs:
        yield _good(f"it signs by {', '.join(common)}")
    challenges = _listed(document, "code_challenge_methods_supported")
    if challenges and "S256" not in challenges:
        yield _bad(f"it knows PKCE by {', '.join(challenges)} only", "S256 has to be allowed there (RFC 7636)")
    for key, listed in (("scopes", "scopes_supported"), ("acr_values", "acr_values_supported")):
        offered = _listed(document, listed)
        unknown = [each for each in getattr(section, key) if offered and each not in offered]
        if unknown:
            offers = ", ".join(offered)[:_MOST]
            yield _bad(f"{key} has {', '.join(unknown)}, and it does not list that", f"it lists {offers}")


async def _keys(section: ProviderSection, document: Mapping[str, object], http: httpx2.AsyncClient) -> Finding:
    uri = document.get("jwks_uri")
    if not isinstance(uri, str) or not is_safe_url(uri, loopback=is_loopback(section.issuer)):
        return _bad(f"its jwks_uri is {_shown(uri) if uri else 'missing'}: no https URL", "nothing can be verified")
    try:
        async with asyncio.timeout(TOTAL_TIMEOUT):
            answer, _ = await get_object(http, uri)
        usable = KeySet.parse(answer, section.algorithms)
    except _FAILURES as error:
        return _bad(f"its keys can't be had from {uri}: {_told(error)}", "nobody can sign in once ours are a day old")
    signing = sorted({algorithm for _, algorithm in usable.keys})
    count = len({id(each) for each in usable.keys.values()})
    if not signing:
        return _bad(f"{uri} has no key for {', '.join(section.algorithms)}", "see algorithms of the provider")
    return _good(f"it publishes {count} key(s) for {', '.join(signing)}")


def _clock(clock: Clock, seen: Sequence[httpx2.Response]) -> Iterator[Finding]:
    """By the Date of its answer (RFC 9110 section 6.6.1), in whole seconds; some proxies send none."""
    try:
        theirs = parsedate_to_datetime(seen[0].headers["date"]).timestamp()
    except (KeyError, IndexError, ValueError):
        return
    ahead = round(theirs - clock.now())
    said = f"its clock is {abs(ahead)} s {'ahead of' if ahead > 0 else 'behind'} this machine's"
    if abs(ahead) > LEEWAY:
        yield _bad(said, f"more than {LEEWAY} s refuse tokens: timedatectl on this machine says whether it is ours")
    else:
        yield _good(said if ahead else "its clock agrees with this machine's")


def _listed(document: Mapping[str, object], name: str) -> list[str]:
    value = document.get(name)
    return [each for each in value if isinstance(each, str)] if isinstance(value, list) else []


def _told(error: Exception) -> str:
    return (error.message if isinstance(error, Invalid) else str(error))[:_MOST] or type(error).__name__


def _shown(value: object) -> str:
    return f'"{str(value)[:_MOST]}"'


def _good(what: str) -> Finding:
    return Finding(ok=True, what=what)


def _bad(what: str, hint: str) -> Finding:
    return Finding(ok=False, what=what, hint=hint)
