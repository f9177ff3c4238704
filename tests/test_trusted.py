"""Signed documents: what is believed, and every way in which one must not be."""

from __future__ import annotations

import datetime
from collections.abc import Callable
from hashlib import sha256
from typing import Any

import msgspec
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519

from daypass import api, trusted
from daypass.api import BUNDLE_NAMESPACE as BUNDLE
from daypass.api import CLIENT_BUNDLE_NAMESPACE as CLIENT
from daypass.api import TRUST_NAMESPACE as TRUST
from daypass.errors import Conflict, DaypassError, Invalid, Unauthenticated
from daypass.wire import Krl, PublicKey, SshSignature, sign_blob
from daypass.wire.binding import TRUST_ROOT_OID
from daypass.wire.sshsig import to_be_signed

NOW = 1_800_000_000
ROOT, BUNDLE_KEY, USER_CA, HOST_CA, STRANGER = (
    ed25519.Ed25519PrivateKey.from_private_bytes(bytes([n]) * 32) for n in range(5)
)
Key = ed25519.Ed25519PrivateKey


def line(key: Key) -> str:
    return PublicKey.from_cryptography(key.public_key()).line()


CA_ID = sha256(PublicKey.from_cryptography(ROOT.public_key()).blob).digest()


def signed(document: Any, key: Key, namespace: str) -> api.Signed:
    text = msgspec.json.encode(document).decode()
    signature = sign_blob(key, to_be_signed(namespace, text.encode()))
    public = PublicKey.from_cryptography(key.public_key())
    return api.Signed(text, SshSignature(public, namespace, "sha512", signature).armor())


def trust(**changes: Any) -> api.TrustDocument:
    document = api.TrustDocument(
        ca_id=CA_ID.hex(), version=5, issued_at=NOW - 60, user_ca=[line(USER_CA)], host_ca=[line(HOST_CA)],
        bundle_keys=[line(BUNDLE_KEY)], tls_roots=[], host_patterns=["*.example.com", "db.example.org"],
    )  # fmt: skip
    return msgspec.structs.replace(document, **changes)


def bundle(**changes: Any) -> api.HostBundle:
    document = api.HostBundle(
        ca_id=CA_ID.hex(), host_id="h1", name="web-1.example.com", version=9, issued_at=NOW - 60, expires=NOW + 3600,
        digest="", user_ca=[line(USER_CA)], roles=[], krl_digest="",
    )  # fmt: skip
    return msgspec.structs.replace(document, **changes)


def test_a_trust_document_signed_by_the_pinned_root_is_believed() -> None:
    assert trusted.verify_trust(signed(trust(), ROOT, TRUST), CA_ID, known_version=5) == trust()


def test_a_bundle_signed_by_a_key_of_the_trust_document_is_believed() -> None:
    proof = signed(bundle(), BUNDLE_KEY, BUNDLE)
    assert trusted.verify_bundle(proof, trust(), now=NOW, known_version=9) == bundle()


def test_fields_a_newer_ca_adds_are_ignored() -> None:
    newer = msgspec.to_builtins(trust()) | {"comes_later": 1}
    assert trusted.verify_trust(signed(newer, ROOT, TRUST), CA_ID) == trust()


BAD_TRUST: list[tuple[str, Callable[[], api.Signed], type[DaypassError], str]] = [
    ("by a stranger", lambda: signed(trust(), STRANGER, TRUST), Unauthenticated, "trust.signature"),
    ("by a bundle key", lambda: signed(trust(), BUNDLE_KEY, TRUST), Unauthenticated, "trust.signature"),
    ("for bundles", lambda: signed(trust(), ROOT, BUNDLE), Invalid, "invalid"),
    ("of another CA", lambda: signed(trust(ca_id="00" * 32), ROOT, TRUST), Unauthenticated, "trust.ca-id"),
    ("that is older", lambda: signed(trust(version=4), ROOT, TRUST), Conflict, "document.rollback"),
    ("without a host CA", lambda: signed(trust(host_ca=[]), ROOT, TRUST), Invalid, "trust.empty"),
    ("of another type", lambda: signed(trust(type="x"), ROOT, TRUST), Invalid, "document.type"),
    ("that is no object", lambda: signed([1], ROOT, TRUST), Invalid, "document.malformed"),
]  # fmt: skip


