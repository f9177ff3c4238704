"""Files that hold public keys: id.pub, id-cert.pub, known_hosts, authorized_keys; and a private key's public half.

Light, since cron reads certificates through here. What comes in is bounded, and every way in which a file can't be
read has its own word.
"""

# pathlib costs as much as all the rest.
# ruff: noqa: PTH123

from __future__ import annotations

import binascii
import re
import sys

from daypass.client.files.shown import ShownKey
from daypass.errors import Invalid, Misconfigured, NotFound
from daypass.wire.buffer import Reader

__all__ = ["Entry", "entries", "only_certificate", "read"]

MAX_BYTES = 4 << 20  # a known_hosts of ten thousand hosts is half of it
_TYPE = re.compile(r"(sk-)?(ssh|ecdsa)-[a-z0-9-]+(@openssh\.com)?")
_PRIVATE = re.compile(r"-----BEGIN ([A-Z0-9 ]*)PRIVATE KEY-----")
_OPENSSH = re.compile(r"\s*-----BEGIN OPENSSH PRIVATE KEY-----([A-Za-z0-9+/=\s]+)-----END OPENSSH PRIVATE KEY-----")
_MAGIC = b"openssh-key-v1\0"
_UTF16 = (b"\xff\xfe", b"\xfe\xff")


class Entry:
    """One line that holds a key: what stands before it (known_hosts' hosts, options) and behind it (a comment)."""

    __slots__ = ("before", "comment", "key", "line")

    def __init__(self, line: int, before: str, key: ShownKey, comment: str) -> None:
        self.line = line
        self.before = before
        self.key = key
        self.comment = comment


def read(name: str) -> bytes:
    """The file, or standard input for `-`. Raises NotFound, Misconfigured (permission), Invalid."""
    try:
        if name == "-":
            content = sys.stdin.buffer.read(MAX_BYTES + 1)
        else:
            with open(name, "rb") as file:
                content = file.read(MAX_BYTES + 1)
    except FileNotFoundError as error:
        raise NotFound(f"there is no file {name}", code="file.missing") from error
    except PermissionError as error:
        hint = "it may belong to another account: ls -l shows whom"
        raise Misconfigured(f"{name} may not be read by you", code="file.permission", hint=hint) from error
    except IsADirectoryError as error:
        raise Invalid(f"{name} is a folder", code="file.folder", hint="name the file in it") from error
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else "that is no file's name"
        raise Invalid(f"{name} can't be read: {reason}", code="file.read") from error
    if len(content) > MAX_BYTES:
        raise Invalid(f"{name} is larger than {MAX_BYTES >> 20} MiB: that is no file of keys", code="file.size")
    return content


def entries(name: str) -> list[Entry]:
    """Every key in the file, at least one; lines without any are passed over, as ssh-keygen does.

    Raises Invalid where there is none, or where a line names a key's type and its bytes are something else.
    """
    content = read(name)
    if content.startswith(_UTF16):
        hint = "PowerShell's > writes that; use Out-File -Encoding ascii"
        raise Invalid(f"{name} is UTF-16 text, which OpenSSH does not read", code="file.encoding", hint=hint)
    text = content.decode("utf-8-sig", "replace")
    if _PRIVATE.search(text[:4096]):
        return [_private(name, text)]
    lines = enumerate(text.split("\n"), 1)
    found = [entry for number, line in lines if (entry := _entry(name, number, line)) is not None]
    if not found:
        raise _nothing(name, content)
    return found


def only_certificate(name: str) -> ShownKey:
    """The first certificate in the file. Raises Invalid where the first key is none."""
    key = entries(name)[0].key
    if key.certificate is None:
        hint = "a certificate's file is usually called …-cert.pub"
        raise Invalid(f"{name} holds a key and no certificate", code="file.no-certificate", hint=hint)
    return key


def _entry(name: str, number: int, line: str) -> Entry | None:
    stripped = line.strip()
    if not stripped or stripped.startswith("#"):
        return None
    words = list(re.finditer(r"\S+", stripped))
    for at, word in enumerate(words[:-1]):
        blob = _blob(words[at + 1][0]) if _TYPE.fullmatch(word[0]) else None
        if blob is not None:
            key = _key(name, number, blob, word[0])
            return Entry(number, stripped[: word.start()].strip(), key, stripped[words[at + 1].end() :].strip())
    blob = _blob(stripped)  # step writes the bare base64 as well
    return Entry(number, "", _key(name, number, blob, ""), "") if blob else None


def _blob(word: str) -> bytes | None:
    """The bytes, if they begin as a key's do."""
    try:
        blob = binascii.a2b_base64(word, strict_mode=True)
        return blob if _TYPE.fullmatch(Reader(blob).text()) else None
    except (ValueError, Invalid):
        return None


def _key(name: str, number: int, blob: bytes, said: str) -> ShownKey:
    try:
        key = ShownKey(blob)
    except (Invalid, ValueError) as error:
        reason = error.message if isinstance(error, Invalid) else "its options are cut short"
        raise Invalid(f"{name}, line {number}: {reason}", code="file.key") from error
    if said and key.type != said:
        raise Invalid(f"{name}, line {number}: the line says {said} and the key in it is {key.type}", code="file.key")
    return key


def _private(name: str, text: str) -> Entry:
    """OpenSSH's format keeps the public half readable (PROTOCOL.key); the others need their passphrase."""
    match = _OPENSSH.match(text)
    try:
        data = binascii.a2b_base64(match[1]) if match else b""
        if not data.startswith(_MAGIC):
            raise Invalid("not OpenSSH's format")
        reader = Reader(data[len(_MAGIC) :])
        for _ in range(3):  # cipher, key derivation, its options
            reader.string()
        reader.uint32()
        return Entry(1, "", ShownKey(reader.string()), "")
    except (Invalid, ValueError) as error:
        hint = f"name its public half, or make it: ssh-keygen -y -f {name}"
        raise Invalid(f"{name} holds a private key in another format", code="file.private", hint=hint) from error


def _nothing(name: str, content: bytes) -> Invalid:
    if not content.strip():
        return Invalid(f"{name} is empty", code="file.empty")
    hint = "a public key is one line: its type, base64, and perhaps a comment"
    return Invalid(f"{name} holds no key and no certificate", code="file.no-key", hint=hint)
