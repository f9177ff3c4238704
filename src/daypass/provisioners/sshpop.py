"""Hosts that show the certificate they have: a token signed by its key (SSHPOP, wire.sshpop).

In this order: the token's form, the certificate's form, whose it is, both signatures, what the token says, and last
what is on record. So nobody is told of a certificate who does not hold its key, and nothing is spent here at all.
"""

from __future__ import annotations

from base64 import b64decode
from collections.abc import Awaitable, Callable, Collection, Sequence
from typing import Final
from urllib.parse import urlsplit

import msgspec
from joserfc.jwk import ECKey, OKPKey, RSAKey

from daypass.ca.ports import Clock, Finding, OnRecord
from daypass.errors import Invalid, Unauthenticated
from daypass.model import Credential, HostFacts, Identity, Kind, OnceId, Proof, Renewal
from daypass.provisioners.jose import ALGORITHMS, CompactJws, PublicJwk, parse_object, verify
from daypass.wire import Certificate, CertType, PublicKey
from daypass.wire.jwt import public_jwk, thumbprint
from daypass.wire.sshpop import LIFETIME, PROVISIONER

__all__ = ["ACTS", "SshPopProvisioner"]

ACTS: Final = (b"renew", b"rekey", b"revoke")
LEEWAY = 60  # seconds that a host's clock may be off
_KEYS: Final[dict[str, type[RSAKey] | type[ECKey] | type[OKPKey]]] = {"RSA": RSAKey, "EC": ECKey, "OKP": OKPKey}


class _Claims(msgspec.Struct, frozen=True):
    """What step's tokens say, and ours (RFC 7519); `sub` is the certificate's serial."""

    iss: str
    sub: str
    aud: str | list[str]
    iat: int
    nbf: int
    exp: int
    jti: str


