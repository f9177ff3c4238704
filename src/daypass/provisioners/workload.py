"""Jobs and services: a token of their platform becomes a proof.

Its signature first, then issuer, audience and times; then whether it is bound to the key (`wire.workload`), and who
it is by a claim that never changes hands. Whatever role it may have, policy says.
"""

from __future__ import annotations

import hashlib
import ssl
from collections.abc import Sequence

import httpx2

from daypass.ca.ports import Clock, Finding
from daypass.config import Config, WorkloadSection
from daypass.config.platforms import algorithms_of, audience_of, issuer_of, subject_of
from daypass.errors import DaypassError, Misconfigured, Unauthenticated
from daypass.model import Credential, Identity, Kind, OnceId, Proof, parse_duration
from daypass.provisioners.claims import LEEWAY, Claims, identifier, require_fresh, require_issuer
from daypass.provisioners.discovery import ProviderKeys, provider_client
from daypass.provisioners.jose import CompactJws
from daypass.provisioners.jwksfile import FileKeys
from daypass.provisioners.kubernetes import Review, flattened
from daypass.provisioners.oidc import glance
from daypass.provisioners.verifying import Keys, claims_of, parsed, verified
from daypass.wire.binding import login_act
from daypass.wire.workload import split_audience

__all__ = ["MAX_AGE", "WorkloadProvisioner"]

MAX_AGE = 24 * 3600  # seconds after `iat`: GitLab makes one when the job starts, Kubernetes before the pod does
MAX_SUBJECT = 255
_TYPES = ("JWT", "AT+JWT")  # to an issuer of machines this CA may be a resource (RFC 9068)


