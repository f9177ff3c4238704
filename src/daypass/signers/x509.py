"""The CA's own TLS: a root that is pinned by its fingerprint, and the short-lived leaves it issues to this CA alone.

    root    P-256, 10 years, CA:TRUE pathlen:0, keyCertSign; carries the CA id in an extension of ours, so that one
            fingerprint pins both the TLS root and the offline trust root (trust 5.6)
    leaf    P-256, 7 days, serverAuth, a new key each time

RFC 5280. Times are unix seconds. The root's key lies in a file like any CA key, its certificate beside it as `.crt`.
"""

from __future__ import annotations

import ipaddress
import secrets
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID, ObjectIdentifier

from daypass.errors import Misconfigured
from daypass.signers.file import load_key
from daypass.wire.binding import CA_ID_SIZE, TRUST_ROOT_OID

__all__ = [
    "LEAF_LIFETIME",
    "ROOT_LIFETIME",
    "certificate_file",
    "cross_file",
    "cross_sign",
    "cross_signed",
    "encode_certificate",
    "fingerprint",
    "issue_leaf",
    "load_root",
    "make_root",
]

ROOT_LIFETIME = 3650 * 86400
LEAF_LIFETIME = 7 * 86400
_BACKDATE = 3600  # for clients whose clocks run behind


def make_root(name: str, ca_id: bytes, now: float) -> tuple[x509.Certificate, ec.EllipticCurvePrivateKey]:
    """A self-signed root for the CA called `name` (64 characters at most); `ca_id` is 32 bytes."""
    if len(ca_id) != CA_ID_SIZE:
        raise ValueError(f"a CA id has {CA_ID_SIZE} bytes")
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    identifier = x509.SubjectKeyIdentifier.from_public_key(key.public_key())
    builder = (
        _builder(subject, subject, key.public_key(), now, ROOT_LIFETIME)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_usage(key_cert_sign=True), critical=True)
        .add_extension(identifier, critical=False)
        .add_extension(x509.UnrecognizedExtension(ObjectIdentifier(TRUST_ROOT_OID), ca_id), critical=False)
    )
    return builder.sign(key, hashes.SHA256()), key


def cross_sign(
    root: x509.Certificate, by: x509.Certificate, by_key: ec.EllipticCurvePrivateKey, now: float
) -> x509.Certificate:
    """The root's name and key under the signature of the root before it, which must have the same name.

    With it in the chain, who pins the old root alone follows it to a leaf of the new one. Such a self-issued
    certificate does not count against the old root's pathlen:0 (RFC 5280 section 6.1.4 (l)).
    """
    if root.subject != by.subject:
        raise ValueError("both roots have to have the same name")
    key = root.public_key()
    if not isinstance(key, ec.EllipticCurvePublicKey):
        raise TypeError("not an elliptic curve key")
    lifetime = by.not_valid_after_utc.timestamp() - now
    builder = (
        _builder(root.subject, by.subject, key, now, lifetime)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_usage(key_cert_sign=True), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(by_key.public_key()), critical=False)
    )
    return builder.sign(by_key, hashes.SHA256())


def cross_file(key_file: Path) -> Path:
    """Where a root's certificate by the root before it lies."""
    return key_file.with_suffix(".cross")


def cross_signed(key_file: Path) -> bytes:
    """Its PEM, b"" where there is none (any more). Raises Misconfigured for a file that holds something else."""
    path = cross_file(key_file)
    try:
        data = path.read_bytes()
        x509.load_pem_x509_certificate(data)
    except FileNotFoundError:
        return b""
    except (OSError, ValueError) as error:
        raise Misconfigured(f"{path} can't be read as a certificate", code="tls.cross") from error
    return data


def issue_leaf(
    root: x509.Certificate, root_key: ec.EllipticCurvePrivateKey, names: Iterable[str], now: float
) -> tuple[bytes, bytes]:
    """A leaf for these host names and addresses: certificate PEM and private key PEM.

    It ends no later than its root.
    """
    alternatives = [_general_name(name) for name in dict.fromkeys(names)]
    if not alternatives:
        raise ValueError("a leaf needs a name")
    key = ec.generate_private_key(ec.SECP256R1())
    lifetime = min(LEAF_LIFETIME, root.not_valid_after_utc.timestamp() - now)
    authority = x509.AuthorityKeyIdentifier.from_issuer_public_key(root_key.public_key())
    builder = (
        _builder(x509.Name([]), root.subject, key.public_key(), now, lifetime)
        # RFC 5280 section 4.2.1.6: with an empty subject the alternative names are critical
        .add_extension(x509.SubjectAlternativeName(alternatives), critical=True)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_usage(digital_signature=True), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .add_extension(authority, critical=False)
    )
    return encode_certificate(builder.sign(root_key, hashes.SHA256())), _pem(key)


def load_root(key_file: Path, passphrase: bytes | None) -> tuple[x509.Certificate, ec.EllipticCurvePrivateKey]:
    """The root and its key. Raises Misconfigured: a file is missing, locked, readable by others, mismatched."""
    key = load_key(key_file, passphrase)
    if not isinstance(key, ec.EllipticCurvePrivateKey):
        raise Misconfigured(f"{key_file} is not an elliptic curve key", code="tls.key")
    path = certificate_file(key_file)
    try:
        root = x509.load_pem_x509_certificate(path.read_bytes())
    except (OSError, ValueError) as exc:
        reason = (isinstance(exc, OSError) and exc.strerror) or "not a certificate"
        raise Misconfigured(f"the TLS root {path} can't be read: {reason}", code="tls.root") from exc
    if root.public_key() != key.public_key():
        raise Misconfigured(f"{path} is not the certificate of {key_file}", code="tls.root")
    return root, key


def certificate_file(key_file: Path) -> Path:
    return key_file.with_suffix(".crt")


def fingerprint(certificate: x509.Certificate) -> str:
    """SHA-256 of the DER form in hex: what people and hosts pin."""
    return certificate.fingerprint(hashes.SHA256()).hex()


def encode_certificate(certificate: x509.Certificate) -> bytes:
    return certificate.public_bytes(serialization.Encoding.PEM)


def _pem(key: ec.EllipticCurvePrivateKey) -> bytes:
    encoding, pkcs8 = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8
    return key.private_bytes(encoding, pkcs8, serialization.NoEncryption())


def _builder(
    subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePublicKey, now: float, lifetime: float
) -> x509.CertificateBuilder:
    moment = datetime.fromtimestamp(int(now), UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key)
        .serial_number(secrets.randbits(126) | 1 << 126)  # RFC 5280 section 4.1.2.2: 20 octets at most
        .not_valid_before(moment - timedelta(seconds=_BACKDATE))
        .not_valid_after(moment + timedelta(seconds=int(lifetime)))
    )


def _usage(*, digital_signature: bool = False, key_cert_sign: bool = False) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=digital_signature,
        key_cert_sign=key_cert_sign,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        crl_sign=False,
        encipher_only=False,
        decipher_only=False,
    )


def _general_name(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        return x509.DNSName(name)
