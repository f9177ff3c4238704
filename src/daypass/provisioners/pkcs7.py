"""SignedData as AWS and Azure write it (PKCS#7, RFC 5652 sections 5.1 to 5.6): one RSA signature by one signer.

pyca/cryptography verifies no PKCS#7, so it is taken apart here (AWS writes BER of indefinite length) and pyca
verifies. What is in there is no more than bytes until `verified` has returned it. A certificate that comes along is
believed for nothing here: who may have signed, the caller says.
"""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import suppress
from hashlib import new as hashed_by
from typing import TypedDict

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from msgspec import Struct

from daypass.errors import Invalid
from daypass.provisioners.ber import INTEGER, OCTETS, SEQUENCE, SET, Element, Reader, expected

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
# For bytes that are no ASN.1, other ASN.1 than was asked for, or end too soon.
_BROKEN = (ValueError, KeyError, IndexError)

_TAGGED, _LISTS = 0xA0, 0xA1  # [0] and [1], constructed
_NULL = bytes.fromhex("0500")
_SIGNED_DATA, _DATA = (bytes.fromhex(f"06092a864886f70d0107{each}") for each in ("02", "01"))
_CONTENT_TYPE, _MESSAGE_DIGEST = (bytes.fromhex(f"06092a864886f70d0109{each}") for each in ("03", "04"))
_HASH_OIDS = {
    bytes.fromhex(f"0609608648016503040{each}"): name
    for each, name in (("201", "sha256"), ("202", "sha384"), ("203", "sha512"))
}
_RSA = bytes.fromhex("06092a864886f70d010101")
_RSA_WITH = {
    name: bytes.fromhex(f"06092a864886f70d0101{each}")
    for name, each in (("sha256", "0b"), ("sha384", "0c"), ("sha512", "0d"))
}


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
        if self.covered is not None and hashed_by(self.hash, content).digest() != self.digest:
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
    read = Reader(data)
    kind, wrapped = read.parts(read.all(SEQUENCE))
    signed = read.only(expected(wrapped, _TAGGED), SEQUENCE)
    _version, _digests, inner, *more, signers = read.parts(signed)
    inner_kind, *inside = read.parts(expected(inner, SEQUENCE))
    if read.whole(kind) != _SIGNED_DATA or read.whole(inner_kind) != _DATA or len(inside) > 1:
        raise ValueError("not SignedData of plain data")
    if [each.tag for each in more] not in ([], [_TAGGED], [_LISTS], [_TAGGED, _LISTS]):
        raise ValueError("something stands where certificates and revocation lists may")
    signer = _signer(read, read.only(expected(signers, SET), SEQUENCE))
    return Signed(
        content=_content(read, inside[0]) if inside else None,
        certificates=_certificates(read, more),
        **signer,
    )


class _Signer(TypedDict):
    issuer: bytes
    serial: int
    hash: str
    signature: bytes
    covered: bytes | None
    digest: bytes


def _signer(read: Reader, signer: Element) -> _Signer:
    """RFC 5652 section 5.3. What is not signed of it (the last, unsigned attributes) is not looked at."""
    _version, sid, hashed, *attributes, algorithm, signature = _without_unsigned(read.parts(signer))
    issuer, serial = read.parts(expected(sid, SEQUENCE))
    name = _HASH_OIDS.get(_algorithm(read, hashed), "")
    if not name or _algorithm(read, algorithm) not in (_RSA, _RSA_WITH[name]):
        raise ValueError("not RSA with SHA-2, or with another digest than the content's")
    if len(attributes) > 1:
        raise ValueError("signed attributes twice")
    covered = read.whole(expected(attributes[0], _TAGGED)) if attributes else None
    return _Signer(
        issuer=read.whole(expected(issuer, SEQUENCE)),
        serial=int.from_bytes(read.content(expected(serial, INTEGER)), signed=True),
        hash=name,
        signature=read.octets(signature),
        covered=None if covered is None else bytes([SET]) + covered[1:],
        digest=_signed_digest(read, attributes[0]) if attributes else b"",
    )


def _without_unsigned(parts: list[Element]) -> list[Element]:
    return parts[:-1] if parts[-1].tag == _LISTS else parts


def _content(read: Reader, wrapped: Element) -> bytes:
    (octets,) = read.parts(expected(wrapped, _TAGGED))
    return read.octets(octets)


def _algorithm(read: Reader, element: Element) -> bytes:
    """The DER of its name. RSA and SHA-2 have no parameters: NULL, or none at all (RFC 5754 section 2)."""
    name, *parameters = read.parts(expected(element, SEQUENCE))
    if [read.whole(each) for each in parameters] not in ([], [_NULL]):
        raise ValueError("an algorithm with parameters")
    return read.whole(name)


def _signed_digest(read: Reader, attributes: Element) -> bytes:
    """RFC 5652 section 11: content type and digest, once each, with one value each."""
    values: dict[bytes, Element] = {}
    for attribute in read.parts(attributes):
        kind, found = read.parts(expected(attribute, SEQUENCE))
        name = read.whole(kind)
        if name in values:
            raise ValueError("an attribute stands there twice")
        (values[name],) = read.parts(expected(found, SET))
    if read.whole(values[_CONTENT_TYPE]) != _DATA:
        raise ValueError("another type was signed")
    return read.content(expected(values[_MESSAGE_DIGEST], OCTETS))


def _certificates(read: Reader, more: list[Element]) -> tuple[bytes, ...]:
    """Of the first of these, if it holds some: X.509 and nothing older (RFC 5652 section 10.2.2)."""
    found = read.parts(more[0]) if more and more[0].tag == _TAGGED else []
    if len(found) > MAX_CERTIFICATES:
        raise ValueError("too many certificates")
    return tuple(read.whole(expected(each, SEQUENCE)) for each in found)
