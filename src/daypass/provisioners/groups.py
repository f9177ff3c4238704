"""Groups that a token leaves out, asked of the provider itself with the person's own access token (`groups_from`).

Some providers put none into the token, and Entra leaves them out where there are many ("overage"): `_claim_names` or
`hasgroups` stands there instead. What is cut short is never taken for a list: what was left out is fetched, or the
sign-in fails with the setting that would fetch it.

The access token is believed in nothing: what it opens has to be the account of the ID token, whose signature has been
verified before. It is shown to the provider alone.
"""

from __future__ import annotations

import asyncio
import hashlib
import logging
import re
from base64 import urlsafe_b64encode

import httpx2

from daypass.ca.ports import Clock
from daypass.config import ProviderSection
from daypass.errors import Invalid, Misconfigured, Unauthenticated, Unavailable
from daypass.model import MAX_TOKEN, Secret, graph_of
from daypass.provisioners.claims import Claims, IdToken, refused, strings
from daypass.provisioners.discovery import (
    SHORTEST,
    TOTAL_TIMEOUT,
    is_loopback,
    is_safe_url,
    metadata,
    read_body,
)
from daypass.provisioners.jose import parse_object

__all__ = ["MAX_GROUP", "Groups", "named"]

MAX_GROUP = 256  # characters
MAX_GROUPS = 10_000  # of one person; Graph is asked for pages of 999
_PAGE = 999

_BEARER = re.compile(r"[A-Za-z0-9._~+/-]+=*")  # RFC 6750 section 2.1; anything else would stand in h11's complaint
_HASHES = {"256": hashlib.sha256, "384": hashlib.sha384, "512": hashlib.sha512}
_FAILURES = (httpx2.HTTPError, httpx2.InvalidURL, httpx2.StreamError, TimeoutError, OSError, Invalid)
_log = logging.getLogger(__name__)


def named(claims: Claims, name: str) -> frozenset[str]:
    """The groups in a claim. Raises Unauthenticated for a claim of another shape."""
    groups = strings(*_innermost(claims, name))
    if any(len(group) > MAX_GROUP for group in groups):
        raise refused("claim", "the token names a group that is too long", "tell the operator of this CA")
    return frozenset(groups)


def _innermost(claims: Claims, name: str) -> tuple[Claims, str]:
    """Where `name` is a path, `/realm_access/roles` (RFC 6901), the object it leads to and the last name of it."""
    if not name.startswith("/"):
        return claims, name
    *outer, last = (each.replace("~1", "/").replace("~0", "~") for each in name[1:].split("/"))
    for each in outer:
        within = claims.get(each)
        if within is not None and not isinstance(within, dict):
            raise refused("claim", f"the token's {each} is not what it has to be", "tell the operator of this CA")
        claims = within or {}
    return claims, last


def _says(claims: Claims, name: str) -> bool:
    inner, last = _innermost(claims, name)
    return inner.get(last) is not None


