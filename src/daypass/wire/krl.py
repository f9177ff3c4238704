"""Key revocation lists (OpenSSH PROTOCOL.krl).

Revoked serials are written as lists and ranges, never as bitmaps: one over scattered serials grows so large
that sshd refuses to load it, and then lets nobody in. A section always names its CA key, since one without
revokes the certificates of every CA (trust 6.1).
"""

from __future__ import annotations

import struct
from base64 import b64encode
from bisect import bisect_left, bisect_right
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from itertools import pairwise

from daypass.errors import Invalid
from daypass.wire.buffer import Reader, string, uint32, uint64
from daypass.wire.keys import PublicKey

__all__ = [
    "CertificateSection",
    "Krl",
    "KrlHeader",
    "refusing",
    "revoked_among",
    "revokes_only_certificates",
    "sections_of",
]

_MAGIC = b"SSHKRL\n\x00"
_FORMAT = 1
_SECTION_CERTIFICATES, _SECTION_KEYS = 1, 2
_SERIAL_LIST, _SERIAL_RANGE = 0x20, 0x21

SerialRange = tuple[int, int]


@dataclass(frozen=True, slots=True)
class CertificateSection:
    """What is revoked of one CA:

        byte 1, string section:
            string  CA key       never empty
            string  reserved     empty
            byte 0x20, string of uint64          serials on their own
            byte 0x21, string of uint64 uint64   first and last of a range

    `serials` are (first, last) pairs, both included, 1 or greater, ascending and apart from each other.
    Serial 0 can't be revoked: OpenSSH reads it as "no serial".
    """

    ca_key: PublicKey
    serials: tuple[SerialRange, ...]

    def __post_init__(self) -> None:
        if any(not 1 <= first <= last < 2**64 for first, last in self.serials):
            raise Invalid("revoked serials are 1 or greater, and a range runs upwards")
        if any(one[1] >= other[0] for one, other in pairwise(self.serials)):
            raise Invalid("revoked serials stand in ascending order, each once")

    def encode(self) -> bytes:
        """The section, framed."""
        singles = _uint64s([first for first, last in self.serials if first == last])
        ranges = [uint64(first) + uint64(last) for first, last in self.serials if first != last]
        body = string(self.ca_key.blob) + string(b"")
        if singles:
            body += bytes([_SERIAL_LIST]) + string(singles)
        body += b"".join(bytes([_SERIAL_RANGE]) + string(each) for each in ranges)
        return bytes([_SECTION_CERTIFICATES]) + string(body)

    @classmethod
    def parse(cls, body: bytes) -> CertificateSection:
        """Read a section without its frame; `Invalid` if it holds more than lists and ranges of serials."""
        reader = Reader(body)
        ca_key = PublicKey.parse(reader.string())
        _expect_empty(reader.string())
        serials = list[SerialRange]()
        while reader.remaining:
            serials += _read_serials(reader.uint8(), Reader(reader.string()))
        return cls(ca_key, tuple(sorted(serials)))


@dataclass(frozen=True, slots=True)
class KrlHeader:
    """What stands first in every KRL:

    uint64  magic         "SSHKRL\\n\\0"
    uint32  format        1
    uint64  version       grows with every KRL
    uint64  generated at  unix seconds
    uint64  flags         0
    string  reserved      empty
    string  comment
    """

    version: int
    generated_at: int
    comment: str

    @classmethod
    def parse(cls, data: bytes) -> KrlHeader:
        """Read the header of any KRL, whatever its sections hold."""
        return cls._read(Reader(bytes(data)))

    def encode(self) -> bytes:
        """The header's bytes."""
        head = _MAGIC + uint32(_FORMAT) + uint64(self.version) + uint64(self.generated_at)
        return head + uint64(0) + string(b"") + string(self.comment)

    @classmethod
    def _read(cls, reader: Reader) -> KrlHeader:
        if reader.raw(len(_MAGIC)) != _MAGIC or reader.uint32() != _FORMAT:
            raise Invalid("that is not a KRL of format 1")
        version, generated_at, flags = reader.uint64(), reader.uint64(), reader.uint64()
        if flags:
            raise Invalid("the KRL carries flags nobody has defined")
        _expect_empty(reader.string())
        return cls(version, generated_at, reader.text())


@dataclass(frozen=True, slots=True)
class Krl:
    """A whole list: the header's fields, then the sections. Without sections it revokes nothing."""

    version: int
    generated_at: int
    comment: str
    sections: tuple[CertificateSection, ...] = ()

    @property
    def header(self) -> KrlHeader:
        """The fields of the header alone."""
        return KrlHeader(self.version, self.generated_at, self.comment)

    def encode(self) -> bytes:
        """The file's bytes."""
        return self.header.encode() + b"".join(section.encode() for section in self.sections)

    @classmethod
    def parse(cls, data: bytes) -> Krl:
        """Read a KRL as this class writes it; `Invalid` for sections of any other kind."""
        reader = Reader(bytes(data))
        header = KrlHeader._read(reader)
        sections = list[CertificateSection]()
        while reader.remaining:
            kind, body = reader.uint8(), reader.string()
            if kind != _SECTION_CERTIFICATES:
                raise Invalid(f"the KRL holds a section of kind {kind}, which is not read here")
            sections.append(CertificateSection.parse(body))
        return cls(header.version, header.generated_at, header.comment, tuple(sections))


