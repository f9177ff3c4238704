"""Whoever has an X.509 client certificate of our roots: a one-time token signed by its key (step's X5C).

The certificate says who: a person, a workload (a SPIFFE ID, where there is a trust domain), a host. What the token
wishes for narrows that, and no certificate outlives the X.509 one. In this order: the token's form, the chain, the
token's signature by the leaf, what the token says (`onetime`), and last whom the leaf names.
"""

from __future__ import annotations

from base64 import b64decode
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from joserfc.jwk import ECKey, OKPKey, RSAKey

from daypass.ca.ports import Clock, Finding
from daypass.config import X5cSection
from daypass.errors import Denied, Invalid, Misconfigured, Unavailable
from daypass.model import Credential, HostFacts, Identity, Kind, OnceId, Proof, parse_duration
from daypass.provisioners import named
from daypass.provisioners.clientcert import Leaf, load_roots, svid, verified
from daypass.provisioners.crlfile import RevocationFile
from daypass.provisioners.jose import ALGORITHMS, CompactJws, PublicJwk, verify
from daypass.provisioners.oidc import glance
from daypass.provisioners.onetime import Desk, OneTime, Refuse
from daypass.wire import PublicKey
from daypass.wire.jwt import public_jwk

__all__ = ["X5cProvisioner"]

_KEYS: Mapping[str, type[RSAKey] | type[ECKey] | type[OKPKey]] = {"RSA": RSAKey, "EC": ECKey, "OKP": OKPKey}
_refuse = Refuse("x5c")


class X5cProvisioner:
    """One `[[x5c]]` table at work. Raises Misconfigured for roots that are none. `names`: this CA's host names."""

    type = "x5c"

    def __init__(self, section: X5cSection, names: Collection[str], clock: Clock) -> None:
        self._section, self._clock, self.name = section, clock, section.name
        self._issuer = f"spiffe://{section.trust_domain}" if section.trust_domain else f"x5c:{section.name}"
        self._revoked = RevocationFile(Path(section.crl_file)) if section.crl_file else None
        self._lifetime = parse_duration(section.lifetime) if section.lifetime else None
        fragment = f"x5c/{section.name}"
        self._desk = Desk(section.name, names, fragment, allow_unbound=section.allow_unbound, refuse=_refuse)
        try:
            self._roots = load_roots(section.roots)
        except Invalid as error:
            hint = "the PEM of a CA that issues client certificates"
            raise Misconfigured(f'"{section.name}": {error.message}', code="x5c.section", hint=hint) from error

    def recognises(self, token: str) -> bool:
        try:
            return glance(token).iss == self.name and bool(CompactJws.parse(token, chain=True).header)
        except (Invalid, ValueError, RecursionError):
            return False

    async def test(self) -> Sequence[Finding]:
        """Nothing but the roots in its table, and its lists of revoked certificates, are behind it."""
        count = len(self._section.roots)
        found = [Finding(ok=True, what=f"{count} X.509 {'root' if count == 1 else 'roots'}, for every {self._what}")]
        if self._revoked is None:
            return found
        try:
            current = self._revoked.current(self._clock.now())
        except Unavailable as error:
            return [*found, Finding(ok=False, what=error.message, hint=error.hint or "")]
        what = f"{current} revocation lists in {self._section.crl_file} count now"
        return [*found, Finding(ok=current > 0, what=what, hint="" if current else "fetch them anew")]

    async def authenticate(self, credential: Credential) -> Proof:
        """Raises Unauthenticated, and Denied for a name that is none of those it may speak for."""
        now = self._clock.now()
        try:
            token = CompactJws.parse(credential.token.reveal(), chain=True)
            leaf = verified(_chain(token), self._roots, now, self._revoked)
            _check_signature(token, leaf)
        except Invalid as error:
            raise _refuse("certificate", error.message, "is the X.509 certificate still valid?") from error
        if credential.act == b"revoke":
            raise _refuse("act", "certificates are not revoked by it", "daypass revoke, by an operator")
        said = self._desk.read(token.payload, credential, now)
        return self._proof(said, leaf, now)

    @property
    def _what(self) -> str:
        domain = self._section.trust_domain
        return f"{self._section.kind} of spiffe://{domain}" if domain else self._section.kind

    def _proof(self, said: OneTime, leaf: Leaf, now: float) -> Proof:
        if (said.kind == "host") != (self._section.kind == "host"):
            raise _refuse("kind", f"certificates of this provisioner are for a {self._section.kind}")
        facts = self._host(said, leaf) if said.kind == "host" else None
        ends = [leaf.until, *([said.until] if said.until is not None else [])]
        ends += [int(now) + self._lifetime] if self._lifetime is not None else []
        return Proof(
            identity=self._identity(leaf, facts),
            once=OnceId(self.name, f"jti:{said.jti}"),
            issued_at=said.issued_at,
            expires_at=said.expires_at,
            bound=said.bound,
            enrolment=facts,
            until=min(ends),
        )

    def _identity(self, leaf: Leaf, facts: HostFacts | None) -> Identity:
        subject = self._svid(leaf) if self._section.trust_domain else ""
        if facts is not None:
            return Identity(Kind.HOST, self.name, self._issuer, subject or facts.name)
        if self._section.kind == "person":
            return self._person(leaf)
        return Identity(Kind.WORKLOAD, self.name, self._issuer, subject or _subject(leaf), claims=_claims(leaf))

    def _person(self, leaf: Leaf) -> Identity:
        """By e-mail it is that address alone, whatever else their certificate says."""
        email = leaf.emails[0] if len(leaf.emails) == 1 else ""
        if self._section.login_name != "email":
            login, whose = leaf.common_name, _subject(leaf)
        elif email:
            login, whose = email.rpartition("@")[0], email
        else:
            raise _refuse("email", "its certificate has no e-mail address, or several")
        return named.person(self.name, self._issuer, whose, login=login, email=email, claims=_claims(leaf))

    def _svid(self, leaf: Leaf) -> str:
        try:
            return svid(leaf, self._section.trust_domain)
        except Invalid as error:
            raise _refuse("svid", error.message) from error

    def _host(self, said: OneTime, leaf: Leaf) -> HostFacts:
        """Its names are those of its certificate; what the token wishes for can only be fewer."""
        wished = set(said.principals) or set(leaf.dns)
        foreign = sorted(wished - set(leaf.dns))
        if foreign:
            raise Denied(
                "the token wishes for a name that its certificate does not have",
                code="policy.host-name",
                hint=f"it has: {', '.join(leaf.dns) or 'none'}",
            )
        names = [name for name in leaf.dns if name in wished]
        return named.host_facts(names, self._section.hosts, what=f'a certificate of "{self.name}"')


