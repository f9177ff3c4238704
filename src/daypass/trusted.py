"""What a host and a laptop believe, and why: documents signed by keys they can trace to one pinned root (trust 5.6).

    X.509 root      found by its fingerprint, carries the trust root's hash       extract_trust_root
    trust document  signed by the trust root, names every key of this CA          verify_trust
    host bundle     signed by a bundle key that the trust document names          verify_bundle
    heartbeat       the same: the host's bundle holds on                           verify_heartbeat
    client bundle   the same, for laptops                                         verify_client_bundle

So owning the web process or its database gives nobody a new CA. Nothing here touches the network or a file.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from hashlib import sha256
from typing import TypeVar

import msgspec

from daypass.api import (
    BUNDLE_NAMESPACE,
    CLIENT_BUNDLE_NAMESPACE,
    HEARTBEAT_NAMESPACE,
    MY_HOSTS_NAMESPACE,
    TRUST_NAMESPACE,
    BastionWay,
    ClientBundle,
    HostBundle,
    HostHeartbeat,
    MyHosts,
    Signed,
    TrustDocument,
)
from daypass.errors import Conflict, Invalid, Unauthenticated
from daypass.hostnames import HostNames
from daypass.model import LOGIN_NAME
from daypass.wire.binding import CA_ID_SIZE, TRUST_ROOT_OID
from daypass.wire.keys import PublicKey
from daypass.wire.krl import Krl
from daypass.wire.sshsig import SshSignature

__all__ = [
    "BREAK_GLASS",
    "CLOCK_SLACK",
    "break_glass_problem",
    "extract_trust_root",
    "host_names",
    "public_keys",
    "verify_bundle",
    "verify_client_bundle",
    "verify_heartbeat",
    "verify_my_hosts",
    "verify_trust",
]

CLOCK_SLACK = 300
"""Seconds a document may come from the future before this machine's clock is held to be wrong."""

BREAK_GLASS = "break-glass"
"""The one principal of certificates for the day everything is down (trust 8.5). It counts only in what a break-glass
key has signed: no principals file lists it."""

_MOST_BREAK_GLASS = 4  # keys: the one that is used, the next, and one each for two vaults

_Document = TypeVar("_Document", TrustDocument, HostBundle, ClientBundle, HostHeartbeat, MyHosts)
_Bundle = TypeVar("_Bundle", HostBundle, ClientBundle, HostHeartbeat, MyHosts)


def extract_trust_root(root_pem: str) -> bytes:
    """The CA id: 32 bytes, SHA-256 of the offline trust root's public key blob, from the X.509 root's extension.

    The certificate itself must already be known by its fingerprint. Raises Invalid where it carries no such id.
    """
    from cryptography import x509

    try:
        certificate = x509.load_pem_x509_certificate(root_pem.encode())
        extension = certificate.extensions.get_extension_for_oid(x509.ObjectIdentifier(TRUST_ROOT_OID))
    except ValueError as error:
        raise Invalid("the CA's X.509 root can't be read", code="trust.root", hint=_ASK) from error
    except x509.ExtensionNotFound as error:
        raise Invalid(
            "the CA's X.509 root names no trust root",
            code="trust.root",
            hint="this is no daypass CA, or its root was made by another tool",
        ) from error
    value = extension.value
    if not isinstance(value, x509.UnrecognizedExtension) or len(value.value) != CA_ID_SIZE:
        raise Invalid("the trust root in the CA's X.509 root is malformed", code="trust.root", hint=_ASK)
    return value.value


def verify_trust(signed: Signed, ca_id: bytes, *, known_version: int = 0) -> TrustDocument:
    """The trust document, if the root that `ca_id` is the hash of has signed it.

    `known_version` is the highest one seen before. Raises Unauthenticated for a document that is not this CA's,
    Conflict for one older than `known_version`, Invalid for one that can't be read.
    """
    key = _signer(signed, TRUST_NAMESPACE)
    if sha256(key.blob).digest() != ca_id:
        raise Unauthenticated("the trust document is not signed by this CA's root", code="trust.signature", hint=_ASK)
    document = _decode(signed, TrustDocument)
    if document.ca_id != ca_id.hex():
        raise Unauthenticated("the trust document belongs to another CA", code="trust.ca-id", hint=_ASK)
    _check_version("trust document", document.version, known_version)
    for lines in (document.user_ca, document.host_ca, document.bundle_keys):
        if not public_keys(lines):
            raise Invalid("the trust document leaves out a kind of key", code="trust.empty", hint=_ASK)
    return document


