"""The CA as a web client of an identity provider, for sign-ins at its own pages (trust 8.2).

Authorization code with PKCE (OpenID Connect Core 1.0 section 3.1, RFC 7636 with S256 only). The endpoints are those
of the discovery document; no redirect is followed, no answer read without end. Whether the token that comes back is
any good is for `oidc` to say.
"""

from __future__ import annotations

import asyncio
import logging
from base64 import b64encode
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import quote, urlencode, urlsplit

import httpx2

from daypass.ca.ports import Clock
from daypass.config import ProviderSection
from daypass.errors import DaypassError, Denied, Invalid, Misconfigured, Unauthenticated, Unavailable
from daypass.model import Redeemed, Secret, asked_of_sign_in, issuer_fits, parse_duration
from daypass.provisioners.discovery import (
    SHORTEST,
    TOTAL_TIMEOUT,
    is_loopback,
    is_safe_url,
    metadata,
    read_body,
)
from daypass.provisioners.jose import MAX_TOKEN, parse_object
from daypass.provisioners.oidc import glance

__all__ = ["WebClient"]

_FAILURES = (httpx2.HTTPError, httpx2.InvalidURL, httpx2.StreamError, TimeoutError, OSError, Invalid)
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class _Endpoints:
    authorize: str
    token: str
    sends_issuer: bool  # RFC 9207 section 3
    basic: bool  # client_secret_basic rather than client_secret_post
    until: float  # monotonic


