"""X.509 client certificates: whether a chain holds, and what its leaf says (RFC 5280, SPIFFE X509-SVID, SPIFFE-ID).

pyca's verifier builds the chain, with its rules for CAs; it judges names of servers, and here a client is anything
its root says. So what makes a leaf a client's is looked at here: no CA, digitalSignature, clientAuth.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import TypeVar
from urllib.parse import urlsplit

from cryptography import x509
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID
from cryptography.x509.verification import ExtensionPolicy, PolicyBuilder, Store, VerificationError
from msgspec import Struct

from daypass.errors import Invalid
from daypass.provisioners.crlfile import RevocationFile

__all__ = ["Leaf", "load_roots", "svid", "verified"]

_Kind = TypeVar("_Kind", bound=x509.ExtensionType)
MAX_CHAIN = 8  # certificates that a token may bring
_TRUST_DOMAIN = re.compile(r"[a-z0-9._-]{1,255}")
_SEGMENT = re.compile(r"[A-Za-z0-9._-]+")
MAX_SPIFFE_ID = 2048  # bytes; SPIFFE-ID section 2.3


class Leaf(Struct, frozen=True):
    """What a leaf says. `until`: unix seconds, the first end of any certificate of its chain but the root's."""

    public_key: object
    subject: str  # RFC 4514
    common_name: str
    units: tuple[str, ...]
    emails: tuple[str, ...]
    dns: tuple[str, ...]
    uris: tuple[str, ...]
    until: int


def load_roots(pems: Sequence[str]) -> Store:
    """Raises Invalid for what is no certificate, or no CA's."""
    try:
        roots = [x509.load_pem_x509_certificate(pem.encode()) for pem in pems]
        if not all(_is_ca(root) for root in roots):
            raise Invalid("a root is not a CA's certificate")
        return Store(roots)
    except ValueError as error:
        raise Invalid("a root is no X.509 certificate") from error


def verified(chain: Sequence[bytes], roots: Store, now: float, revoked: RevocationFile | None = None) -> Leaf:
    """`chain`: DER, the leaf first. Raises Invalid, with why, and Unavailable as `revoked` does."""
    if not 1 <= len(chain) <= MAX_CHAIN:
        raise Invalid(f"it brings no certificate, or more than {MAX_CHAIN}")
    try:
        leaf, *others = [x509.load_der_x509_certificate(each) for each in chain]
        _check_client(leaf)
        time = datetime.fromtimestamp(now, UTC).replace(tzinfo=None)
        builder = PolicyBuilder().store(roots).time(time).max_chain_depth(MAX_CHAIN)
        rules = builder.extension_policies(
            ca_policy=ExtensionPolicy.webpki_defaults_ca(), ee_policy=ExtensionPolicy.permit_all()
        )
        found = rules.build_client_verifier().verify(leaf, others).chain
    except VerificationError as error:
        raise Invalid("its certificate leads to no root of this provisioner, or is not valid now") from error
    except (ValueError, x509.DuplicateExtension, x509.UnsupportedGeneralNameType) as error:
        raise Invalid("its certificate can't be read") from error
    if revoked is not None:
        revoked.check(found, now)
    return _read(leaf, min(each.not_valid_after_utc for each in found[:-1] or found))


def _check_client(leaf: x509.Certificate) -> None:
    """Before the chain is built: none of it needs one."""
    usage = _extension(leaf, x509.KeyUsage)
    purposes = _extension(leaf, x509.ExtendedKeyUsage)
    if _is_ca(leaf) or (usage is not None and usage.key_cert_sign):
        raise Invalid("its certificate is a CA's, which is no client")
    if usage is None or not usage.digital_signature:
        raise Invalid("its certificate is not for signatures (key usage digitalSignature)")
    if purposes is None or ExtendedKeyUsageOID.CLIENT_AUTH not in purposes:
        raise Invalid("its certificate is not a client's (extended key usage clientAuth)")


def _read(leaf: x509.Certificate, until: datetime) -> Leaf:
    names = _extension(leaf, x509.SubjectAlternativeName) or x509.SubjectAlternativeName([])
    common = _attributes(leaf, NameOID.COMMON_NAME)
    return Leaf(
        public_key=leaf.public_key(),
        subject=leaf.subject.rfc4514_string(),
        common_name=common[0] if len(common) == 1 else "",
        units=_attributes(leaf, NameOID.ORGANIZATIONAL_UNIT_NAME),
        emails=tuple(names.get_values_for_type(x509.RFC822Name)),
        dns=tuple(names.get_values_for_type(x509.DNSName)),
        uris=tuple(names.get_values_for_type(x509.UniformResourceIdentifier)),
        until=int(until.timestamp()),
    )


def svid(leaf: Leaf, trust_domain: str) -> str:
    """The SPIFFE ID of a leaf in this trust domain (X509-SVID section 2: exactly one URI, and no other SPIFFE ID).

    Raises Invalid.
    """
    if len(leaf.uris) != 1:
        raise Invalid("its certificate is no SVID: exactly one URI stands in one")
    (uri,) = leaf.uris
    domain, path = _spiffe(uri)
    if domain != trust_domain:
        raise Invalid("its certificate is of another trust domain")
    if path in ("", "/"):
        raise Invalid("its certificate names a trust domain and no workload")
    return uri


def _spiffe(uri: str) -> tuple[str, str]:
    """Trust domain and path, which begins with a slash (SPIFFE-ID section 2).

    No user, port, query or fragment; segments of few characters, none empty, no dots alone. Raises Invalid.
    """
    bad = Invalid("the URI of its certificate is no SPIFFE ID")
    if len(uri.encode()) > MAX_SPIFFE_ID or not uri.startswith("spiffe://"):
        raise bad
    domain, slash, path = uri.removeprefix("spiffe://").partition("/")
    segments = path.split("/") if slash else []
    if not _TRUST_DOMAIN.fullmatch(domain) or urlsplit(uri).netloc != domain:
        raise bad
    if any(not _SEGMENT.fullmatch(each) or each in (".", "..") for each in segments):
        raise bad
    return domain, slash + path


def _is_ca(certificate: x509.Certificate) -> bool:
    constraints = _extension(certificate, x509.BasicConstraints)
    return constraints is not None and constraints.ca


def _extension(certificate: x509.Certificate, kind: type[_Kind]) -> _Kind | None:
    try:
        return certificate.extensions.get_extension_for_class(kind).value
    except x509.ExtensionNotFound:
        return None


def _attributes(leaf: x509.Certificate, oid: x509.ObjectIdentifier) -> tuple[str, ...]:
    return tuple(str(each.value) for each in leaf.subject.get_attributes_for_oid(oid))