@pytest.mark.parametrize(("make", "error", "code"), [row[1:] for row in BAD_TRUST], ids=[row[0] for row in BAD_TRUST])
def test_a_trust_document_is_refused(make: Callable[[], api.Signed], error: type[DaypassError], code: str) -> None:
    with pytest.raises(error) as caught:
        trusted.verify_trust(make(), CA_ID, known_version=5)
    assert caught.value.code == code


def _bundle(key: Key = BUNDLE_KEY, namespace: str = BUNDLE, **changes: Any) -> api.Signed:
    return signed(bundle(**changes), key, namespace)


BAD_BUNDLES: list[tuple[str, Callable[[], api.Signed], str]] = [
    ("by a stranger", lambda: _bundle(STRANGER), "bundle.signature"),
    ("by the user CA", lambda: _bundle(USER_CA), "bundle.signature"),
    ("as a trust document", lambda: _bundle(namespace=TRUST), "invalid"),
    ("of another CA", lambda: _bundle(ca_id="00" * 32), "bundle.ca-id"),
    ("that is older", lambda: _bundle(version=8), "document.rollback"),
    ("that has expired", lambda: _bundle(expires=NOW), "bundle.expired"),
    ("from the future", lambda: _bundle(issued_at=NOW + 301), "bundle.time"),
    ("with a user CA of its own", lambda: _bundle(user_ca=[line(USER_CA), line(STRANGER)]), "bundle.user-ca"),
    ("without a user CA", lambda: _bundle(user_ca=[]), "bundle.user-ca"),
    ("of another type", lambda: _bundle(type="daypass-trust-v1"), "document.type"),
]


@pytest.mark.parametrize(("make", "code"), [row[1:] for row in BAD_BUNDLES], ids=[row[0] for row in BAD_BUNDLES])
def test_a_bundle_is_refused(make: Callable[[], api.Signed], code: str) -> None:
    with pytest.raises(DaypassError) as caught:
        trusted.verify_bundle(make(), trust(), now=NOW, known_version=9)
    assert caught.value.code == code


@pytest.mark.parametrize("change", [('"version":9', '"version":10'), ("web-1", "web-2"), ("}", "} ")])
def test_a_document_changed_after_it_was_signed_is_refused(change: tuple[str, str]) -> None:
    proof = _bundle()
    assert change[0] in proof.document
    with pytest.raises(Invalid, match="does not hold"):
        trusted.verify_bundle(api.Signed(proof.document.replace(*change), proof.signature), trust(), now=NOW)


def client_bundle(key: Key = BUNDLE_KEY, namespace: str = CLIENT, **changes: Any) -> api.Signed:
    document = api.ClientBundle(
        ca_id=CA_ID.hex(), version=9, issued_at=NOW - 60, expires=NOW + 3600,
        enrolled=["db.example.org", "web-1.example.com"], host_krl=Krl(9, NOW, "test").encode(),
    )  # fmt: skip
    return signed(msgspec.structs.replace(document, **changes), key, namespace)


def test_a_client_bundle_signed_by_a_key_of_the_trust_document_is_believed() -> None:
    found = trusted.verify_client_bundle(client_bundle(), trust(), now=NOW, known_version=9)
    assert found.enrolled == ["db.example.org", "web-1.example.com"]


def test_first_labels_and_addresses_are_believed_where_the_root_has_signed_for_them() -> None:
    names = ["10.0.0.7", "web-1", "web-1.example.com"]
    wider = trust(short_domain="example.com", address_networks=["10.0.0.0/8"])
    assert trusted.verify_client_bundle(client_bundle(enrolled=names), wider, now=NOW).enrolled == names
    for each in ({}, {"short_domain": "example.com"}, {"address_networks": ["10.0.0.0/8"]}):
        with pytest.raises(Unauthenticated):
            trusted.verify_client_bundle(client_bundle(enrolled=names), trust(**each), now=NOW)
    with pytest.raises(Unauthenticated):  # the label of a host that is not there
        trusted.verify_client_bundle(client_bundle(enrolled=["web-2", *names]), wider, now=NOW)