class WebClient:
    """Implements `ca.ports.WebSignIn` for one `[[providers]]` table. Lives on one event loop."""

    def __init__(self, section: ProviderSection, clock: Clock, http: httpx2.AsyncClient) -> None:
        self._section, self._clock, self._http = section, clock, http
        own = section.client_id, section.client_secret
        pages = section.web_client_id, section.web_client_secret
        self._client_id, self._secret = pages if section.web_client_id else own
        self._endpoints: _Endpoints | None = None

    @property
    def name(self) -> str:
        return self._section.name

    @property
    def host(self) -> str:
        return urlsplit(self._section.issuer).hostname or self._section.issuer

    async def url(self, nonce: str, state: str, challenge: str, redirect: str, *, fresh: bool = False) -> str:
        endpoints = await self._known()
        query = {
            "response_type": "code",
            "client_id": self._client_id,
            "redirect_uri": redirect,
            "scope": " ".join(dict.fromkeys(["openid", *self._section.scopes])),
            "state": state,
            "nonce": nonce,
            "code_challenge": challenge,
            "code_challenge_method": "S256",
        }
        max_age = parse_duration(self._section.max_age) if self._section.max_age else None
        query |= asked_of_sign_in(self._section.issuer, self._section.acr_values, max_age, fresh=fresh)
        separator = "&" if "?" in endpoints.authorize else "?"
        return endpoints.authorize + separator + urlencode(query, quote_via=quote)

    async def check_issuer(self, issuer: str | None) -> None:
        """RFC 9207 section 2.4: the right one; missing only where the provider does not promise it."""
        if issuer is None and not (await self._known()).sends_issuer:
            return
        if issuer is None or not issuer_fits(self._section.issuer, issuer):
            raise Unauthenticated(
                "the answer does not come from the identity provider that was asked",
                code="provider.issuer",
                hint="start anew: daypass login --device; if it stays so, tell the CA's operator",
            )

    async def redeem(self, code: str, verifier: str, redirect: str) -> Redeemed:
        endpoints = await self._known()
        form = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": redirect,
            "code_verifier": verifier,
        }
        headers = {"Accept": "application/json", "Accept-Encoding": "identity"}
        if self._secret and endpoints.basic:  # RFC 6749 section 2.3.1: both are form-encoded first
            pair = f"{quote(self._client_id, safe='')}:{quote(self._secret, safe='')}"
            headers["Authorization"] = f"Basic {b64encode(pair.encode()).decode()}"
        else:
            form |= {"client_id": self._client_id} | ({"client_secret": self._secret} if self._secret else {})
        status, answer = await self._post(endpoints.token, form, headers)
        if status != 200:
            raise self._refusal(status, answer)
        access = answer.get("access_token") if self._section.groups_from not in ("token", "scim") else None
        return Redeemed(self._id_token(answer), Secret(access) if isinstance(access, str) and access else None)

    async def _known(self) -> _Endpoints:
        """The endpoints, asked for again every few minutes."""
        known = self._endpoints
        if known is None or self._clock.monotonic() >= known.until:
            try:
                async with asyncio.timeout(TOTAL_TIMEOUT):
                    document = await metadata(self._http, self._section.issuer)
            except _FAILURES as error:
                raise self._down(error) from None
            known = self._endpoints = self._read(document)
        return known

    def _read(self, document: Mapping[str, object]) -> _Endpoints:
        authorize, token = document.get("authorization_endpoint"), document.get("token_endpoint")
        loopback = is_loopback(self._section.issuer)
        for endpoint in (authorize, token):
            if not isinstance(endpoint, str) or not is_safe_url(endpoint, loopback=loopback):
                raise Misconfigured(
                    f'the identity provider "{self.name}" names an endpoint that is not an https URL',
                    code="provider.address",
                    hint="tell the CA's operator",
                )
        methods = document.get("token_endpoint_auth_methods_supported", ["client_secret_basic"])
        return _Endpoints(
            authorize=str(authorize),
            token=str(token),
            sends_issuer=document.get("authorization_response_iss_parameter_supported") is True,
            basic=isinstance(methods, list) and "client_secret_basic" in methods,
            until=self._clock.monotonic() + SHORTEST,
        )

    async def _post(
        self, url: str, form: dict[str, str], headers: dict[str, str]
    ) -> tuple[int, Mapping[str, object]]:
        """Status and JSON object; an answer that is none is an empty one."""
        try:
            async with (
                asyncio.timeout(TOTAL_TIMEOUT),
                self._http.stream("POST", url, data=form, headers=headers, follow_redirects=False) as response,
            ):
                body = await read_body(response)
        except _FAILURES as error:
            raise self._down(error) from None
        try:
            return response.status_code, parse_object(body)
        except Invalid:
            return response.status_code, {}

    def _down(self, error: Exception) -> Unavailable:
        _log.warning("provider %s: not reached: %s", self.name, str(error) or type(error).__name__)
        return Unavailable(
            f'the identity provider "{self.name}" can\'t be asked right now',
            code="oidc.provider",
            hint="try again in a minute; if it lasts, the CA's log says what the provider answered",
            retry_after=5,
        )

    def _refusal(self, status: int, answer: Mapping[str, object]) -> DaypassError:
        """RFC 6749 section 5.2. The provider's own words go to the log, but for what it says of the person."""
        error = answer.get("error")
        said = "".join(each for each in str(error or f"status {status}") if each.isalnum() or each in "_- ")[:64]
        _log.warning("provider %s: the code was not redeemed: %s", self.name, said)
        if status >= 500 or status == 429:
            return Unavailable(
                f'the identity provider "{self.name}" has a problem: {said}',
                code="provider.down",
                hint="start anew in a minute: daypass login --device",
            )
        if error == "invalid_grant":
            return Denied(
                f'the identity provider "{self.name}" took the sign-in back',
                code="provider.invalid_grant",
                hint="start anew; if it stays so, your account may have been disabled there",
            )
        return Misconfigured(
            f'the identity provider "{self.name}" refused the CA: {said}',
            code="provider.refused",
            hint="tell the CA's operator: web_client_id, its secret and the redirect address must fit the provider's",
        )

    def _id_token(self, answer: Mapping[str, object]) -> Secret:
        """Only this provider's: with several, none may bring another one's token."""
        token = answer.get("id_token")
        try:
            ours = isinstance(token, str) and issuer_fits(self._section.issuer, glance(token).iss)
        except (ValueError, RecursionError):
            ours = False
        if isinstance(token, str) and len(token) > MAX_TOKEN:
            raise Misconfigured(
                f'the ID token of "{self.name}" is longer than {MAX_TOKEN} characters: it names very many groups',
                code="token.size",
                hint="tell the CA's operator: the provider should send only groups assigned to this application",
            )
        if not ours:
            raise Unauthenticated(
                f'the identity provider "{self.name}" sent no ID token of its own',
                code="provider.no-id-token",
                hint='tell the CA\'s operator: the scope "openid" must be allowed for this client',
            )
        return Secret(str(token))
