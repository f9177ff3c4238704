"""People who sign in at an OpenID provider: an ID token becomes a proof.

One token walks through here from top to bottom: taken apart, its key found, its signature verified, its claims
checked (`claims`), its nonce compared with the keys it was made for (trust 3.1), and only then read (`names`).
"""

from __future__ import annotations

import hashlib
from binascii import a2b_base64
from collections.abc import Sequence

import httpx2
import msgspec

from daypass.ca.ports import Clock, Finding
from daypass.config import ProviderSection
from daypass.errors import Misconfigured
from daypass.model import TENANT, Credential, OnceId, Proof, graph_of, parse_duration
from daypass.provisioners import names
from daypass.provisioners.claims import LEEWAY, MAX_TOKEN_AGE, Expected, IdToken, check, refused
from daypass.provisioners.discovery import ProviderKeys, is_safe_url
from daypass.provisioners.groups import Groups
from daypass.provisioners.jose import ALGORITHMS, MAX_TOKEN, CompactJws, standard_base64
from daypass.provisioners.trial import trial
from daypass.provisioners.verifying import check_key_issuer, claims_of, clients_of, issuers_of, parsed, verified
from daypass.wire.binding import NONCE_PREFIX, SALT_SIZE, login_nonce

__all__ = ["OidcProvisioner", "glance"]

MAX_SESSION = 512  # characters of a `sid`
_KNOWN = frozenset(name for algorithms in ALGORITHMS.values() for name in algorithms)


class OidcProvisioner:
    """One `[[providers]]` table at work. Raises Misconfigured for a table that could let the wrong people in."""

    def __init__(self, section: ProviderSection, ca_id: bytes, clock: Clock, http: httpx2.AsyncClient) -> None:
        _check_section(section)
        self._section, self._ca_id, self._clock, self._http = section, ca_id, clock, http
        self._groups = Groups(section, clock, http)
        self.keys = ProviderKeys(section.name, section.issuer, section.algorithms, clock, http)
        self._expected = Expected(
            issuers=issuers_of(section),
            clients=clients_of(section),
            auth_time=section.require_auth_time,
            max_age=parse_duration(section.max_age) if section.max_age else None,
        )

    @property
    def name(self) -> str:
        return self._section.name

    @property
    def type(self) -> str:
        return self._section.type

    async def test(self) -> Sequence[Finding]:
        """What the provider says of itself, its keys and its clock, asked anew."""
        return await trial(self._section, self._clock, self._http)

    def recognises(self, token: str) -> bool:
        """Whether the token says it is this provider's and for a client of ours. Nothing is verified."""
        try:
            claims = glance(token)
        except (ValueError, RecursionError):  # of a payload that is nothing but brackets
            return False
        audience = [claims.aud] if isinstance(claims.aud, str) else claims.aud
        return not self._expected.clients.isdisjoint(audience) and claims.iss in self._expected.issuers

    async def authenticate(self, credential: Credential) -> Proof:
        """Raises Unauthenticated, code `oidc.` and the check that failed; Unavailable without the provider's keys.

        The proof expires at the last moment at which this token could pass here.
        """
        jws = parsed(credential.token.reveal())
        key = await verified(jws, self.keys, self._section.algorithms)
        token = check(claims_of(jws), jws.header, self._expected, self._clock.now())
        check_key_issuer(key, token.issuer, token.claims)
        bound = self._check_binding(token, credential)
        groups = await self._groups.of(token, jws.algorithm, credential.access_token)
        return Proof(
            identity=names.identity(token, self._section, groups),
            once=OnceId(self.name, _once_id(jws, token)),
            issued_at=token.issued_at,
            expires_at=min(token.expires + LEEWAY, token.issued_at + MAX_TOKEN_AGE),
            bound=bound,
            remote=token.client == self._section.device_client_id,
            session=_session(token),
        )

    def _check_binding(self, token: IdToken, credential: Credential) -> bool:
        """Step 11: whether the nonce ties the token to exactly this key, this CA and this act (trust 3.1)."""
        bound = token.nonce is not None and token.nonce.startswith(NONCE_PREFIX)
        if not bound and credential.salt is not None:
            raise refused("nonce", "the token is not bound to a key, but a salt came with it")
        of_pages = token.client == self._section.web_client_id  # they bind every sign-in, whatever step does
        if not bound and (of_pages or not self._section.allow_unbound):
            hint = "sign in with `daypass login`; for other clients the operator has to set allow_unbound = true"
            raise refused("unbound", "the token is not bound to your key", hint)
        if bound and token.nonce != self._nonce(credential):
            raise refused("nonce", "the token was made for another key, another CA or another act")
        return bound

    def _nonce(self, credential: Credential) -> str:
        if credential.salt is None or len(credential.salt) != SALT_SIZE:
            raise refused("salt", f"a token bound to a key needs its salt of {SALT_SIZE} bytes")
        if len(credential.keys) != 1:
            raise refused("nonce", "a token is bound to exactly one key")
        return login_nonce(self._ca_id, credential.keys[0].blob, credential.act, credential.salt)


class _Glance(msgspec.Struct, frozen=True):
    iss: str
    aud: str | list[str]


_read_glance = msgspec.json.Decoder(_Glance).decode


def glance(token: str) -> _Glance:
    """Quick and trusting, 3 us: every provider is asked about every token. Raises ValueError."""
    payload = token.split(".", 2)[1] if token.count(".") == 2 and len(token) <= MAX_TOKEN else ""
    return _read_glance(a2b_base64(standard_base64(payload)))


def _once_id(jws: CompactJws, token: IdToken) -> str:
    """Of what the signature covers, never of the signature: (r, n-s) is another string for one ES256 token."""
    if token.nonce is not None:
        return f"nonce:{token.nonce}"
    if token.jti is not None:
        return f"jti:{token.jti}"
    return f"sha256:{hashlib.sha256(jws.signed).hexdigest()}"


def _session(token: IdToken) -> str:
    """OpenID Connect Front-Channel Logout 1.0 section 3: `sid`."""
    sid = token.claims.get("sid")
    return sid if isinstance(sid, str) and len(sid) <= MAX_SESSION else ""


def _check_section(section: ProviderSection) -> None:
    """Only what would open a door; the configuration's own walk says it earlier and in full."""
    problem = _problem(section)
    if problem is not None:
        raise Misconfigured(f'provider "{section.name}": {problem[0]}', code="oidc.section", hint=problem[1])


def _problem(section: ProviderSection) -> tuple[str, str] | None:
    if not is_safe_url(section.issuer.replace(TENANT, "t"), loopback=True):
        return "the issuer is not an https URL", "plain http is for an issuer on this very machine only"
    if not section.client_id:
        return "client_id is empty", "register this CA at the provider and put its client id here"
    if section.device_client_id and section.device_client_id in (section.client_id, section.web_client_id):
        return "device_client_id is the client of another way to sign in", "register a second client for it"
    if not section.algorithms or not _KNOWN.issuperset(section.algorithms):
        return "algorithms has one that is not accepted", f"choose from {', '.join(sorted(_KNOWN))}"
    if section.groups_from == "graph" and graph_of(section.issuer) is None:
        return "groups_from is graph, and the issuer is not Entra's", 'groups_from = "userinfo"'
    if not section.tenants and (TENANT in section.issuer or "://login.microsoftonline.com/" in section.issuer):
        return "Entra needs the list of tenants", 'tenants = ["<tenant id>"]'
    if not section.hosted_domain and section.issuer.startswith("https://accounts.google.com"):
        return "Google lets everyone with an account in", 'hosted_domain = "example.com"'
    return None