def break_glass_problem(trust: TrustDocument) -> str | None:
    """Why what it says of break-glass is not to be gone by; None where it is fine, or says nothing."""
    try:
        keys = public_keys(trust.break_glass)
        others = public_keys([*trust.user_ca, *trust.host_ca, *trust.bundle_keys])
    except Invalid:
        return "a break-glass key is none"
    if len(keys) > _MOST_BREAK_GLASS or len(set(keys)) < len(keys):
        return f"there are more than {_MOST_BREAK_GLASS} break-glass keys, or one stands there twice"
    if set(keys) & set(others):
        return "a break-glass key is a key that this CA signs by every day"
    if any(sha256(key.blob).hexdigest() == trust.ca_id for key in keys):
        return "the break-glass key is the offline root itself"
    if keys and not LOGIN_NAME.fullmatch(trust.break_glass_account):
        return "break-glass is for no account that could be one"
    return None


def verify_bundle(signed: Signed, trust: TrustDocument, *, now: float | None, known_version: int = 0) -> HostBundle:
    """The host bundle, if a bundle key of this verified trust document has signed it.

    `now` is in unix seconds, None for one that was judged when it came and holds on by heartbeats; `known_version` is
    the highest version seen before. User CA keys that the trust document
    does not name are refused. Raises as `verify_trust`, and Unauthenticated for one that has expired.
    """
    bundle = _verify(signed, HostBundle, trust, now, known_version)
    keys = public_keys(bundle.user_ca)
    if not keys or not set(keys) <= set(public_keys(trust.user_ca)):
        raise Unauthenticated(
            "the host bundle names a user CA key that the trust document does not", code="bundle.user-ca", hint=_ASK
        )
    return bundle


def verify_heartbeat(signed: Signed, trust: TrustDocument, *, now: float, known_version: int = 0) -> HostHeartbeat:
    """The word that a host's bundle holds on. Which bundle that is, the caller compares."""
    return _verify(signed, HostHeartbeat, trust, now, known_version)


def verify_client_bundle(signed: Signed, trust: TrustDocument, *, now: float, known_version: int = 0) -> ClientBundle:
    """The laptop's bundle, verified as a host's is. Its names end up in ssh's configuration: one that this
    verified trust document does not let the host CA speak for has the whole of it refused (Unauthenticated). Its KRL
    is one that `wire` reads; Invalid if not.
    """
    bundle = _verify(signed, ClientBundle, trust, now, known_version)
    names, all_of_them = host_names(trust), frozenset(bundle.enrolled)
    for name in bundle.enrolled:
        if not names.admits(name, all_of_them):
            raise Unauthenticated(
                f"the client bundle names a host that this CA may not speak for: {name[:80]!r}",
                code="bundle.host",
                hint=_ASK,
            )
    _check_ways(bundle.bastions, frozenset(filter(names.holds, all_of_them)), all_of_them)
    Krl.parse(bundle.host_krl)
    return bundle


def _check_ways(ways: Sequence[BastionWay], whole: frozenset[str], enrolled: frozenset[str]) -> None:
    """ssh would follow them for ever where they lead round in a circle. Raises Unauthenticated."""
    found: dict[str, str] = {}
    for way in ways:
        for name in way.hosts:
            if name in found or name not in enrolled or way.via not in whole:
                raise _no_way(name)
            found[name] = way.via
    for name in {way.via for way in ways}:
        at, steps = name, 0
        while at in found:
            at, steps = found[at], steps + 1
            if steps > len(ways):
                raise _no_way(name)


def _no_way(name: str) -> Unauthenticated:
    text = f"the client bundle leads to {name[:80]!r} by no way that can be gone"
    return Unauthenticated(text, code="bundle.bastion", hint=_ASK)


