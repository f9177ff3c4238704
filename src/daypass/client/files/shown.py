"""Keys and certificates as they are, for showing: whatever an SSH tool may have written, weak or strange.

Nothing here judges, and nothing here may be believed: signatures are not looked at, RSA keys of 512 bits are as
welcome as DSA. Text in them is other people's and may hold anything; who prints it makes it inert. Plain classes and
no cryptography: cron and shell prompts come through here.
"""

from __future__ import annotations

import binascii

from daypass.errors import Invalid
from daypass.wire.buffer import Reader

__all__ = ["FOREVER", "ShownCertificate", "ShownKey", "key_name"]

FOREVER = 2**64 - 1
_FIELDS = {"ssh-ed25519": 1, "ssh-rsa": 2, "ssh-dss": 4, "sk-ssh-ed25519": 2, "sk-ecdsa-sha2-nistp256": 3}
_FIELDS |= {f"ecdsa-sha2-nistp{bits}": 2 for bits in (256, 384, 521)}
_NAMES = {"ssh-ed25519": "ED25519", "ssh-rsa": "RSA", "ssh-dss": "DSA"}
_NAMES |= {"sk-ssh-ed25519": "ED25519-SK", "sk-ecdsa-sha2-nistp256": "ECDSA-SK"}
_MARK = "-cert-v01"
_MAX_ENTRIES = 4096


class ShownKey:
    """A public key or certificate: `type` as on the wire, `bits`, `name` as ssh-keygen calls it (`ED25519-CERT`).

    `blob` is all of it, `key_blob` the key alone, which is what a fingerprint is of. Raises Invalid where the bytes
    are none of a type we know.
    """

    __slots__ = ("bits", "blob", "certificate", "key_blob", "name", "type")

    def __init__(self, blob: bytes) -> None:
        reader = Reader(blob)
        self.blob = blob
        self.type = _text(reader.string())
        family = _family(self.type)
        is_certificate = f"{_MARK}@" in self.type
        head = _string(self.type.replace(_MARK, "").encode())
        if not family.startswith("sk-"):
            head = _string(family.encode())
        if is_certificate:
            reader.string()  # nonce
        start, fields = reader.at, [reader.string() for _ in range(_FIELDS[family])]
        self.key_blob = head + blob[start : reader.at]
        self.bits = _bits(family, fields)
        self.name = key_name(self.type)
        self.certificate = ShownCertificate(reader) if is_certificate else None
        reader.end()

    @property
    def fingerprint(self) -> str:
        """Of the key, as `ssh-keygen -l` prints it."""
        return _sha256(self.key_blob)

    @property
    def whole_fingerprint(self) -> str:
        """Of every byte: for a certificate, of that one certificate."""
        return _sha256(self.blob)


class ShownCertificate:
    """What a certificate says (OpenSSH PROTOCOL.certkeys); options as (name, text), text None for a bare flag."""

    __slots__ = (
        "critical_options",
        "extensions",
        "key_id",
        "kind",
        "principals",
        "serial",
        "signature_algorithm",
        "signer",
        "valid_after",
        "valid_before",
    )  # fmt: skip

    def __init__(self, reader: Reader) -> None:
        self.serial, kind = reader.uint64(), reader.uint32()
        self.kind = {1: "user", 2: "host"}.get(kind, f"unknown ({kind})")
        self.key_id = _text(reader.string())
        self.principals = [_text(each) for each in _strings(reader.string())]
        self.valid_after, self.valid_before = reader.uint64(), reader.uint64()
        self.critical_options = _options(reader.string())
        self.extensions = _options(reader.string())
        reader.string()  # reserved
        self.signer = _signer(reader.string())
        self.signature_algorithm = _text(Reader(reader.string()).string())


def key_name(type_name: str) -> str:
    """`ED25519-CERT` for `ssh-ed25519-cert-v01@openssh.com`."""
    family = _family(type_name)
    return _NAMES.get(family, "ECDSA") + ("-CERT" if f"{_MARK}@" in type_name else "")


def _family(type_name: str) -> str:
    family = type_name.partition("@")[0].removesuffix(_MARK)
    if family not in _FIELDS:
        raise Invalid(f"keys of type {type_name[:64]!r} are not known here")
    return family


def _signer(blob: bytes) -> ShownKey:
    """Not a certificate: one inside a certificate would hold another, and so on (golang/go#80414)."""
    if _MARK.encode() in blob[:64]:
        raise Invalid("the certificate says that a certificate signed it")
    return ShownKey(blob)


def _bits(family: str, fields: list[bytes]) -> int:
    if family in ("ssh-rsa", "ssh-dss"):
        return int.from_bytes(fields[1 if family == "ssh-rsa" else 0], "big").bit_length()
    return int(family.rpartition("nistp")[2]) if "nistp" in family else 256


def _options(data: bytes) -> list[tuple[str, str | None]]:
    parts = _strings(data)
    return [(_text(name), _value(value)) for name, value in zip(parts[::2], parts[1::2], strict=True)]


def _value(data: bytes) -> str | None:
    """Text where the data is one string, as all known options have it; else its bytes in hex."""
    if not data:
        return None
    try:
        (only,) = _strings(data)
        return only.decode()
    except (Invalid, ValueError):
        return f"0x{data.hex()}"


def _strings(data: bytes) -> list[bytes]:
    reader, found = Reader(data), list[bytes]()
    while reader.remaining:
        found.append(reader.string())
        if len(found) > _MAX_ENTRIES:
            raise Invalid("a certificate with thousands of entries is none that OpenSSH would read")
    return found


def _text(data: bytes) -> str:
    return data.decode("utf-8", "replace")


def _string(data: bytes) -> bytes:
    return len(data).to_bytes(4, "big") + data


def _sha256(data: bytes) -> str:
    from hashlib import sha256

    return "SHA256:" + binascii.b2a_base64(sha256(data).digest(), newline=False).decode().rstrip("=")
