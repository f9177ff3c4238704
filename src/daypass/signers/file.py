"""CA keys in files: OpenSSH's own private key format, or PKCS #8.

The simplest signer, and the one to begin with. A file that others may read is no secret any more, so it is not
used. The key stays in this process; nothing here ever shows it.
"""

from __future__ import annotations

import os
import stat
from pathlib import Path
from typing import Any, cast

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import load_pem_private_key, load_ssh_private_key

from daypass.errors import Invalid, Misconfigured
from daypass.wire import PublicKey
from daypass.wire.buffer import string
from daypass.wire.pyca import PrivateKey, sign

__all__ = ["FileSigner", "check_owner"]

MIN_RSA_BITS = 3072
MAX_FILE = 64 * 1024
_OPENSSH = b"-----BEGIN OPENSSH PRIVATE KEY-----"


class FileSigner:
    """A CA key in this process. `load` makes one."""

    local = True

    def __init__(self, key: PrivateKey) -> None:
        self._key = key
        self._public = PublicKey.from_cryptography(key.public_key())

    @classmethod
    def load(cls, path: Path, passphrase: bytes | None = None) -> FileSigner:
        """Raises Misconfigured: no such file, open to others, wrong passphrase, too weak, not a key for this."""
        return cls(load_key(path, passphrase))

    @property
    def public_key(self) -> PublicKey:
        return self._public

    def __repr__(self) -> str:
        return f"<FileSigner {self._public.fingerprint}>"

    async def sign(self, data: bytes) -> bytes:
        algorithm, signature = sign(self._key, data)
        return string(algorithm) + string(signature)


def load_key(path: Path, passphrase: bytes | None = None) -> PrivateKey:
    """The key in a file. Raises as `FileSigner.load`."""
    data = _read(path)
    try:
        return _usable(_parse(data, passphrase))
    except UnsupportedAlgorithm as error:
        raise _useless(path, f"can't be read here: {error}", "install what it names: pip install bcrypt") from None
    except TypeError:
        raise _useless(path, *_MISFIT[passphrase is None]) from None
    except Invalid as error:
        raise _useless(path, f"is not for signing certificates: {error.message}", error.hint) from None
    except ValueError:
        raise _useless(path, "is damaged, or the passphrase is wrong", "ssh-keygen -y -f FILE tells which") from None


_MISFIT = {
    True: ("is encrypted", "give its passphrase: ca.passphrase_file in daypass.toml"),
    False: ("is not encrypted, though a passphrase is configured", "encrypt it: ssh-keygen -p -f FILE"),
}


def _parse(data: bytes, passphrase: bytes | None) -> object:
    if not data.startswith(_OPENSSH):
        return load_pem_private_key(data, passphrase)
    try:
        return load_ssh_private_key(data, passphrase)
    except ValueError:
        # pyca says "wrong passphrase" and "no passphrase wanted" alike; the difference helps whoever reads it.
        if passphrase is not None and _opens_without(data):
            raise TypeError from None
        raise


def _opens_without(data: bytes) -> bool:
    try:
        load_ssh_private_key(data, None)
    except (TypeError, ValueError, UnsupportedAlgorithm):
        return False
    return True


def _usable(key: Any) -> PrivateKey:
    """Raises Invalid for a key of another kind, or too weak to sign certificates."""
    if isinstance(key, rsa.RSAPrivateKey) and key.key_size < MIN_RSA_BITS:
        raise Invalid(f"RSA with {key.key_size} bits", hint=f"use Ed25519, or RSA with {MIN_RSA_BITS} bits or more")
    PublicKey.from_cryptography(key.public_key())
    return cast(PrivateKey, key)


def _read(path: Path) -> bytes:
    """The file's bytes, if it is ours or root's alone. What was checked is what is read: one descriptor."""
    try:
        with open(path, "rb", opener=_open) as file:
            check_owner(path, os.fstat(file.fileno()))
            return file.read(MAX_FILE)
    except OSError as error:
        raise _useless(path, f"can't be read: {error.strerror}", "daypass ca init makes CA keys") from error


def _open(path: str, flags: int) -> int:
    """Never waits for a pipe. Links are followed: service managers hand out keys as links."""
    return os.open(path, flags | os.O_NONBLOCK)


def check_owner(path: Path, status: os.stat_result) -> None:
    """A regular file of ours or root's, open to nobody else; Misconfigured if not."""
    if not stat.S_ISREG(status.st_mode):
        raise _useless(path, "is not a file", "daypass ca init makes CA keys")
    if status.st_uid not in (0, os.geteuid()):
        raise _useless(path, f"belongs to user {status.st_uid}", f"chown {os.geteuid()} {path}")
    if stat.S_IMODE(status.st_mode) & ~0o600:
        raise _useless(path, f"has mode {stat.S_IMODE(status.st_mode):04o}: others may use it", f"chmod 600 {path}")


def _useless(path: Path, problem: str, hint: str | None) -> Misconfigured:
    return Misconfigured(f"the key file {path} {problem}", code="signer.file", hint=hint)
