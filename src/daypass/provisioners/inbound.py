"""What one provider sends of its own accord, verified: logout tokens and security events."""

from __future__ import annotations

from urllib.parse import urlsplit

import httpx2

from daypass.ca.inbound_ports import Feed, LogoutToken, SecurityEvents
from daypass.ca.ports import Clock
from daypass.config import ProviderSection, SignalsSection
from daypass.errors import Invalid, NotFound
from daypass.provisioners.discovery import ProviderKeys, get_object
from daypass.provisioners.events import check_events
from daypass.provisioners.feed import PolledFeed
from daypass.provisioners.logout import check_logout
from daypass.provisioners.outward import require_outward
from daypass.provisioners.subjects import Subjects
from daypass.provisioners.verifying import check_key_issuer, claims_of, parsed, verified

__all__ = ["InboundReader"]


class InboundReader:
    """Implements `daypass.ca.inbound_ports.Reader`. `keys`: those that the provider signs ID tokens with."""

    def __init__(self, section: ProviderSection, keys: ProviderKeys, clock: Clock, http: httpx2.AsyncClient) -> None:
        self._section, self._keys, self._clock = section, keys, clock
        self._transmitter = _Transmitter(section, section.signals, keys, clock, http) if section.signals else None

    @property
    def takes_logout(self) -> bool:
        return self._section.logout

    @property
    def takes_events(self) -> bool:
        return self._transmitter is not None

    @property
    def feed(self) -> Feed | None:
        return self._transmitter.feed if self._transmitter is not None else None

    async def logout(self, token: str) -> LogoutToken:
        if not self.takes_logout:
            raise NotFound("this CA takes no logouts from that provider", code="inbound.off")
        jws = parsed(token)
        key = await verified(jws, self._keys, self._section.algorithms)
        claims = claims_of(jws)
        read = check_logout(claims, jws.header, self._section, self._clock.now())
        check_key_issuer(key, read.issuer, claims)
        return read

    async def events(self, token: str) -> SecurityEvents:
        if self._transmitter is None:
            raise NotFound("this CA takes no security events from that provider", code="inbound.off")
        return await self._transmitter.read(token)


class _Transmitter:
    """Of Shared Signals. It may be the provider itself, or speak for it under another name with keys of its own."""

    def __init__(
        self,
        section: ProviderSection,
        signals: SignalsSection,
        keys: ProviderKeys,
        clock: Clock,
        http: httpx2.AsyncClient,
    ) -> None:
        self._signals, self._clock, self._http = signals, clock, http
        self._issuer = signals.issuer or section.issuer
        self._subjects = Subjects(section, self._issuer)
        self._algorithms = signals.algorithms or section.algorithms
        own = not signals.issuer and not signals.jwks_uri and set(self._algorithms) <= set(section.algorithms)
        name = f"{section.name} (signals)"
        self._keys = keys if own else ProviderKeys(name, self._issuer, self._algorithms, clock, http, self._where)
        self.feed = PolledFeed(section.name, signals, http) if signals.poll_url else None

    async def read(self, token: str) -> SecurityEvents:
        jws = parsed(token)
        await verified(jws, self._keys, self._algorithms)
        return check_events(
            claims_of(jws),
            jws.header,
            issuer=self._issuer,
            audience=self._signals.audience,
            subjects=self._subjects,
            now=self._clock.now(),
        )

    async def _where(self) -> object:
        """Shared Signals 1.0 section 7.2: the well-known part stands between host and path."""
        if self._signals.jwks_uri:
            return self._signals.jwks_uri
        parts = urlsplit(self._issuer)
        path = parts.path.rstrip("/")
        url = f"{parts.scheme}://{parts.netloc}/.well-known/ssf-configuration{path}"
        found, _ = await get_object(self._http, url)
        if found.get("issuer") != self._issuer:
            raise Invalid(f"it calls itself {found.get('issuer')!r:.200}, not {self._issuer!r}", code="oidc.issuer")
        where = found.get("jwks_uri")
        if isinstance(where, str):
            await require_outward(where, self._issuer)
        return where