def revokes_only_certificates(data: bytes) -> bool:
    """Whether every section is of certificates, and names the CA whose they are (trust 6.1). Others would take plain
    keys along, or certificates of every CA. Invalid where it can't be read."""
    reader = Reader(bytes(data))
    KrlHeader._read(reader)
    while reader.remaining:
        kind, body = reader.uint8(), Reader(reader.string())
        if kind != _SECTION_CERTIFICATES or not body.string():
            return False
    return True


def sections_of(data: bytes, ca_keys: Collection[PublicKey]) -> tuple[CertificateSection, ...]:
    """What it revokes of these CAs; the others' sections are not taken apart. Invalid where a key in it is spelt
    otherwise than OpenSSH writes it, which would hide whose section it is, and for revocations in any other form."""
    reader, found = Reader(bytes(data)), list[CertificateSection]()
    KrlHeader._read(reader)
    while reader.remaining:
        kind, body = reader.uint8(), reader.string()
        if kind == _SECTION_CERTIFICATES and PublicKey.parse(Reader(body).string()) in ca_keys:
            found.append(CertificateSection.parse(body))
    return tuple(found)


def revoked_among(data: bytes, wanted: Mapping[str, Collection[int]]) -> set[tuple[str, int]]:
    """Which of these serials it revokes: `wanted` and the answer go by (fingerprint of the CA key, serial).

    Without taking the list apart: it may hold a million serials, and a host has 40 MB. Sections of other kinds revoke
    no serial. Invalid where it can't be read, or holds serials in a form that is not read here.
    """
    reader, found = Reader(bytes(data)), set[tuple[str, int]]()
    KrlHeader._read(reader)
    while reader.remaining:
        kind, body = reader.uint8(), reader.string()
        if kind == _SECTION_CERTIFICATES:
            found |= _among(Reader(body), wanted)
    return found


def _among(section: Reader, wanted: Mapping[str, Collection[int]]) -> set[tuple[str, int]]:
    ca = "SHA256:" + b64encode(sha256(section.string()).digest()).decode().rstrip("=")
    serials, found = sorted(wanted.get(ca, ())), set[int]()
    section.string()
    while serials and section.remaining:
        kind, listed = section.uint8(), section.string()
        if kind == _SERIAL_LIST and len(listed) % 8 == 0:
            found.update(each for each in serials if _has(listed, uint64(each)))
        elif kind == _SERIAL_RANGE and len(listed) == 16:
            first, last = int.from_bytes(listed[:8], "big"), int.from_bytes(listed[8:], "big")
            found.update(serials[bisect_left(serials, first) : bisect_right(serials, last)])
        else:
            raise Invalid(f"the KRL revokes serials in form {kind:#04x}, which is not read here")
    return {(ca, each) for each in found}


def _has(listed: bytes, serial: bytes) -> bool:
    """Whether one of its numbers of 8 bytes is this one; the same bytes may stand across two others."""
    place = listed.find(serial)
    while place >= 0 and place % 8:
        place = listed.find(serial, place + 1)
    return place >= 0


def refusing(keys: Iterable[PublicKey], header: KrlHeader) -> bytes:
    """A whole KRL that revokes these keys themselves, and with a CA's every certificate that it has signed:

    byte 2, string section:  string of each key's blob, ascending
    """
    blobs = b"".join(string(blob) for blob in sorted({key.blob for key in keys}))
    return header.encode() + bytes([_SECTION_KEYS]) + string(blobs)


def _read_serials(kind: int, reader: Reader) -> Iterable[SerialRange]:
    if kind == _SERIAL_LIST and reader.remaining % 8 == 0:
        count = reader.remaining // 8
        return [(serial, serial) for serial in struct.unpack(f">{count}Q", reader.raw(8 * count))]
    if kind == _SERIAL_RANGE and reader.remaining == 16:
        return [(reader.uint64(), reader.uint64())]
    raise Invalid(f"the KRL revokes serials in form {kind:#04x}, which is not read here")


def _uint64s(numbers: Sequence[int]) -> bytes:
    """One behind the other: a list may hold a million."""
    return struct.pack(f">{len(numbers)}Q", *numbers)


def _expect_empty(reserved: bytes) -> None:
    if reserved:
        raise Invalid("a reserved field of the KRL holds something unknown")
