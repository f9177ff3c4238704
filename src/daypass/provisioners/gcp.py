"""Hosts on Google Cloud, by the identity token of their instance, format=full (trust 5.4).

Its audience says which CA and which keys it was made for (`wire.clouddocs.google_audience`), so one that somebody
else was given is worth nothing here. Only a token with `google.compute_engine` is an instance's: any service account
can have one without.
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Mapping, Sequence
from hmac import compare_digest

import httpx2
from msgspec.structs import replace

from daypass.ca.ports import Clock, Finding
from daypass.config import CloudSection
from daypass.errors import DaypassError
from daypass.model import GOOGLE, Credential, Proof
from daypass.provisioners.discovery import ProviderKeys
from daypass.provisioners.hostproof import prove
from daypass.provisioners.instance import (
    LEEWAY,
    Instance,
    Prove,
    proof,
    refused,
    require_expected,
    require_possession,
    require_proven,
    text_members,
)
from daypass.provisioners.jose import CompactJws
from daypass.provisioners.oidc import glance
from daypass.provisioners.verifying import claims_of, parsed, verified
from daypass.wire.clouddocs import GOOGLE_AUDIENCE, google_audience

__all__ = ["GcpProvisioner"]

Tags = Callable[[Instance], Awaitable[Mapping[str, str]]]
"""What the instance is labelled with. Raises Unavailable, Unauthenticated."""

ALGORITHMS = ("RS256",)
MAX_AGE = 600  # seconds since the token was made
_GRAMMAR = {
    "instance_id": re.compile(r"[0-9]{1,20}"),
    "instance_name": re.compile(r"[a-z]([a-z0-9-]{0,61}[a-z0-9])?"),
    "project_id": re.compile(r"[a-z][a-z0-9:.-]{4,61}[a-z0-9]"),
    "zone": re.compile(r"[a-z]+(-[a-z]+)*-[a-z0-9]+-[a-z]"),
}


class GcpProvisioner:
    """One `[[clouds]]` table with type = "gcp". `issuer`: Google's, but for tests."""

    type = "gcp"

    def __init__(
        self,
        section: CloudSection,
        ca_id: bytes,
        clock: Clock,
        http: httpx2.AsyncClient,
        tags: Tags | None = None,
        prove: Prove = prove,
        issuer: str = GOOGLE,
    ) -> None:
        self._section, self._ca_id, self._clock = section, ca_id, clock
        self._tags, self._prove, self._issuer = tags, prove, issuer
        self.keys = ProviderKeys(section.name, issuer, ALGORITHMS, clock, http)

    @property
    def name(self) -> str:
        return self._section.name

    def recognises(self, token: str) -> bool:
        """By issuer, our form of audience, and project, since a CA can have several tables."""
        try:
            claims = glance(token)
            fits = claims.iss == self._issuer and isinstance(claims.aud, str)
            return fits and str(claims.aud).startswith(GOOGLE_AUDIENCE) and self._expects(token)
        except (ValueError, RecursionError):
            return False

    def _expects(self, token: str) -> bool:
        try:
            engine = _engine(claims_of(CompactJws.parse(token)))
        except DaypassError:
            return False
        named = {str(engine.get("project_id")), str(engine.get("project_number"))}
        return not named.isdisjoint(self._section.accounts)

    async def test(self) -> Sequence[Finding]:
        """Whether Google's keys can be had."""
        try:
            await self.keys.find(None, ALGORITHMS[0], anew=True)
        except DaypassError as error:
            return [Finding(ok=False, what=error.message, hint=error.hint or "")]
        return [Finding(ok=True, what=f"{self._issuer} answers, and publishes its keys")]

    async def authenticate(self, credential: Credential) -> Proof:
        """Raises Unauthenticated, Denied (its name), Unavailable (Google's keys, labels)."""
        require_possession(credential)
        jws = parsed(credential.token.reveal())
        await verified(jws, self.keys, ALGORITHMS)
        claims, now = claims_of(jws), self._clock.now()
        self._require_ours(claims, credential)
        instance = _instance(claims, _times(claims, now))
        if self._section.service_accounts and claims.get("sub") not in self._section.service_accounts:
            raise refused("service-account", f"the instance runs as none of the service accounts of {self.name}")
        ends = require_expected(self._section, instance, now)
        await require_proven(self._section, self._prove, credential.address, credential)
        if self._tags is not None and self._section.tags:
            instance = replace(instance, tags=await self._tags(instance))
        return proof(self._section, instance, ends, now, bound=True)

    def _require_ours(self, claims: Mapping[str, object], credential: Credential) -> None:
        audience = claims.get("aud")
        if claims.get("iss") != self._issuer:
            raise refused("issuer", "the identity token is not Google's")
        expected = google_audience(self._ca_id, credential.keys)
        if not isinstance(audience, str) or not compare_digest(audience.encode(), expected.encode()):
            raise refused("audience", "the identity token was made for another CA, or for other keys")


def _times(claims: Mapping[str, object], now: float) -> int:
    """When the token is good no more, unix seconds."""
    issued, expires = claims.get("iat"), claims.get("exp")
    if type(issued) is not int or type(expires) is not int:
        raise refused("time", "the identity token does not say when it was made")
    ends = min(expires + LEEWAY, issued + MAX_AGE)
    if issued > now + LEEWAY or now >= ends:
        raise refused(
            "time", "the identity token is too old, or of the future", "fetch a fresh one; are clocks right?"
        )
    return ends


def _engine(claims: Mapping[str, object]) -> Mapping[str, object]:
    google = claims.get("google")
    engine = google.get("compute_engine") if isinstance(google, dict) else None
    if not isinstance(engine, dict):
        raise refused("document", "the identity token is of no instance", "fetch it with format=full")
    return engine


def _instance(claims: Mapping[str, object], ends: int) -> Instance:
    engine = _engine(claims)
    texts = text_members(engine, tuple(_GRAMMAR))
    for name, form in _GRAMMAR.items():
        if not form.fullmatch(texts[name]):
            raise refused("document", f"the identity token's {name} is not in its form")
    created, number = engine.get("instance_creation_timestamp"), engine.get("project_number")
    if type(created) is not int or type(number) is not int or created <= 0:
        raise refused("document", "the identity token does not say when the instance was made, or in which project")
    region = texts["zone"].rpartition("-")[0]
    return Instance(
        issuer=str(claims["iss"]),
        id=texts["instance_id"],
        account=texts["project_id"],
        accounts=(texts["project_id"], str(number)),
        region=region,
        started=created,
        valid_until=ends,
        values={
            "instance": texts["instance_id"],
            "account": texts["project_id"],
            "number": str(number),
            "region": region,
            "zone": texts["zone"],
            "name": texts["instance_name"],
        },
        claims={"service_account": claims.get("sub")},
    )
