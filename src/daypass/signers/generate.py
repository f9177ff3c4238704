"""New CA keys, written so that a crash leaves a whole file or none, and no file is ever written over.

Without a passphrase: OpenSSH's format. With one: OpenSSH's format too (bcrypt) where the `bcrypt` package is
installed; else PKCS #8 (AES-256, PBKDF2), which `openssl` and this CA read, but ssh-keygen 9.2 does not.
"""

from __future__ import annotations

import os
import secrets
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
)

from daypass.errors import Conflict, Invalid, Misconfigured
from daypass.wire import PublicKey

__all__ = ["generate_key_file", "replace_file", "serialised", "write_new"]

Owner = tuple[int, int]  # uid and gid; root alone can give a file away
BCRYPT_ROUNDS = 64  # ssh-keygen's default is 24; a CA key is opened once per start


def generate_key_file(
    path: Path, passphrase: bytes | None = None, comment: str = "", owner: Owner | None = None
) -> PublicKey:
    """An Ed25519 key: `path` (0600), and its public half at `path`.pub (0644) with the comment.

    Raises Conflict where either exists, Invalid for an empty passphrase, Misconfigured where it can't be written.
    """
    if passphrase is not None and not passphrase:
        raise Invalid("the passphrase is empty", code="signer.passphrase", hint="give one, or none at all")
    key = Ed25519PrivateKey.generate()
    public = PublicKey.from_cryptography(key.public_key())
    line = public.line(comment).encode() + b"\n"
    public_path = path.with_name(path.name + ".pub")
    for each in (path, public_path):
        if os.path.lexists(each):
            raise _exists(each)
    write_new(path, serialised(key, passphrase), 0o600, owner)
    write_new(public_path, line, 0o644, owner)
    return public


def serialised(key: Ed25519PrivateKey | EllipticCurvePrivateKey, passphrase: bytes | None) -> bytes:
    """What a key file holds; see above for the format."""
    if passphrase is None:
        return key.private_bytes(Encoding.PEM, PrivateFormat.OpenSSH, NoEncryption())
    if find_spec("bcrypt") is None:
        return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(passphrase))
    encryption = PrivateFormat.OpenSSH.encryption_builder().kdf_rounds(BCRYPT_ROUNDS).build(passphrase)
    return key.private_bytes(Encoding.PEM, PrivateFormat.OpenSSH, encryption)


def write_new(path: Path, data: bytes, mode: int, owner: Owner | None = None) -> None:
    """Durable and whole at `path`, or not there: written beside it, then linked, which never replaces a file."""
    try:
        _put(path, data, mode, os.link, owner)
    except FileExistsError:
        raise _exists(path) from None


def replace_file(path: Path, data: bytes, mode: int, owner: Owner | None = None) -> None:
    """Whoever reads it sees the old content or the new, also after a crash. For what is no key."""
    _put(path, data, mode, os.replace, owner)


def _put(
    path: Path, data: bytes, mode: int, into_place: Callable[[Path, Path], None], owner: Owner | None = None
) -> None:
    beside = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    try:
        _write(beside, data, mode, owner)
        into_place(beside, path)
        _sync_directory(path.parent)
    except FileExistsError:
        raise
    except OSError as error:
        hint = f"make the folder, and let this user write to it: {path.parent}"
        raise Misconfigured(f"{path} can't be written: {error.strerror}", code="signer.file", hint=hint) from error
    finally:
        beside.unlink(missing_ok=True)


def _write(path: Path, data: bytes, mode: int, owner: Owner | None) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        if owner is not None and os.geteuid() == 0:
            os.fchown(descriptor, *owner)
        os.fchmod(descriptor, mode)  # exactly this, whatever the umask
        file.write(data)
        file.flush()
        os.fsync(descriptor)


def _sync_directory(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _exists(path: Path) -> Conflict:
    return Conflict(
        f"{path} is already there", code="signer.exists", hint="a key is never written over; move it away"
    )