def verify_my_hosts(
    signed: Signed, trust: TrustDocument, *, now: float | None = None, known_version: int = 0
) -> MyHosts:
    """The list of hosts that a person may reach, verified as a bundle is. None: judged when it came."""
    return _verify(signed, MyHosts, trust, now, known_version)


def host_names(trust: TrustDocument) -> HostNames:
    """What the host CA may speak for, as the offline root has signed it."""
    return HostNames(tuple(trust.host_patterns), trust.short_domain, tuple(trust.address_networks))


def public_keys(lines: Iterable[str]) -> tuple[PublicKey, ...]:
    """Public key lines as keys, in their order. Raises Invalid for any that is none."""
    return tuple(PublicKey.from_line(line) for line in lines)


_ASK = "do not go on; ask the operator of the CA whether its keys or its address have changed"


def _verify(
    signed: Signed, kind: type[_Bundle], trust: TrustDocument, now: float | None, known_version: int
) -> _Bundle:
    """What all bundles have in common: whose they are, for which CA, and when."""
    what, namespace = _BUNDLES[kind]
    if _signer(signed, namespace) not in public_keys(trust.bundle_keys):
        raise Unauthenticated(f"the {what} is not signed by a key of this CA", code="bundle.signature", hint=_ASK)
    bundle = _decode(signed, kind)
    if bundle.ca_id != trust.ca_id:
        raise Unauthenticated(f"the {what} belongs to another CA", code="bundle.ca-id", hint=_ASK)
    _check_version(what, bundle.version, known_version)
    if now is not None:
        _check_time(what, bundle, now)
    return bundle


def _signer(signed: Signed, namespace: str) -> PublicKey:
    """The key that made this signature over exactly the document's bytes. Whose it is, the caller asks."""
    signature = SshSignature.from_armor(signed.signature)
    signature.verify(namespace, signed.document.encode(), None)
    return signature.public_key


def _decode(signed: Signed, kind: type[_Document]) -> _Document:
    """The document, parsed only now that its signature holds. Unknown fields are a newer CA's, and ignored."""
    try:
        document = msgspec.json.decode(signed.document, type=kind)
    except (msgspec.DecodeError, UnicodeEncodeError) as error:
        raise Invalid(f"a signed document can't be read: {error}", code="document.malformed", hint=_ASK) from error
    expected = _TYPES[kind]
    if document.type != expected:
        raise Invalid(
            f"a document of type {document.type[:64]!r} where {expected!r} was expected",
            code="document.type",
            hint=_ASK,
        )
    return document


_TYPES: dict[type, str] = {
    TrustDocument: "daypass-trust-v1",
    HostBundle: "daypass-host-bundle-v1",
    ClientBundle: "daypass-client-bundle-v1",
    HostHeartbeat: "daypass-host-heartbeat-v1",
    MyHosts: "daypass-my-hosts-v1",
}
_BUNDLES: dict[type, tuple[str, str]] = {
    HostBundle: ("host bundle", BUNDLE_NAMESPACE),
    ClientBundle: ("client bundle", CLIENT_BUNDLE_NAMESPACE),
    HostHeartbeat: ("host heartbeat", HEARTBEAT_NAMESPACE),
    MyHosts: ("list of your hosts", MY_HOSTS_NAMESPACE),
}


def _check_version(what: str, version: int, known: int) -> None:
    if version < known:
        raise Conflict(
            f"the {what} has version {version}, and version {known} was seen before",
            code="document.rollback",
            hint="the CA may have been restored from a backup; ask its operator",
        )


def _check_time(what: str, bundle: HostBundle | ClientBundle | HostHeartbeat | MyHosts, now: float) -> None:
    if bundle.issued_at > now + CLOCK_SLACK:
        raise Unauthenticated(
            f"the {what} comes from the future", code="bundle.time", hint="set this machine's clock (timedatectl)"
        )
    if bundle.expires <= now:
        raise Unauthenticated(
            f"the {what} has expired", code="bundle.expired", hint="check this machine's clock (timedatectl)"
        )
