"""What the CA has to keep secret in its database, sealed by a key that lies beside it in a file (trust 6.10).

ChaCha20-Poly1305 (RFC 8439): 8 bytes that tell the key, a nonce of 12, the ciphertext with its tag. The file holds 32
bytes in base64, 0600, and is made when it is first needed; machines of one CA share it.
"""

from __future__ import annotations

import base64
import contextlib
import hashlib
import os
import stat
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from daypass.errors import Conflict, Invalid, Misconfigured
from daypass.signers.generate import write_new

__all__ = ["SecretsFile"]

_KEY_ID, _NONCE = 8, 12


class SecretsFile:
    """The key in this file, read when it is first needed, and made where there is none. What needs it raises
    Misconfigured for one that is open to others, that is none, or that can't be written."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._key: tuple[bytes, ChaCha20Poly1305, bytes] | None = None

    def seal(self, data: bytes, about: bytes) -> bytes:
        key_id, cipher, _ = self._known()
        nonce = os.urandom(_NONCE)
        return key_id + nonce + cipher.encrypt(nonce, data, key_id + about)

    def open(self, sealed: bytes, about: bytes) -> bytes | None:
        """None for what another key has sealed. Raises Invalid for what was altered, or is about something else."""
        key_id, cipher, _ = self._known()
        if sealed[:_KEY_ID] != key_id:
            return None
        nonce, text = sealed[_KEY_ID : _KEY_ID + _NONCE], sealed[_KEY_ID + _NONCE :]
        try:
            return cipher.decrypt(nonce, text, key_id + about)
        except (InvalidTag, ValueError):
            raise Invalid("what was sealed is not what lies here", code="seal.altered") from None

    def derived(self, use: bytes) -> bytes:
        """32 bytes for one `use` alone (HKDF, RFC 5869): the same wherever the CA has this file."""
        return HKDF(SHA256(), 32, salt=None, info=b"daypass-derived-v1\0" + use).derive(self._known()[2])

    def _known(self) -> tuple[bytes, ChaCha20Poly1305, bytes]:
        if self._key is None:
            key = _found_or_made(self._path)
            key_id = hashlib.sha256(b"daypass-secrets-v1\0" + key).digest()[:_KEY_ID]
            self._key = key_id, ChaCha20Poly1305(key), key
        return self._key


def _found_or_made(path: Path) -> bytes:
    try:
        return _read(path)
    except FileNotFoundError:
        with contextlib.suppress(Conflict):  # another process was faster
            write_new(path, base64.b64encode(os.urandom(32)) + b"\n", 0o600)
        return _read(path)


def _read(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            mode, text = os.fstat(file.fileno()).st_mode, file.read(1024)
    except FileNotFoundError:
        raise
    except OSError as error:
        raise _fault(path, f"can't be read: {error.strerror}") from error
    if not stat.S_ISREG(mode) or mode & 0o077:
        raise _fault(path, "can be read by others", f"chmod 600 {path}")
    try:
        key = base64.b64decode(text.strip(), validate=True)
    except ValueError:
        key = b""
    if len(key) != 32:
        raise _fault(path, "holds no key", "put it back, or remove it: a new one is made")
    return key


def _fault(path: Path, what: str, hint: str = "") -> Misconfigured:
    return Misconfigured(f"the key of sealed tokens {path} {what}", code="seal.key", hint=hint or None)
