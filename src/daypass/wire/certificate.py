"""OpenSSH certificates, version 01 (OpenSSH PROTOCOL.certkeys).

This file knows their form alone. What may stand in one is decided elsewhere: an empty list of principals is
good form, and a certificate nobody should ever sign.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import IntEnum
from functools import lru_cache
from itertools import pairwise

from daypass.errors import Invalid
from daypass.wire.buffer import Reader, string, uint32, uint64
from daypass.wire.keys import CERTIFICATE_SUFFIX, KEY_TYPES, PublicKey, make_line, skip_fields, split_line

__all__ = ["FOREVER", "MAX_CERTIFICATE_BYTES", "MAX_PRINCIPALS", "CertType", "Certificate"]

FOREVER = 2**64 - 1
"""`valid_before` of a certificate that never expires."""

MAX_CERTIFICATE_BYTES = 65536
MAX_PRINCIPALS = 256
"""OpenSSH's limit (SSHKEY_CERT_MAX_PRINCIPALS): it refuses the whole certificate beyond it."""

_SUBJECTS = {string(key_type.removesuffix("@openssh.com") + CERTIFICATE_SUFFIX): key_type for key_type in KEY_TYPES}
_USER_OPTIONS = frozenset({"force-command", "source-address", "verify-required"})

Options = tuple[tuple[str, str], ...]


class CertType(IntEnum):
    """Whom a certificate speaks for."""

    USER = 1
    HOST = 2


@dataclass(frozen=True, slots=True)
class Certificate:
    """One certificate, as it stands on the wire:

        string  type            key type + "-cert-v01@openssh.com"
        string  nonce           random, so that nobody can choose what the CA signs
        ...                     the public key's fields (see PublicKey)
        uint64  serial
        uint32  type            1 user, 2 host
        string  key id
        string  principals      string after string
        uint64  valid after     unix seconds, inclusive
        uint64  valid before    unix seconds, exclusive
        string  critical options     string name, string data; sorted, unique
        string  extensions           the same
        string  reserved
        string  signature key   a blob of its own
        string  signature       over everything above

    Option data is "" for a flag, else text, which goes out as a string inside the string. A certificate
    without a signature yet is checked as it is made; a signed one as it is parsed.
    """

    nonce: bytes
    public_key: PublicKey
    serial: int
    type: CertType
    key_id: str
    principals: tuple[str, ...]
    valid_after: int
    valid_before: int
    critical_options: Options
    extensions: Options
    signature_key: PublicKey
    signature: bytes = b""
    reserved: bytes = b""
    _body: bytes = field(init=False, default=b"", repr=False, compare=False)  # `to_be_signed`, once it was asked for

    def __post_init__(self) -> None:
        if not self.signature:
            _check_form(self)

    def to_be_signed(self) -> bytes:
        """Everything but the signature: the bytes a CA signs."""
        if not self._body:
            object.__setattr__(self, "_body", _encode_body(self))
        return self._body

    def encode(self) -> bytes:
        """The whole blob. `Invalid` while there is no signature, or beyond 64 KiB."""
        if not self.signature:
            raise Invalid("a certificate without a signature can't be written")
        blob = self.to_be_signed() + string(self.signature)
        if len(blob) > MAX_CERTIFICATE_BYTES:
            raise Invalid(f"a certificate of {len(blob)} bytes is too large: {MAX_CERTIFICATE_BYTES} is the limit")
        return blob

    @classmethod
    def parse(cls, blob: bytes, strict: bool = True) -> Certificate:
        """Read a blob; `encode` gives back the same bytes. The signature is not judged: `verify_signature`.

        With `strict=False` options may be out of order and the reserved field may hold something, as
        PROTOCOL.certkeys lets readers ignore: for showing what another CA made, never for believing it.
        """
        if len(blob) > MAX_CERTIFICATE_BYTES:
            raise Invalid(f"a certificate of {len(blob)} bytes is too large: {MAX_CERTIFICATE_BYTES} is the limit")
        certificate = _read(bytes(blob))
        if strict:
            _check_form(certificate)
        return certificate

    @classmethod
    def from_line(cls, line: str, strict: bool = True) -> Certificate:
        """Read the line of an id-cert.pub file."""
        type_name, blob = split_line(line)
        certificate = cls.parse(blob, strict)
        if certificate.public_key.certificate_type != type_name:
            raise Invalid(f"the line says {type_name[:64]!r} but the certificate in it is of another type")
        return certificate

    def line(self, comment: str = "") -> str:
        """The line of an id-cert.pub file, without a line break."""
        return make_line(self.public_key.certificate_type, self.encode(), comment)

    def with_signature(self, signature: bytes) -> Certificate:
        """The same certificate, signed. The signature is taken as it is: `verify_signature` judges it."""
        signed = Certificate(  # written out: dataclasses.replace would take as long as encoding does
            self.nonce,
            self.public_key,
            self.serial,
            self.type,
            self.key_id,
            self.principals,
            self.valid_after,
            self.valid_before,
            self.critical_options,
            self.extensions,
            self.signature_key,
            signature,
            self.reserved,
        )
        object.__setattr__(signed, "_body", self._body)
        return signed

    def verify_signature(self) -> None:
        """Raise `Invalid` unless the signature is the signature key's. Whose that is, is not asked here."""
        self.signature_key.verify(self.signature, self.to_be_signed())

    @property
    def unknown_critical_options(self) -> tuple[str, ...]:
        """Names that whoever reads this must refuse it for. Host certificates have no known ones at all."""
        known = _USER_OPTIONS if self.type is CertType.USER else frozenset[str]()
        return tuple(name for name, _ in self.critical_options if name not in known)