class WorkloadProvisioner:
    """One `[[workloads]]` table at work. Raises Misconfigured for what this machine can't use."""

    def __init__(self, section: WorkloadSection, config: Config, clock: Clock, http: httpx2.AsyncClient) -> None:
        self._section, self._clock = section, clock
        self._issuer, self._audience = issuer_of(section), audience_of(section, config)
        self._algorithms, self._subject = algorithms_of(section), subject_of(section)
        self._lifetime = parse_duration(section.lifetime)
        http = _client(section) if section.roots_file else http
        self._keys = self._where_keys_are(http)
        self._review = Review(section, http) if section.review_url else None

    @property
    def name(self) -> str:
        return self._section.name

    @property
    def type(self) -> str:
        return self._section.type

    async def test(self) -> Sequence[Finding]:
        """Whether its keys are to be had."""
        where = self._section.jwks_file or self._section.jwks_uri or self._issuer
        try:
            await self._keys.find(None, self._algorithms[0], anew=True)
        except DaypassError as error:
            return [Finding(ok=False, what=error.message, hint=error.hint or "look at the CA's log")]
        return [Finding(ok=True, what=f"{where} gives the keys; tokens are for the audience {self._audience}")]

    def recognises(self, token: str) -> bool:
        """Whether the token says it is this platform's and for us. Nothing is verified."""
        try:
            claims = glance(token)
        except (ValueError, RecursionError):
            return False
        audiences = [claims.aud] if isinstance(claims.aud, str) else claims.aud
        return claims.iss == self._issuer and any(split_audience(each)[0] == self._audience for each in audiences)

    async def authenticate(self, credential: Credential) -> Proof:
        """Raises Unauthenticated, and Unavailable without the platform's keys."""
        token = credential.token.reveal()
        jws = parsed(token)
        await verified(jws, self._keys, self._algorithms)
        claims, now = claims_of(jws), self._clock.now()
        _require_kind(jws, claims)
        require_issuer(claims, frozenset((self._issuer,)))
        audience, fingerprint = self._for_us(claims)
        expires, issued_at = require_fresh(claims, now, MAX_AGE)
        bound = self._check_binding(fingerprint, claims, credential)
        said = flattened(claims) if self._section.type == "kubernetes" else claims
        if self._review is not None:
            await self._review.require(token, audience, said)
        return Proof(
            identity=Identity(Kind.WORKLOAD, self.name, self._issuer, self._who(said), claims=said),
            once=OnceId(self.name, _once_id(jws, claims)),
            issued_at=issued_at,
            expires_at=min(expires + LEEWAY, issued_at + MAX_AGE + 1),
            bound=bound,
            until=int(now) + self._lifetime,
        )

    def _where_keys_are(self, http: httpx2.AsyncClient) -> Keys:
        section = self._section
        if section.jwks_file:
            return FileKeys(section.name, section.jwks_file, self._algorithms)

        async def told() -> object:
            return section.jwks_uri

        where = told if section.jwks_uri else None
        return ProviderKeys(section.name, self._issuer, self._algorithms, self._clock, http, where)

    def _for_us(self, claims: Claims) -> tuple[str, str]:
        """The one audience, and the key in it (RFC 8725 section 3.9): another one could show the token here."""
        aud = claims.get("aud")
        listed = aud if isinstance(aud, list) else [aud]
        one = listed[0] if listed and isinstance(listed[0], str) and listed.count(listed[0]) == len(listed) else ""
        url, fingerprint = split_audience(one)
        if url != self._audience:
            raise _refused("audience", "the token was made for another audience than this CA", f"{self._audience}")
        return one, fingerprint

    def _check_binding(self, fingerprint: str, claims: Claims, credential: Credential) -> bool:
        """Whether the token names the key. It signs in for a certificate, and for no act beside (trust 4.3)."""
        if credential.act != b"login" and not credential.act.startswith(login_act("-")[:-1]):
            raise _refused("act", "a job's token is for certificates, and for nothing else", "a person has to do it")
        if len(credential.keys) != 1:
            raise _refused("keys", "a job's token is for exactly one key", "one key at a time")
        mine = credential.keys[0].fingerprint
        if credential.salt is not None:
            raise _refused("salt", "a salt came with the token, which has no nonce", "sign in with `daypass login`")
        confirmed = "cnf" not in claims or _confirms(claims["cnf"], mine)
        if not confirmed or fingerprint not in ("", mine):
            raise _refused("key", "the token was made for another key", "mint a new one for this key")
        if not (credential.possessed or self._section.allow_unbound):
            hint = "sign in with `daypass login`; for other clients the operator has to set allow_unbound = true"
            raise _refused("possession", "the caller has not shown that it holds the key", hint)
        return bool(fingerprint) or "cnf" in claims

    def _who(self, claims: Claims) -> str:
        subject = claims.get(self._subject)
        plain = isinstance(subject, str) and subject.isascii() and subject.isprintable()
        if not isinstance(subject, str) or not plain or not 1 <= len(subject) <= MAX_SUBJECT:
            hint = f"ask for a token with the claim {self._subject}; docs/guide/ci.md says how"
            raise _refused("subject", f"the token has no {self._subject}, so nobody knows whose it is", hint)
        return subject


def _client(section: WorkloadSection) -> httpx2.AsyncClient:
    try:
        return provider_client(ssl.create_default_context(cafile=section.roots_file))
    except (OSError, ssl.SSLError) as error:
        raise Misconfigured(
            f'workloads "{section.name}": {section.roots_file} holds no certificates that can be read',
            code="workload.roots",
            hint="roots_file: PEM, readable by the CA",
        ) from error


def _require_kind(jws: CompactJws, claims: Claims) -> None:
    """RFC 8725 section 3.11: logout tokens and security events are other kinds."""
    if str(jws.header.get("typ", "JWT")).upper() not in _TYPES or "events" in claims:
        raise _refused("kind", "this is a token of the platform, but not one that says who somebody is", "")


def _confirms(cnf: object, fingerprint: str) -> bool:
    """Whether `cnf` (RFC 7800) is for this key, as `kid` or in `ssh`; one that says it otherwise is for none."""
    if not isinstance(cnf, dict) or len(cnf) != 1:
        return False
    listed = cnf.get("ssh", [cnf.get("kid")])
    return isinstance(listed, list) and fingerprint in listed


def _once_id(jws: CompactJws, claims: Claims) -> str:
    """Of what the signature covers, never of the signature."""
    jti = identifier(claims, "jti")
    return f"jti:{jti}" if jti is not None else f"sha256:{hashlib.sha256(jws.signed).hexdigest()}"


def _refused(code: str, message: str, hint: str) -> Unauthenticated:
    return Unauthenticated(message, code=f"workload.{code}", hint=hint or "sign in again: daypass login")
