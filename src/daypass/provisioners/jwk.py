"""One-time tokens by whoever holds a JSON Web Key: step's JWK provisioner (wire.onetime).

The holder of the key says who somebody is (`users`), and which hosts there are (`hosts`); what they may have is the
policy's. Signature first; then whose, for which CA, until when and for which key (`onetime`).
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection, Sequence
from typing import Final

import msgspec
from joserfc.jwk import ECKey, OKPKey, RSAKey

from daypass.ca.ports import Clock, Finding, OnRecord
from daypass.config import JwkSection
from daypass.errors import Denied, Invalid, Misconfigured
from daypass.model import Credential, Identity, Kind, OnceId, Proof, Renewal, host_pattern_matches
from daypass.provisioners import named
from daypass.provisioners.jose import ALGORITHMS, CompactJws, parse_object, verify
from daypass.provisioners.jwks import KeySet, ProviderKey
from daypass.provisioners.oidc import glance
from daypass.provisioners.onetime import Desk, OneTime, Refuse
from daypass.wire import Certificate, CertType
from daypass.wire.jwt import thumbprint

__all__ = ["JwkProvisioner", "key_id"]

_REQUIRED: Final = {"RSA": ("e", "kty", "n"), "EC": ("crv", "kty", "x", "y"), "OKP": ("crv", "kty", "x")}
_refuse = Refuse("jwk")
Key = RSAKey | ECKey | OKPKey


class JwkProvisioner:
    """One `[[jwk]]` table at work. Raises Misconfigured for a key that can't sign here.

    `names`: the host names of this CA; `lookup`: the store's `on_record`.
    """

    type = "jwk"

    def __init__(
        self,
        section: JwkSection,
        names: Collection[str],
        lookup: Callable[[int], Awaitable[OnRecord | None]],
        clock: Clock,
    ) -> None:
        self._section, self._lookup, self._clock = section, lookup, clock
        self.name, self._issuer = section.name, f"jwk:{section.name}"
        self._keys, self._kid = _keys(section), key_id(section)
        self._desk = Desk(section.name, names, "", allow_unbound=section.allow_unbound, refuse=_refuse)

    def recognises(self, token: str) -> bool:
        """Its header has nothing of the kinds that bring a certificate along, and it names us as its issuer."""
        try:
            return glance(token).iss == self.name and "sshpop" not in CompactJws.parse(token).header
        except (Invalid, ValueError, RecursionError):
            return False

    async def test(self) -> Sequence[Finding]:
        """Nothing but the key in its table is behind it."""
        what = f"{self._key.key.key_type} key {self._kid}, {' or '.join(self._key.algorithms)}"
        return [Finding(ok=True, what=what)]

    async def authenticate(self, credential: Credential) -> Proof:
        """Raises Unauthenticated, Denied for whom it may not speak for, and Unavailable from the store."""
        try:
            token = CompactJws.parse(credential.token.reveal())
        except Invalid as error:
            raise _refuse("form", error.message) from error
        self._check_signature(token)
        said = self._desk.read(token.payload, credential, self._clock.now())
        if credential.act == b"revoke":
            return await self._revoking(said)
        identity = self._person(said) if said.kind == "user" else self._host(said)
        proof = self._proof(said, identity)
        if said.kind == "user":
            return proof
        names = said.principals or (said.subject,)
        facts = named.host_facts(names, self._section.hosts, said.labels, what=f'the key of "{self.name}"')
        return msgspec.structs.replace(proof, enrolment=facts)

    @property
    def _key(self) -> ProviderKey:
        return next(iter(self._keys.keys.values()))

    def _check_signature(self, token: CompactJws) -> None:
        if token.key_id not in (None, self._kid):
            raise _refuse("key-id", "its header names another key")
        if token.header.get("typ", "JWT") != "JWT":
            raise _refuse("form", "its header names another kind of token")
        key = self._keys.find(None, token.algorithm)
        if key is None:
            raise _refuse("algorithm", "its algorithm does not fit the key")
        if not verify(token, key.key):
            raise _refuse("signature", "its signature is not by the key of its provisioner")

    def _proof(self, said: OneTime, identity: Identity) -> Proof:
        return Proof(
            identity=identity,
            once=OnceId(self.name, f"jti:{said.jti}"),
            issued_at=said.issued_at,
            expires_at=said.expires_at,
            bound=said.bound,
            until=said.until,
        )

    def _person(self, said: OneTime) -> Identity:
        if not self._section.users:
            raise Denied(
                f'the key of "{self.name}" may not say who somebody is',
                code="jwk.users",
                hint="operator: users = true in its table",
            )
        email = said.email or (said.subject if "@" in said.subject else "")
        return named.person(
            self.name,
            self._issuer,
            said.subject,
            login=said.subject.rpartition("@")[0] or said.subject,
            email=email,
            groups=said.groups,
            claims={"sub": said.subject},
        )

    def _host(self, said: OneTime) -> Identity:
        return Identity(Kind.HOST, self.name, self._issuer, said.subject)

    async def _revoking(self, said: OneTime) -> Proof:
        """`sub` is the serial. Of those it vouches for, and of no others: a host's by its names, a person's by who
        said who they are."""
        found = await self._lookup(int(said.subject)) if _is_serial(said.subject) else None
        if found is None or not self._may_revoke(found):
            raise _refuse("serial", "no certificate that its key vouches for has this serial")
        certificate = Certificate.parse(found.certificate)
        identity = Identity(Kind.HOST, self.name, self._issuer, said.subject)
        shown = Renewal(found.serial, found.host or "", certificate.public_key, 0)
        return msgspec.structs.replace(self._proof(said, identity), renews=shown)

    def _may_revoke(self, found: OnRecord) -> bool:
        if found.owner is not None:
            return self._section.users and found.owner.issuer == self._issuer
        of_host = found.host is not None and Certificate.parse(found.certificate).type is CertType.HOST
        patterns = self._section.hosts
        return of_host and any(host_pattern_matches(each, found.principals[0]) for each in patterns)


def key_id(section: JwkSection) -> str:
    """Its `kid`, else its thumbprint (RFC 7638), which is what step uses. Raises Invalid for what is no key."""
    members = parse_object(section.key.encode())
    kid = members.get("kid")
    if isinstance(kid, str) and kid:
        return kid
    return thumbprint({name: str(members.get(name)) for name in _REQUIRED[str(members.get("kty"))]})


def _keys(section: JwkSection) -> KeySet:
    try:
        allowed = [name for names in ALGORITHMS.values() for name in names]
        keys = KeySet.parse({"keys": [parse_object(section.key.encode())]}, allowed)
    except Invalid:
        keys = KeySet()
    if not keys.keys:
        raise Misconfigured(
            f'the key of "{section.name}" can sign nothing here',
            code="jwk.section",
            hint="make a pair: daypass ca provisioner key NAME",
        )
    return keys


def _is_serial(text: str) -> bool:
    return text.isdigit() and len(text) <= 20 and 0 < int(text) < 2**64
