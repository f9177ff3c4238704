"""Where a provider's keys come from: OpenID Connect Discovery 1.0 section 4, then its JWK set.

Fetched when first needed, so that a provider that is down at start is simply asked again. Kept for as long as
the provider says, within 5 minutes and 12 hours; asked early for an unknown key id, twice a minute at most and
once for everybody who waits; usable for a day while the provider is down. With keys at hand nothing here awaits.
"""

from __future__ import annotations

import asyncio
import logging
import re
from collections.abc import Awaitable, Callable, Collection, Mapping
from dataclasses import dataclass
from ipaddress import ip_address
from ssl import SSLContext
from urllib.parse import urlsplit

import httpx2

from daypass.ca.ports import Clock
from daypass.errors import Invalid, Unavailable
from daypass.model import discovery_url
from daypass.provisioners.jose import parse_object
from daypass.provisioners.jwks import KeySet, ProviderKey
from daypass.provisioners.outward import require_outward

__all__ = [
    "SHORTEST",
    "TOTAL_TIMEOUT",
    "ProviderKeys",
    "get_object",
    "is_loopback",
    "is_safe_url",
    "metadata",
    "provider_client",
    "read_body",
]

SHORTEST, LONGEST = 5 * 60, 12 * 3600  # seconds a key set is fresh, whatever the provider says
STALE = 24 * 3600  # seconds a key set may serve while the provider can't be asked
PAUSE = 30  # seconds between two fetches while there are keys
PAUSE_WITHOUT_KEYS = 5
CONNECT_TIMEOUT, TOTAL_TIMEOUT = 5, 10
MAX_ANSWER = 256 * 1024
_ASKED = ("jwks_uri", "userinfo_endpoint", "token_endpoint", "introspection_endpoint")  # by this CA
_MAX_AGE = re.compile(r"(?:^|[\s,])max-age=\"?(\d{1,9})", re.IGNORECASE)

_log = logging.getLogger(__name__)


def provider_client(verify: SSLContext | bool = True) -> httpx2.AsyncClient:
    """A client for identity providers: the system's trust store (or `verify`) and proxy variables, no redirects."""
    timeout = httpx2.Timeout(TOTAL_TIMEOUT, connect=CONNECT_TIMEOUT)
    return httpx2.AsyncClient(timeout=timeout, verify=verify, trust_env=True, follow_redirects=False)


def is_loopback(url: str) -> bool:
    host = urlsplit(url).hostname or ""
    try:
        return host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        return False


def is_safe_url(url: str, *, loopback: bool) -> bool:
    """https, or plain http to this very machine where `loopback` allows it; no user name, no fragment."""
    try:
        parts = urlsplit(url)
        port = parts.port  # fails on one that can't be
        plain = parts.scheme == "http" and loopback and is_loopback(url)
    except ValueError:
        return False
    clean = parts.hostname and not parts.fragment and parts.username is None and url.isascii() and url.isprintable()
    return bool(clean) and port != 0 and (parts.scheme == "https" or plain)


@dataclass(frozen=True, slots=True)
class _Fetched:
    keys: KeySet
    at: float  # monotonic
    fresh_until: float