ALL_CAS: bytes = b"\1\0\0\0\x08" + bytes(8)  # a section that names no CA key: it would revoke every CA's certificates
BAD_CLIENT_BUNDLES: list[tuple[str, Callable[[], api.Signed], str]] = [
    ("by a stranger", lambda: client_bundle(STRANGER), "bundle.signature"),
    ("by the host CA", lambda: client_bundle(HOST_CA), "bundle.signature"),
    ("as a host's bundle", lambda: client_bundle(namespace=BUNDLE), "invalid"),
    ("that is a host's bundle", lambda: _bundle(namespace=CLIENT), "document.malformed"),
    ("of another CA", lambda: client_bundle(ca_id="00" * 32), "bundle.ca-id"),
    ("of another type", lambda: client_bundle(type="daypass-host-bundle-v1"), "document.type"),
    ("that is older", lambda: client_bundle(version=8), "document.rollback"),
    ("that has expired", lambda: client_bundle(expires=NOW), "bundle.expired"),
    ("from the future", lambda: client_bundle(issued_at=NOW + 301), "bundle.time"),
    ("without a KRL", lambda: client_bundle(host_krl=b""), "invalid"),
    ("with a KRL that is cut off", lambda: client_bundle(host_krl=Krl(9, NOW, "").encode()[:-1]), "invalid"),
    ("with a KRL of every CA", lambda: client_bundle(host_krl=Krl(9, NOW, "").encode() + ALL_CAS), "invalid"),
]


@pytest.mark.parametrize(
    ("make", "code"), [row[1:] for row in BAD_CLIENT_BUNDLES], ids=[row[0] for row in BAD_CLIENT_BUNDLES]
)
def test_a_client_bundle_is_refused(make: Callable[[], api.Signed], code: str) -> None:
    with pytest.raises(DaypassError) as caught:
        trusted.verify_client_bundle(make(), trust(), now=NOW, known_version=9)
    assert caught.value.code == code


@pytest.mark.parametrize(
    "name",
    ["github.com", "example.com", "*.example.com", "a.example.com,github.com", "!a.example.com", "a b.example.com",
     "", 'a"\nProxyCommand x\n.example.com', "A.example.com", "a.example.com\n", "ä.example.com", "-o.example.com",
     "example.org", "x.db.example.org", "a?.example.com", "10.0.0.1"],
)  # fmt: skip
def test_one_name_that_is_none_or_lies_outside_has_the_whole_bundle_refused(name: str) -> None:
    """Names end up in ssh's configuration, which every later connection goes through."""
    with pytest.raises(Unauthenticated) as caught:
        trusted.verify_client_bundle(client_bundle(enrolled=["web-1.example.com", name]), trust(), now=NOW)
    assert caught.value.code == "bundle.host"


def root_pem(value: bytes | None) -> str:
    key, name = ec.generate_private_key(ec.SECP256R1()), x509.Name([])
    builder = x509.CertificateBuilder(name, name, key.public_key(), 1)
    builder = builder.not_valid_before(datetime.datetime(2020, 1, 1, tzinfo=datetime.UTC))
    builder = builder.not_valid_after(datetime.datetime(2040, 1, 1, tzinfo=datetime.UTC))
    if value is not None:
        extension = x509.UnrecognizedExtension(x509.ObjectIdentifier(TRUST_ROOT_OID), value)
        builder = builder.add_extension(extension, critical=False)
    return builder.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM).decode()


def test_the_x509_root_pins_the_trust_root() -> None:
    assert trusted.extract_trust_root(root_pem(CA_ID)) == CA_ID


@pytest.mark.parametrize("pem", [root_pem(None), root_pem(b"short"), root_pem(CA_ID + b"\0"), "", "hello"])
def test_a_root_without_a_trust_root_is_refused(pem: str) -> None:
    with pytest.raises(Invalid) as caught:
        trusted.extract_trust_root(pem)
    assert caught.value.code == "trust.root"
