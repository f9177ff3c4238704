"""Asking a provider whether a sign-in still stands: by its refresh token (RFC 6749 section 6, OpenID Connect Core 1.0
section 12), or by introspection of it (RFC 7662).

Of all that can be answered, two things mean that it does not: `invalid_grant` to the one, `"active": false` to the
other. Whatever else goes wrong is the provider's trouble or ours, and nobody's access ends by it (trust 6.10).
"""

from __future__ import annotations

import asyncio
from base64 import b64encode, urlsafe_b64decode
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import quote

import httpx2

from daypass.ca.ports import Clock
from daypass.ca.recheck_ports import Verdict, Word
from daypass.config import ProviderSection, RecheckSection
from daypass.errors import Invalid
from daypass.model import MAX_TOKEN, Secret, parse_duration
from daypass.provisioners.discovery import (
    SHORTEST,
    TOTAL_TIMEOUT,
    is_loopback,
    is_safe_url,
    metadata,
    read_body,
)
from daypass.provisioners.jose import parse_object

__all__ = ["ProviderChecker"]

_FAILURES = (httpx2.HTTPError, httpx2.InvalidURL, httpx2.StreamError, TimeoutError, OSError, Invalid)
_NOT_SENT = (httpx2.ConnectError, httpx2.ConnectTimeout, httpx2.PoolTimeout, httpx2.InvalidURL, httpx2.ProxyError)


@dataclass(frozen=True, slots=True)
class _Endpoint:
    url: str
    basic: bool
    until: float  # monotonic


class ProviderChecker:
    """Implements `ca.recheck_ports.Checker` for a `[[providers]]` table with `recheck`."""

    def __init__(
        self, section: ProviderSection, recheck: RecheckSection, clock: Clock, http: httpx2.AsyncClient
    ) -> None:
        self._section, self._clock, self._http = section, clock, http
        self.every = parse_duration(recheck.every)
        self.rotates = recheck.by == "refresh"
        self._endpoint: _Endpoint | None = None

    async def ask(self, token: Secret, subject: str) -> Word:
        try:
            endpoint = await self._known()
        except _FAILURES as error:
            return Word(Verdict.DOWN, _name(error))
        form, headers = self._client(endpoint)
        if self.rotates:
            form |= {"grant_type": "refresh_token", "refresh_token": token.reveal()}
        else:
            form |= {"token": token.reveal(), "token_type_hint": "refresh_token"}
        try:
            status, answer = await self._post(endpoint.url, form, headers)
        except _NOT_SENT as error:
            return Word(Verdict.DOWN, _name(error))
        except _FAILURES as error:
            return Word(Verdict.UNSURE, _name(error))
        return self._refreshed(status, answer, subject) if self.rotates else _introspected(status, answer)

    def _refreshed(self, status: int, answer: Mapping[str, object], subject: str) -> Word:
        """RFC 6749 sections 5.1 and 5.2."""
        error = answer.get("error")
        if status in (400, 401) and error == "invalid_grant":
            return Word(Verdict.OVER, "invalid_grant")
        if status >= 500 or (status == 200 and not isinstance(answer.get("access_token"), str)):
            return Word(Verdict.UNSURE, _said(status, error))
        if status != 200:
            return Word(Verdict.DOWN, _said(status, error))
        if not self._section.tenants and _subject(answer.get("id_token"), subject) != subject:
            return Word(Verdict.OTHER, "the token is another person's")
        fresh = answer.get("refresh_token")
        usable = isinstance(fresh, str) and 0 < len(fresh) <= MAX_TOKEN
        return Word(Verdict.GOOD, token=Secret(str(fresh)) if usable else None)

    async def _known(self) -> _Endpoint:
        known = self._endpoint
        if known is None or self._clock.monotonic() >= known.until:
            async with asyncio.timeout(TOTAL_TIMEOUT):
                known = self._endpoint = self._read(await metadata(self._http, self._section.issuer))
        return known

    def _read(self, document: Mapping[str, object]) -> _Endpoint:
        name = "token_endpoint" if self.rotates else "introspection_endpoint"
        url = document.get(name)
        if not isinstance(url, str) or not is_safe_url(url, loopback=is_loopback(self._section.issuer)):
            raise Invalid(f"its {name} is no https URL", code="oidc.discovery")
        methods = document.get(f"{name}_auth_methods_supported", ["client_secret_basic"])
        basic = isinstance(methods, list) and "client_secret_basic" in methods
        return _Endpoint(url, basic, self._clock.monotonic() + SHORTEST)

    def _client(self, endpoint: _Endpoint) -> tuple[dict[str, str], dict[str, str]]:
        """Form fields and headers that say which client this is (RFC 6749 section 2.3.1): the laptops' own, which
        the token was given to."""
        section = self._section
        headers = {"Accept": "application/json", "Accept-Encoding": "identity"}
        if section.client_secret and endpoint.basic:
            pair = f"{quote(section.client_id, safe='')}:{quote(section.client_secret, safe='')}"
            return {}, headers | {"Authorization": f"Basic {b64encode(pair.encode()).decode()}"}
        secret = {"client_secret": section.client_secret} if section.client_secret else {}
        return {"client_id": section.client_id} | secret, headers

    async def _post(
        self, url: str, form: dict[str, str], headers: dict[str, str]
    ) -> tuple[int, Mapping[str, object]]:
        async with (
            asyncio.timeout(TOTAL_TIMEOUT),
            self._http.stream("POST", url, data=form, headers=headers, follow_redirects=False) as response,
        ):
            body = await read_body(response)
        try:
            return response.status_code, parse_object(body)
        except Invalid:
            return response.status_code, {}


def _introspected(status: int, answer: Mapping[str, object]) -> Word:
    """RFC 7662 section 2.2. It changes nothing there, so nothing can be unsure."""
    if status == 200 and answer.get("active") is True:
        return Word(Verdict.GOOD)
    if status == 200 and answer.get("active") is False:
        return Word(Verdict.OVER, "active: false")
    return Word(Verdict.DOWN, _said(status, answer.get("error")))


def _subject(token: object, otherwise: str) -> str:
    """Whom the ID token names that came along, if one did (Core section 12.2). It came from the provider itself over
    TLS (section 3.1.3.7, 6)."""
    if not isinstance(token, str):
        return otherwise
    try:
        payload = token[: MAX_TOKEN + 1].split(".")[1]
        return str(parse_object(urlsafe_b64decode(payload + "=" * (-len(payload) % 4))).get("sub"))
    except (IndexError, ValueError, Invalid):
        return ""


def _said(status: int, error: object) -> str:
    text = f"status {status}" + (f", {error}" if isinstance(error, str) else "")
    return "".join(each for each in text if each.isascii() and (each.isalnum() or each in "_-., "))[:100]


def _name(error: BaseException) -> str:
    return error.message if isinstance(error, Invalid) else type(error).__name__