class Groups:
    """Of one provider's people. Lives on one event loop."""

    def __init__(self, section: ProviderSection, clock: Clock, http: httpx2.AsyncClient) -> None:
        self._section, self._clock, self._http = section, clock, http
        self._userinfo, self._until = "", float("-inf")  # its address, and until when it is not asked for again

    async def of(self, token: IdToken, algorithm: str, access: Secret | None) -> frozenset[str]:
        """Those in the token, else those the provider names. `algorithm`: what the token is signed with.

        Raises Unauthenticated where they can't be known, Unavailable where the provider can't be asked.
        """
        name, source = self._section.groups_claim, self._section.groups_from
        if source == "scim":  # the directory says them, whatever a token holds
            return frozenset()
        cut = _is_cut_short(token.claims, name)
        if not cut and _says(token.claims, name):
            return named(token.claims, name)
        if source == "token":
            if cut:
                raise self._cut_short()
            return frozenset()
        bearer = self._checked(token, algorithm, access)
        try:
            async with asyncio.timeout(TOTAL_TIMEOUT):
                ask = self._from_graph if source == "graph" else self._from_userinfo
                return await ask(token, bearer)
        except _FAILURES as error:
            _log.warning(
                "provider %s: groups not fetched: %s", self._section.name, str(error) or type(error).__name__
            )
            raise self._down() from None

    def _checked(self, token: IdToken, algorithm: str, access: Secret | None) -> str:
        """The access token, if it can be the one that came with this ID token (Core section 3.1.3.6)."""
        bearer = access.reveal() if access else ""
        if not bearer:
            raise refused(
                "access-token",
                "the token does not say which groups you are in, and no access token came with it to ask for them",
                "sign in with a current daypass login: other clients, step's too, send none",
            )
        at_hash = token.claims.get("at_hash")
        if len(bearer) > MAX_TOKEN or not _BEARER.fullmatch(bearer):
            raise refused("access-token", "what came as access token is none")
        if at_hash is not None and at_hash != _hash(bearer, algorithm):
            raise refused("access-token", "the access token was not issued with the ID token")
        return bearer

    # -- userinfo (OpenID Connect Core 1.0 section 5.3) -----------------------------------------------------------

    async def _from_userinfo(self, token: IdToken, bearer: str) -> frozenset[str]:
        claims = await self._get(await self._endpoint(), bearer)
        if claims.get("sub") != token.subject:  # section 5.3.2: else it is a token of somebody else
            raise refused("access-token", "the access token is another account's than the ID token")
        if _is_cut_short(claims, self._section.groups_claim):
            raise self._cut_short()
        return named(claims, self._section.groups_claim)

    async def _endpoint(self) -> str:
        if self._clock.monotonic() >= self._until:
            found = (await metadata(self._http, self._section.issuer)).get("userinfo_endpoint")
            if not isinstance(found, str) or not is_safe_url(found, loopback=is_loopback(self._section.issuer)):
                raise Invalid("its userinfo_endpoint is not an https URL", code="oidc.discovery")
            self._userinfo, self._until = found, self._clock.monotonic() + SHORTEST
        return self._userinfo

    # -- Microsoft Graph ------------------------------------------------------------------------------------------

    async def _from_graph(self, token: IdToken, bearer: str) -> frozenset[str]:
        """Object ids of groups, also those a person is in by way of others, as Entra's own claim has them."""
        base = graph_of(self._section.issuer)
        if base is None:
            raise Invalid("it is no Entra, and so has no Microsoft Graph", code="oidc.groups")
        me = await self._get(f"{base}/v1.0/me?$select=id", bearer)
        if not me.get("id") or me["id"] != token.claims.get("oid"):
            raise refused("access-token", "the access token is another account's than the ID token")
        url, found = f"{base}/v1.0/me/transitiveMemberOf?$select=id&$top={_PAGE}", list[object]()
        while url:
            page = await self._get(url, bearer)
            found += _groups_on(page)
            if len(found) > MAX_GROUPS:
                raise refused("groups", f"you are in more than {MAX_GROUPS} groups", "tell the operator of this CA")
            url = _next(page, base)
        return named({"groups": found}, "groups")

    # -- both -----------------------------------------------------------------------------------------------------

    async def _get(self, url: str, bearer: str) -> Claims:
        headers = {"Accept": "application/json", "Accept-Encoding": "identity", "Authorization": f"Bearer {bearer}"}
        async with self._http.stream("GET", url, headers=headers, follow_redirects=False) as response:
            if response.status_code in (401, 403):
                raise self._not_allowed(response.status_code)
            if response.status_code != 200:
                address = url.partition("?")[0]
                raise Invalid(f"{address} answered with status {response.status_code}", code="oidc.groups")
            body = await read_body(response)
        return parse_object(body)

    def _not_allowed(self, status: int) -> Unauthenticated:
        source = self._section.groups_from
        _log.warning("provider %s: %s refused the access token: %d", self._section.name, source, status)
        return refused(
            "access-token",
            "the identity provider does not tell your groups for the access token that it gave",
            f'sign in again; if it stays so, operator: scopes of provider "{self._section.name}" must allow {source}',
        )

    def _cut_short(self) -> Misconfigured:
        name, now = self._section.name, self._section.groups_from
        better = "graph" if graph_of(self._section.issuer) else "userinfo"
        return Misconfigured(
            "you are in more groups than the identity provider puts into a token, so it names none",
            code="oidc.groups-cut",
            hint=f'operator: groups_from = "{better}" for provider "{name}" in daypass.toml (it is "{now}"), '
            "or have the provider name only groups that are assigned to this application",
        )

    def _down(self) -> Unavailable:
        return Unavailable(
            f'the identity provider "{self._section.name}" can\'t be asked for your groups right now',
            code="oidc.groups",
            hint="try again in a minute; if it lasts, the CA's log says what the provider answered",
            retry_after=5,
        )


def _is_cut_short(claims: Claims, name: str) -> bool:
    """Entra's overage, and any other distributed claim (Core section 5.6.2). The address in it is not followed."""
    elsewhere = claims.get("_claim_names")
    distributed = isinstance(elsewhere, dict) and name in elsewhere
    return distributed or (name == "groups" and claims.get("hasgroups") in (True, "true"))


def _hash(bearer: str, algorithm: str) -> str:
    """The left half of the hash that goes with the signature; for Ed25519 that is SHA-512."""
    digest = _HASHES.get(algorithm[-3:], hashlib.sha512)(bearer.encode()).digest()
    return urlsafe_b64encode(digest[: len(digest) // 2]).rstrip(b"=").decode()


def _groups_on(page: Claims) -> list[object]:
    """Not the directory roles and administrative units that are listed among them."""
    entries = page.get("value")
    if not isinstance(entries, list) or not all(isinstance(each, dict) for each in entries):
        raise Invalid("Microsoft Graph sent no list", code="oidc.groups")
    return [each.get("id") for each in entries if each.get("@odata.type") == "#microsoft.graph.group"]


def _next(page: Claims, base: str) -> str:
    url = page.get("@odata.nextLink", "")
    if not isinstance(url, str) or (url and not url.startswith(f"{base}/v1.0/")):
        raise Invalid("Microsoft Graph leads elsewhere for the next page", code="oidc.groups")
    return url
