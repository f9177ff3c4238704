"""What unlocks the CA's key files when nobody is there to type it.

In this order: the file that the configuration names, then systemd's credential `passphrase`
(systemd.exec(5), LoadCredential=, SetCredentialEncrypted=), which lies in $CREDENTIALS_DIRECTORY.
"""

from __future__ import annotations

import stat
from collections.abc import Mapping
from pathlib import Path

from daypass.errors import Invalid, Misconfigured
from daypass.wire import Reader
from daypass.wire.keys import decode_base64

__all__ = ["find_passphrase", "is_locked", "read_passphrase"]

CREDENTIAL = "passphrase"
_MAX_BYTES = 4096
_BEGIN, _END = b"-----BEGIN OPENSSH PRIVATE KEY-----", b"-----END OPENSSH PRIVATE KEY-----"
_MAGIC = b"openssh-key-v1\0"


def find_passphrase(configured: Path | None, environment: Mapping[str, str]) -> bytes | None:
    """None where neither place has one. Raises as `read_passphrase`."""
    if configured is not None:
        return read_passphrase(configured)
    credential = Path(environment.get("CREDENTIALS_DIRECTORY") or "/nonexistent") / CREDENTIAL
    return read_passphrase(credential) if credential.exists() else None


def read_passphrase(path: Path) -> bytes:
    """The first line. Raises Misconfigured where there is none, or where others than its owner can read the file."""
    try:
        with path.open("rb") as file:
            mode = stat.S_IMODE(path.stat().st_mode)
            line = file.read(_MAX_BYTES).split(b"\n")[0].rstrip(b"\r")
    except OSError as error:
        raise Misconfigured(f"the passphrase {path} can't be read: {error.strerror}", code="passphrase") from error
    if mode & 0o077:
        raise Misconfigured(f"{path} can be read by others", code="passphrase", hint=f"chmod 600 {path}")
    if not line:
        raise Misconfigured(
            f"there is no passphrase in {path}", code="passphrase", hint="it is the file's first line"
        )
    return line


def is_locked(key_file: Path) -> bool:
    """Whether the file holds an encrypted key. Files that are missing or broken are judged by who opens them."""
    try:
        data = key_file.read_bytes()
    except OSError:
        return False
    if _BEGIN not in data:
        return b"ENCRYPTED" in data
    body = data.partition(_BEGIN)[2].partition(_END)[0]
    try:
        reader = Reader(decode_base64("".join(body.decode().split())))
        return reader.raw(len(_MAGIC)) == _MAGIC and reader.text() != "none"
    except (Invalid, UnicodeDecodeError):
        return False
