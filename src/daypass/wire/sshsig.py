"""Signatures over messages, as `ssh-keygen -Y` makes them (OpenSSH PROTOCOL.sshsig).

The namespace says what a signature is for, so that one made for a file is worth nothing as a login.
"""

from __future__ import annotations

import binascii
import hashlib
from dataclasses import dataclass

from daypass.errors import Invalid
from daypass.wire.buffer import Reader, string, uint32
from daypass.wire.keys import PublicKey, decode_base64

__all__ = ["SshSignature", "to_be_signed"]

_MAGIC = b"SSHSIG"
_VERSION = 1
_HASHES = {"sha256": hashlib.sha256, "sha512": hashlib.sha512}
_BEGIN, _END = "-----BEGIN SSH SIGNATURE-----", "-----END SSH SIGNATURE-----"
_MAX_BYTES = 16384


def to_be_signed(namespace: str, message: bytes, hash: str = "sha512") -> bytes:
    """The bytes the key signs for `message`: `hash` is "sha256" or "sha512".

        byte[6] "SSHSIG"    string namespace    string reserved    string hash algorithm    string H(message)

    Raises `Invalid` for an empty namespace, which would let one signature serve every purpose.
    """
    _check_labels(namespace, hash)
    digest = _HASHES[hash](message).digest()
    return _MAGIC + string(namespace) + string(b"") + string(hash) + string(digest)


@dataclass(frozen=True, slots=True)
class SshSignature:
    """One detached signature:

    byte[6] "SSHSIG"
    uint32  version         1
    string  public key
    string  namespace       never empty
    string  reserved        empty
    string  hash algorithm  "sha256" or "sha512"
    string  signature       an SSH signature string
    """

    public_key: PublicKey
    namespace: str
    hash_algorithm: str
    signature: bytes

    def __post_init__(self) -> None:
        _check_labels(self.namespace, self.hash_algorithm)

    @classmethod
    def parse(cls, blob: bytes) -> SshSignature:
        """Read the binary form. The signature is not judged: `verify`."""
        if len(blob) > _MAX_BYTES:
            raise Invalid(f"a signature of {len(blob)} bytes is too large")
        reader = Reader(bytes(blob))
        if reader.raw(len(_MAGIC)) != _MAGIC or reader.uint32() != _VERSION:
            raise Invalid("that is not an SSH signature of version 1")
        public_key, namespace = PublicKey.parse(reader.string()), reader.text()
        if reader.string():
            raise Invalid("the signature's reserved field holds something unknown")
        signature = cls(public_key, namespace, reader.text(), reader.string())
        reader.end()
        return signature

    def encode(self) -> bytes:
        """The binary form."""
        head = _MAGIC + uint32(_VERSION) + string(self.public_key.blob) + string(self.namespace)
        return head + string(b"") + string(self.hash_algorithm) + string(self.signature)

    @classmethod
    def from_armor(cls, text: str) -> SshSignature:
        """Read the text form; lines may be of any length and end either way, nothing may stand around it."""
        lines = text.strip().splitlines()
        if len(text) > 2 * _MAX_BYTES or len(lines) < 3 or (lines[0], lines[-1]) != (_BEGIN, _END):
            raise Invalid("that is not an armored SSH signature", hint="it starts with " + _BEGIN)
        return cls.parse(decode_base64("".join(lines[1:-1])))

    def armor(self) -> str:
        """The text form, as ssh-keygen -Y writes it: lines of 70 characters, the last one ended."""
        body = binascii.b2a_base64(self.encode(), newline=False).decode()
        lines = (body[at : at + 70] for at in range(0, len(body), 70))
        return "\n".join([_BEGIN, *lines, _END, ""])

    def verify(self, namespace: str, message: bytes, key: PublicKey | None) -> None:
        """Raise `Invalid` unless this is a signature over `message` for `namespace` by `key`.

        `None` takes the key the signature brings along: then the caller must ask whose that is.
        """
        if self.namespace != namespace:
            raise Invalid(f"the signature was made for {self.namespace[:64]!r}, not for {namespace!r}")
        if key is not None and key != self.public_key:
            raise Invalid("the signature is by another key")
        self.public_key.verify(self.signature, to_be_signed(namespace, message, self.hash_algorithm))


def _check_labels(namespace: str, hash_algorithm: str) -> None:
    if not namespace:
        raise Invalid("a signature needs a namespace")
    if hash_algorithm not in _HASHES:
        raise Invalid(f"the hash algorithm {hash_algorithm[:64]!r} is not accepted", hint="use sha256 or sha512")