class SshPopProvisioner:
    """`names` are the host names of this CA, `lookup` is the store's `on_record`."""

    name = PROVISIONER
    type = "sshpop"

    def __init__(
        self,
        ca_id: bytes,
        names: Collection[str],
        keys: Callable[[CertType], Collection[PublicKey]],
        lookup: Callable[[int], Awaitable[OnRecord | None]],
        clock: Clock,
    ) -> None:
        self._ca_id, self._lookup, self._clock = ca_id, lookup, clock
        self._names = frozenset(name.lower() for name in names)
        self._keys = keys

    def recognises(self, token: str) -> bool:
        try:
            return "sshpop" in CompactJws.parse(token).header
        except Invalid:
            return False

    async def test(self) -> Sequence[Finding]:
        """Nothing but the database is behind it."""
        await self._lookup(0)
        return [Finding(ok=True, what="host certificates are looked up in the database")]

    async def authenticate(self, credential: Credential) -> Proof:
        """`credential.act` is one of ACTS: a token for one of them is worth nothing to the others.

        Raises Unauthenticated, Invalid for a person's certificate (as step does), and Unavailable from the store.
        """
        if credential.act not in ACTS:
            raise _refused("act", "it is good for renewing, rekeying and revoking, and for nothing else")
        try:
            token = CompactJws.parse(credential.token.reveal())
            certificate = _certificate(token)
            self._check_issuer(certificate)
            _check_signature(token, certificate)
            claims = msgspec.convert(parse_object(token.payload), _Claims)
        except Invalid as error:
            raise _refused("form", error.message) from error
        except msgspec.ValidationError as error:
            raise _refused("claims", "a claim is missing, or is not what it has to be") from error
        now = self._clock.now()
        self._check_claims(claims, certificate, credential.act.decode(), now)
        if certificate.type is not CertType.HOST:
            raise Invalid("sshpop certificate must be a host ssh certificate", code="sshpop.type")
        host = await self._on_record(certificate, credential.act, now)
        return self._proof(certificate, host, claims, credential)

    def _proof(self, certificate: Certificate, host: str, claims: _Claims, credential: Credential) -> Proof:
        first, *others = certificate.principals
        length = certificate.valid_before - certificate.valid_after
        return Proof(
            identity=Identity(Kind.HOST, self.name, issuer=self._ca_id.hex(), subject=str(certificate.serial)),
            once=OnceId(self.name, claims.jti),
            issued_at=claims.iat,
            expires_at=claims.exp + LEEWAY,
            bound=credential.act == b"renew" or credential.possessed,
            enrolment=HostFacts(first, tuple(others)),
            renews=Renewal(certificate.serial, host, certificate.public_key, length),
        )

    def _check_issuer(self, certificate: Certificate) -> None:
        if certificate.signature_key not in self._keys(certificate.type):
            raise _refused("issuer", "its certificate was signed by no key of this CA")
        certificate.verify_signature()

    def _check_claims(self, claims: _Claims, certificate: Certificate, act: str, now: float) -> None:
        if claims.iss != self.name:
            raise _refused("provisioner", f"it is for provisioner {claims.iss[:64]!r}, and here it is {self.name!r}")
        audience = claims.aud if isinstance(claims.aud, str) else claims.aud[0] if len(claims.aud) == 1 else ""
        if not self._is_ours(audience, act):
            raise _refused("audience", f"it was not made for /ssh/{act} of this CA")
        if claims.sub != str(certificate.serial):
            raise _refused("subject", "its subject is not the serial of its certificate")
        if not 1 <= len(claims.jti) <= 256 or not (claims.jti.isascii() and claims.jti.isprintable()):
            raise _refused("id", "its id can't be one")
        if claims.exp + LEEWAY <= now or not 0 < claims.exp - claims.iat <= LIFETIME:
            raise _refused("expired", f"it has expired, or was to live for more than {LIFETIME} seconds")
        if max(claims.iat, claims.nbf) - LEEWAY > now:
            raise _refused("not-yet", "it is from the future")

    def _is_ours(self, audience: str, act: str) -> bool:
        """`https://HOST[:PORT][/1.0]/ssh/ACT#sshpop/NAME`; step leaves the port out of the comparison."""
        try:
            url = urlsplit(audience)
            host, _ = url.hostname or "", url.port
        except ValueError:
            return False
        path, fragment = url.path.removeprefix("/1.0"), f"sshpop/{self.name}"
        exact = url.scheme == "https" and "@" not in url.netloc and not url.query
        return exact and host in self._names and (path, url.fragment) == (f"/ssh/{act}", fragment)

    async def _on_record(self, certificate: Certificate, act: bytes, now: float) -> str:
        """The id of its host. A revoked one is let through to be told, by whoever revokes, that it is revoked."""
        if not certificate.valid_after <= now < certificate.valid_before:
            raise _refused("validity", "its certificate has expired, or is not valid yet", _ENROL)
        found = await self._lookup(certificate.serial)
        if found is None or found.certificate != certificate.encode() or found.host is None:
            raise _refused("unknown", "its certificate is not on record here, or its host has been removed", _ENROL)
        if found.revoked_at is not None and act != b"revoke":
            raise _refused("revoked", "its certificate is revoked", _ENROL)
        return found.host


_ENROL: Final = "enrol the host anew: daypass token host NAME, on the CA's machine"


def _certificate(token: CompactJws) -> Certificate:
    """Raises Invalid for whatever is not exactly one certificate in canonical base64 with padding."""
    text = token.header.get("sshpop")
    if not isinstance(text, str):
        raise Invalid("it carries no certificate")
    try:
        blob = b64decode(text, validate=True)
    except ValueError as error:
        raise Invalid("its certificate is not base64") from error
    certificate = Certificate.parse(blob)
    if not certificate.principals:
        raise Invalid("its certificate is for nobody")
    return certificate


def _check_signature(token: CompactJws, certificate: Certificate) -> None:
    """The algorithm is one that such a key signs with, whatever the header would like."""
    members = public_jwk(certificate.public_key)
    if token.algorithm not in ALGORITHMS[members["kty"], members.get("crv")]:
        raise Invalid("its algorithm does not fit the certificate's key")
    if token.header.get("typ", "JWT") != "JWT" or token.key_id not in (None, thumbprint(members)):
        raise Invalid("its header names another key, or another kind of token")
    key: PublicJwk = _KEYS[members["kty"]].import_key(members)  # type: ignore[arg-type]
    if not verify(token, key):
        raise Invalid("its signature is not by the certificate's key")


def _refused(code: str, reason: str, hint: str = "a new token is made for each call") -> Unauthenticated:
    return Unauthenticated(f"this token does not hold: {reason}", code=f"sshpop.{code}", hint=hint)