def _read(blob: bytes) -> Certificate:
    reader = Reader(blob)
    key_type = _SUBJECTS.get(string(reader.string()))
    if key_type is None:
        raise Invalid("that is not a certificate of a type we know")
    certificate = Certificate(
        nonce=reader.string(),
        public_key=_read_subject(key_type, reader, blob),
        serial=reader.uint64(),
        type=_cert_type(reader.uint32()),
        key_id=reader.text(),
        principals=_read_principals(reader.string()),
        valid_after=reader.uint64(),
        valid_before=reader.uint64(),
        critical_options=_read_options(reader.string()),
        extensions=_read_options(reader.string()),
        reserved=reader.string(),
        signature_key=PublicKey.parse(reader.string()),
        signature=_signature(reader.string()),
    )
    reader.end()
    return certificate


def _read_subject(key_type: str, reader: Reader, blob: bytes) -> PublicKey:
    start = reader.at
    skip_fields(key_type, reader)
    return PublicKey.parse(string(key_type) + blob[start : reader.at])


def _cert_type(value: int) -> CertType:
    try:
        return CertType(value)
    except ValueError as error:
        raise Invalid(f"a certificate is for a user (1) or a host (2), not {value}") from error


def _signature(data: bytes) -> bytes:
    if not data:
        raise Invalid("the certificate carries no signature")
    return data


def _read_principals(data: bytes) -> tuple[str, ...]:
    reader, principals = Reader(data), list[str]()
    while reader.remaining:
        principals.append(reader.text())
        _check_count(len(principals))
    return tuple(principals)


def _check_count(principals: int) -> None:
    if principals > MAX_PRINCIPALS:
        raise Invalid(f"more principals than the {MAX_PRINCIPALS} OpenSSH reads")


def _read_options(data: bytes) -> Options:
    reader, options = Reader(data), list[tuple[str, str]]()
    while reader.remaining:
        options.append((reader.text(), _read_option_data(reader.string())))
    if len(dict(options)) != len(options):
        raise Invalid("an option stands there twice")
    return tuple(options)


def _read_option_data(data: bytes) -> str:
    """A restriction that is there but empty was read as no restriction (CVE-2026-46595): refused."""
    if not data:
        return ""
    reader = Reader(data)
    text = reader.text()
    reader.end()
    if not text:
        raise Invalid("an option's data is there but empty")
    return text


def _encode_body(certificate: Certificate) -> bytes:
    return b"".join(
        (
            string(certificate.public_key.certificate_type),
            string(certificate.nonce),
            certificate.public_key.fields,
            uint64(certificate.serial),
            uint32(certificate.type),
            string(certificate.key_id),
            string(b"".join(map(string, certificate.principals))),
            uint64(certificate.valid_after),
            uint64(certificate.valid_before),
            string(_encode_options(certificate.critical_options)),
            string(_encode_options(certificate.extensions)),
            string(certificate.reserved),
            string(certificate.signature_key.blob),
        )
    )


@lru_cache(maxsize=64)
def _encode_options(options: Options) -> bytes:
    """A CA gives everyone the same few."""
    return b"".join(string(name) + string(string(data) if data else b"") for name, data in options)


def _check_form(certificate: Certificate) -> None:
    """What PROTOCOL.certkeys says of the form, and every limit of our own."""
    if not 16 <= len(certificate.nonce) <= 256:
        raise Invalid("a certificate's nonce has 16 to 256 bytes")
    _check_count(len(certificate.principals))
    if certificate.reserved:
        raise Invalid("the certificate's reserved field holds something unknown")
    _check_order(certificate.critical_options)
    _check_order(certificate.extensions)


@lru_cache(maxsize=64)
def _check_order(options: Options) -> None:
    encoded = [string(name)[4:] for name, _ in options]
    if b"" in encoded or any(one >= other for one, other in pairwise(encoded)):
        raise Invalid("a certificate's options are named, sorted, and each stands once")
