"""SignedData as AWS and Azure write it (PKCS#7, RFC 5652 sections 5.1 to 5.6): one RSA signature by one signer.

pyca/cryptography verifies no PKCS#7, so asn1crypto takes it apart (AWS writes BER of indefinite length) and pyca
verifies. What is in there is no more than bytes until `verified` has returned it. A certificate that comes along is
believed for nothing here: who may have signed, the caller says.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from contextlib import suppress
from typing import Any

from asn1crypto import algos, cms
from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from msgspec import Struct

from daypass.errors import Invalid

__all__ = ["Signed"]

_HASHES: dict[str, type[hashes.SHA256] | type[hashes.SHA384] | type[hashes.SHA512]] = {
    "sha256": hashes.SHA256,
    "sha384": hashes.SHA384,
    "sha512": hashes.SHA512,
}
_LEAST_BITS, _MOST_BITS = 2048, 8192
MAX_CERTIFICATES = 8
# What pyca raises for parts of a certificate, when they are asked for.
_UNREADABLE = (ValueError, UnsupportedAlgorithm)
# What asn1crypto raises for bytes that are no ASN.1, or other ASN.1 than was asked for.
_BROKEN = (ValueError, TypeError, KeyError, IndexError, AttributeError, OverflowError, RecursionError)


class Signed(Struct, frozen=True):
    """Taken apart, nothing verified. `content`: None where the signature is of something that lies elsewhere.

    `covered`: the signed attributes as they were signed (RFC 5652 section 5.4), the content's digest among them; None
    where the content itself was signed.
    """

    content: bytes | None
    certificates: tuple[bytes, ...]  # DER of whatever came along
    issuer: bytes  # DER of the signer's issuer
    serial: int
    hash: str
    signature: bytes
    covered: bytes | None
    digest: bytes

    @classmethod
    def parse(cls, data: bytes) -> Signed:
        """Raises Invalid for whatever is not SignedData with exactly one signer, RSA, and SHA-2."""
        try:
            return _parsed(data)
        except _BROKEN as error:
            raise Invalid("this is no signature in PKCS#7 form", code="pkcs7.form") from error

    def signer(self, known: Iterable[x509.Certificate]) -> x509.Certificate:
        """The one it names, of these. Raises Invalid."""
        for each in known:
            with suppress(*_UNREADABLE):
                if each.serial_number == self.serial and each.issuer.public_bytes() == self.issuer:
                    return each
        raise Invalid("signed with a certificate that is not among those that count", code="pkcs7.signer")

    def verified(self, by: x509.Certificate, detached: bytes | None = None) -> bytes:
        """The content, once the signature holds. `detached`: what it must be, or is where it is not inside.

        Raises Invalid.
        """
        content = self.content if self.content is not None else detached
        if content is None or (detached is not None and content != detached):
            raise Invalid("what was signed is not what came with it", code="pkcs7.content")
        if self.covered is not None and _digest(self.hash, content) != self.digest:
            raise Invalid("the digest that was signed is of something else", code="pkcs7.digest")
        key = _key(by)
        if not isinstance(key, RSAPublicKey) or not _LEAST_BITS <= key.key_size <= _MOST_BITS:
            raise Invalid("the signer's key is no RSA key of 2048 bits or more", code="pkcs7.key")
        try:
            covered = content if self.covered is None else self.covered
            key.verify(self.signature, covered, PKCS1v15(), _HASHES[self.hash]())
        except InvalidSignature:
            raise Invalid("the signature is another one's", code="pkcs7.signature") from None
        return content


def _key(certificate: x509.Certificate) -> object:
    """pyca reads the parts of a certificate when they are asked for, and only then says that one is broken."""
    try:
        return certificate.public_key()
    except _UNREADABLE:
        return None


def _parsed(data: bytes) -> Signed:
    info = cms.ContentInfo.load(data, strict=True)
    if info["content_type"].native != "signed_data":
        raise ValueError("not SignedData")
    signed = info["content"]
    signers = signed["signer_infos"]
    inner = signed["encap_content_info"]
    if len(signers) != 1 or inner["content_type"].native != "data":
        raise ValueError("not one signer of plain data")
    signer = signers[0]
    issuer, serial = _named(signer)
    name = signer["digest_algorithm"]["algorithm"].native
    if name not in _HASHES or not _is_rsa(signer["signature_algorithm"], name):
        raise ValueError("not RSA with SHA-2")
    attributes = signer["signed_attrs"]
    there = len(attributes) > 0
    return Signed(
        content=bytes(inner["content"]) if inner["content"].native is not None else None,
        certificates=_certificates(signed["certificates"]),
        issuer=issuer,
        serial=serial,
        hash=name,
        signature=bytes(signer["signature"]),
        covered=attributes.untag().dump() if there else None,
        digest=_signed_digest(attributes) if there else b"",
    )


def _named(signer: Any) -> tuple[bytes, int]:
    if signer["sid"].name != "issuer_and_serial_number":
        raise ValueError("the signer is not named by issuer and serial")
    sid = signer["sid"].chosen
    return sid["issuer"].dump(), sid["serial_number"].native


def _is_rsa(algorithm: algos.SignedDigestAlgorithm, name: str) -> bool:
    """RSA PKCS#1 v1.5, said with its digest or without; never another digest than the content's."""
    return algorithm["algorithm"].native in ("rsassa_pkcs1v15", f"{name}_rsa")


def _signed_digest(attributes: Any) -> bytes:
    """RFC 5652 section 11: content type and digest, once each, with one value each."""
    values: dict[str, Any] = {}
    for attribute in attributes:
        kind = attribute["type"].native
        if kind in values or len(attribute["values"]) != 1:
            raise ValueError("an attribute stands there twice")
        values[kind] = attribute["values"][0]
    if values["content_type"].native != "data":
        raise ValueError("another type was signed")
    return bytes(values["message_digest"])


def _certificates(found: Sequence[Any]) -> tuple[bytes, ...]:
    if len(found) > MAX_CERTIFICATES:
        raise ValueError("too many certificates")
    return tuple(each.chosen.dump() for each in found)


def _digest(name: str, content: bytes) -> bytes:
    hasher = hashes.Hash(_HASHES[name]())
    hasher.update(content)
    return hasher.finalize()
