"""X.509 roots and leaves for tests, as strict as Python 3.13 wants them by default (RFC 5280)."""

from __future__ import annotations

import ssl
import tempfile
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from daypass.wire.binding import TRUST_ROOT_OID

__all__ = ["make_leaf", "make_root", "pem", "server_context"]


def make_root(
    name: str = "Test root", *, ca_id: bytes | None = None, days: int = 2
) -> tuple[x509.Certificate, ec.EllipticCurvePrivateKey]:
    """A root; with `ca_id` one that pins an offline trust root."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
    identifier = x509.SubjectKeyIdentifier.from_public_key(key.public_key())
    builder = (
        _builder(subject, subject, key, days)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_usage(key_cert_sign=True), critical=True)
        .add_extension(identifier, critical=False)
    )
    if ca_id is not None:
        pin = x509.UnrecognizedExtension(x509.ObjectIdentifier(TRUST_ROOT_OID), ca_id)
        builder = builder.add_extension(pin, critical=False)
    return builder.sign(key, hashes.SHA256()), key


def make_leaf(
    root: x509.Certificate,
    root_key: ec.EllipticCurvePrivateKey,
    names: Iterable[str] = ("localhost", "127.0.0.1"),
    *,
    days: float = 2,
) -> tuple[x509.Certificate, ec.EllipticCurvePrivateKey]:
    """A server's certificate for these host names and addresses."""
    key = ec.generate_private_key(ec.SECP256R1())
    authority = x509.AuthorityKeyIdentifier.from_issuer_public_key(root_key.public_key())
    builder = (
        _builder(x509.Name([]), root.subject, key, days)
        .add_extension(x509.SubjectAlternativeName([_general(name) for name in names]), critical=True)
        .add_extension(_usage(digital_signature=True), critical=True)
        .add_extension(authority, critical=False)
    )
    return builder.sign(root_key, hashes.SHA256()), key


def server_context(leaf: x509.Certificate, key: ec.EllipticCurvePrivateKey) -> ssl.SSLContext:
    """A TLS server's, with this certificate."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "leaf.pem"
        path.write_bytes(pem(key) + leaf.public_bytes(Encoding.PEM))
        context.load_cert_chain(path)
    return context


def pem(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


def _builder(
    subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePrivateKey, days: float
) -> x509.CertificateBuilder:
    now = datetime.now(UTC)
    builder = x509.CertificateBuilder(issuer, subject, key.public_key(), x509.random_serial_number())
    return builder.not_valid_before(now - timedelta(minutes=5)).not_valid_after(now + timedelta(days=days))


def _general(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ip_address(name))
    except ValueError:
        return x509.DNSName(name)


def _usage(*, digital_signature: bool = False, key_cert_sign: bool = False) -> x509.KeyUsage:
    rest = dict.fromkeys(
        ("content_commitment", "key_encipherment", "data_encipherment", "key_agreement", "crl_sign"), False
    )
    return x509.KeyUsage(
        digital_signature=digital_signature,
        key_cert_sign=key_cert_sign,
        encipher_only=False,
        decipher_only=False,
        **rest,
    )