def _chain(token: CompactJws) -> list[bytes]:
    """Standard base64 with padding (RFC 7515 section 4.1.6)."""
    listed = token.header["x5c"]
    try:
        return [b64decode(each, validate=True) for each in listed] if isinstance(listed, list) else []
    except ValueError as error:
        raise Invalid("its certificates are not base64") from error


def _check_signature(token: CompactJws, leaf: Leaf) -> None:
    """By the leaf's key, with an algorithm that such a key signs with, whatever the header would like."""
    key = leaf.public_key
    if not isinstance(key, rsa.RSAPublicKey | ec.EllipticCurvePublicKey | ed25519.Ed25519PublicKey):
        raise Invalid("its certificate is for a key that signs nothing here")
    members = public_jwk(PublicKey.from_cryptography(key))
    if token.algorithm not in ALGORITHMS[members["kty"], members.get("crv")]:
        raise Invalid("its algorithm does not fit the certificate's key")
    if token.header.get("typ", "JWT") != "JWT":
        raise Invalid("its header names another kind of token")
    public: PublicJwk = _KEYS[members["kty"]].import_key(members)  # type: ignore[arg-type]
    if not verify(token, public):
        raise Invalid("its signature is not by the certificate's key")


def _subject(leaf: Leaf) -> str:
    """Who it is: the one URI of its certificate, else its subject's name."""
    found = leaf.uris[0] if len(leaf.uris) == 1 else leaf.subject
    if not 1 <= len(found) <= 255 or not (found.isascii() and found.isprintable()):
        raise _refuse("subject", "its certificate names nobody, or nobody that can be written down")
    return found


def _claims(leaf: Leaf) -> Mapping[str, object]:
    """What conditions of roles may ask for."""
    single = {"subject": leaf.subject, "cn": leaf.common_name}
    lists = {"ou": leaf.units, "uri": leaf.uris, "dns": leaf.dns}
    return {**{name: value for name, value in single.items() if value}, **{n: list(v) for n, v in lists.items()}}