class ProviderKeys:
    """One provider's keys. Lives on one event loop. `where` gives the address of its key set, for those that are no
    OpenID provider."""

    def __init__(
        self,
        name: str,
        issuer: str,
        algorithms: Collection[str],
        clock: Clock,
        http: httpx2.AsyncClient,
        where: Callable[[], Awaitable[object]] | None = None,
    ) -> None:
        self._name, self._issuer, self._algorithms = name, issuer, algorithms
        self._clock, self._http = clock, http
        self._where = where or self._discovered
        self._fetched: _Fetched | None = None
        self._next_fetch = float("-inf")
        self._flight: asyncio.Task[None] | None = None

    async def find(self, kid: str | None, algorithm: str, *, anew: bool = False) -> ProviderKey | None:
        """The key that fits, after asking the provider again where that may help (`anew`: where there is one, too).

        Raises Unavailable if the provider can't be asked and has left no usable keys.
        """
        fetched = self._fetched
        if fetched is not None and self._clock.monotonic() < fetched.fresh_until and not anew:
            key = fetched.keys.find(kid, algorithm)
            if key is not None:
                return key
        await self._refresh()
        return self._usable().find(kid, algorithm)

    def _usable(self) -> KeySet:
        if self._fetched is not None and self._clock.monotonic() < self._fetched.at + STALE:
            return self._fetched.keys
        raise Unavailable(
            f'the identity provider "{self._name}" can\'t be asked for its keys right now',
            code="oidc.provider",
            hint="try again in a minute; if it lasts, the CA's log says what the provider answered",
            retry_after=PAUSE_WITHOUT_KEYS,
        )

    async def _refresh(self) -> None:
        """Fetch, once for everyone who waits, and not sooner than the pause after the last time allows."""
        if self._flight is None:
            if self._clock.monotonic() < self._next_fetch:
                return
            self._flight = asyncio.create_task(self._fetch())
        await asyncio.shield(self._flight)  # one caller who hangs up does not stop it for the others

    async def _fetch(self) -> None:
        try:
            async with asyncio.timeout(TOTAL_TIMEOUT):
                keys, lifetime = await self._load()
            now = self._clock.monotonic()
            self._fetched = _Fetched(keys, now, now + lifetime)
        except (httpx2.HTTPError, httpx2.InvalidURL, TimeoutError, OSError, Invalid) as error:
            _log.warning("provider %s: keys not fetched: %s", self._name, str(error) or type(error).__name__)
        finally:
            pause = PAUSE if self._fetched is not None else PAUSE_WITHOUT_KEYS
            self._next_fetch = self._clock.monotonic() + pause
            self._flight = None

    async def _load(self) -> tuple[KeySet, int]:
        uri = await self._where()
        if not isinstance(uri, str) or not is_safe_url(uri, loopback=is_loopback(self._issuer)):
            raise Invalid("its jwks_uri is not an https URL", code="oidc.discovery")
        key_set, lifetime = await get_object(self._http, uri)
        return KeySet.parse(key_set, self._algorithms), lifetime

    async def _discovered(self) -> object:
        return (await metadata(self._http, self._issuer)).get("jwks_uri")


async def metadata(http: httpx2.AsyncClient, issuer: str) -> Mapping[str, object]:
    """What a provider says of itself. Raises Invalid for what is no such document, and what httpx2 raises."""
    document, _ = await get_object(http, discovery_url(issuer))
    if document.get("issuer") != issuer:  # Discovery 1.0 section 4.3: exactly, or someone lies
        raise Invalid(f"it calls itself {document.get('issuer')!r:.200}, not {issuer!r}", code="oidc.issuer")
    for url in (document.get(name) for name in _ASKED):
        if isinstance(url, str) and is_safe_url(url, loopback=is_loopback(issuer)):
            await require_outward(url, issuer)
    return document


async def get_object(
    http: httpx2.AsyncClient, url: str, seen: list[httpx2.Response] | None = None
) -> tuple[Mapping[str, object], int]:
    """A JSON object and how long it is fresh, in seconds. `seen` takes the response and its headers."""
    headers = {"Accept": "application/json", "Accept-Encoding": "identity"}
    async with http.stream("GET", url, headers=headers, follow_redirects=False) as response:
        if seen is not None:
            seen.append(response)
        if response.status_code != 200:
            raise Invalid(f"{url} answered with status {response.status_code}", code="oidc.discovery")
        body = await read_body(response)
    try:
        return parse_object(body), _lifetime(response.headers.get("cache-control", ""))
    except Invalid as error:
        raise Invalid(f"{url}: {error.message}", code="oidc.discovery") from error


async def read_body(response: httpx2.Response) -> bytes:
    """What a provider answered to a request for `identity`: nothing can unpack to more than it is. Raises Invalid."""
    url = response.request.url
    if "content-encoding" in response.headers:
        raise Invalid(f"{url} answered in an encoding that was not asked for", code="oidc.discovery")
    body = bytearray()
    async for chunk in response.aiter_raw():
        body += chunk
        if len(body) > MAX_ANSWER:
            raise Invalid(f"{url} sent more than {MAX_ANSWER} bytes", code="oidc.discovery")
    return bytes(body)


def _lifetime(cache_control: str) -> int:
    """Seconds, from `max-age` (RFC 9111 section 5.2.2.1), within our bounds; the least where it is not given."""
    found = _MAX_AGE.search(cache_control)
    return min(max(int(found[1]) if found else 0, SHORTEST), LONGEST)
