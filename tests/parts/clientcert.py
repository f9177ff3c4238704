"""X.509 roots and client certificates as they should be, and as nobody should make them; at any time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

__all__ = ["Client", "Root", "make_root"]

CLIENT, SERVER = ExtendedKeyUsageOID.CLIENT_AUTH, ExtendedKeyUsageOID.SERVER_AUTH
_USAGES = ("content_commitment", "key_encipherment", "data_encipherment", "key_agreement", "encipher_only",
           "decipher_only")  # fmt: skip
Key = ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey


@dataclass(frozen=True, slots=True)
class Client:
    """A leaf, its key, and what leads to its root (the root itself left out), all in DER, the leaf first."""

    key: Key
    chain: tuple[bytes, ...]


@dataclass(frozen=True, slots=True)
class Root:
    """A CA, and those above it. `at`: when everything it makes begins, unix seconds; it lives for `days`."""

    certificate: x509.Certificate
    key: Key
    at: float
    above: tuple[bytes, ...] = ()

    @property
    def pem(self) -> str:
        return self.certificate.public_bytes(Encoding.PEM).decode()

    def intermediate(self, name: str = "Issuing") -> Root:
        made, key = _ca(name, self.at, self.certificate.subject, self.key)
        return Root(made, key, self.at, (made.public_bytes(Encoding.DER), *self.above))

    def revoked(
        self,
        *clients: Client,
        begins: float = 0,
        hours: float = 24,
        signer: Key | None = None,
        more: x509.ExtensionType | None = None,
    ) -> str:
        """A list that names these leaves, from `begins` seconds after the root's time, in PEM."""
        start = self.at + begins
        times = (datetime.fromtimestamp(each, UTC) for each in (start, start + hours * 3600))
        builder = x509.CertificateRevocationListBuilder(self.certificate.subject)
        builder = builder.last_update(next(times)).next_update(next(times))
        for each in clients:
            serial = x509.load_der_x509_certificate(each.chain[0]).serial_number
            entry = x509.RevokedCertificateBuilder(serial, datetime.fromtimestamp(self.at, UTC)).build()
            builder = builder.add_revoked_certificate(entry)
        if more is not None:
            builder = builder.add_extension(more, critical=True)
        return builder.sign(signer or self.key, SHA256()).public_bytes(Encoding.PEM).decode()

    def client(
        self,
        names: Sequence[x509.GeneralName] = (),
        *,
        cn: str = "",
        ou: str = "",
        hours: float = 1,
        begins: float = 0,
        purposes: Sequence[x509.ObjectIdentifier] = (CLIENT,),
        signs: bool = True,
        ca: bool = False,
        key: Key | None = None,
        signer: Key | ed25519.Ed25519PrivateKey | None = None,
    ) -> Client:
        """`hours`: its life, from `begins` seconds after the root's time. `signer`: who signs instead of us."""
        own = key or ec.generate_private_key(ec.SECP256R1())
        oids = ((NameOID.COMMON_NAME, cn), (NameOID.ORGANIZATIONAL_UNIT_NAME, ou))
        subject = x509.Name([x509.NameAttribute(oid, text) for oid, text in oids if text])
        start = self.at + begins
        builder = _builder(subject, self.certificate.subject, own, start, start + hours * 3600)
        if names:
            builder = builder.add_extension(x509.SubjectAlternativeName(names), critical=not subject.rdns)
        if purposes:
            builder = builder.add_extension(x509.ExtendedKeyUsage(purposes), critical=False)
        if ca:
            builder = builder.add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        authority = x509.AuthorityKeyIdentifier.from_issuer_public_key(self.key.public_key())
        builder = builder.add_extension(_usage(signs, False), critical=True).add_extension(authority, critical=False)
        leaf = builder.sign(signer or self.key, None if isinstance(signer, ed25519.Ed25519PrivateKey) else SHA256())
        return Client(own, (leaf.public_bytes(Encoding.DER), *self.above))


def make_root(at: float, name: str = "Client root") -> Root:
    made, key = _ca(name, at)
    return Root(made, key, at)


def _ca(
    name: str, at: float, issuer: x509.Name | None = None, issuer_key: Key | None = None
) -> tuple[x509.Certificate, Key]:
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    signer = issuer_key or key
    builder = (
        _builder(subject, issuer or subject, key, at - 86400, at + 30 * 86400)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .add_extension(_usage(False, True), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(signer.public_key()), critical=False)
    )
    return builder.sign(signer, SHA256()), key


def _builder(subject: x509.Name, issuer: x509.Name, key: Key, after: float, before: float) -> x509.CertificateBuilder:
    builder = x509.CertificateBuilder(issuer, subject, key.public_key(), x509.random_serial_number())
    times = (datetime.fromtimestamp(each, UTC) for each in (after, before))
    return builder.not_valid_before(next(times)).not_valid_after(next(times))


def _usage(digital_signature: bool, key_cert_sign: bool) -> x509.KeyUsage:
    rest = dict.fromkeys(_USAGES, False)
    return x509.KeyUsage(
        digital_signature=digital_signature, key_cert_sign=key_cert_sign, crl_sign=key_cert_sign, **rest
    )
