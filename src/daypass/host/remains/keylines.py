"""The lines of an authorized_keys file that let somebody in, as sshd(8) has them (AUTHORIZED_KEYS FILE FORMAT).

Lenient where sshd may be: a line that names a type of key counts, whether its base64 is well formed or not.
"""

from __future__ import annotations

import binascii
import re
from base64 import b64encode
from collections.abc import Iterator
from dataclasses import dataclass
from hashlib import sha256

__all__ = ["KeyLine", "key_lines"]

_TYPE = re.compile(rb"(?:sk-)?(?:ssh|ecdsa|webauthn)-[A-Za-z0-9@.-]+|sk-[A-Za-z0-9@.-]+")
_OPTIONS = re.compile(rb'(?:"(?:\\"|[^"])*"|[^" \t])+')
_BLANK = b" \t\r"


@dataclass(frozen=True, slots=True)
class KeyLine:
    """`number` from 1. `print` is empty for a key that can't be decoded. `ca`: whatever it signs is let in."""

    number: int
    print: str
    type: str
    comment: str
    ca: bool


def key_lines(content: bytes) -> Iterator[KeyLine]:
    for number, line in enumerate(content.split(b"\n"), 1):
        if (found := _read(number, line.strip(_BLANK))) is not None:
            yield found


def _read(number: int, line: bytes) -> KeyLine | None:
    if not line or line.startswith(b"#"):
        return None
    options = b""
    words = line.split(None, 2)
    if not _TYPE.fullmatch(words[0]):
        match = _OPTIONS.match(line)
        options = match[0] if match is not None else b""
        words = line[len(options) :].split(None, 2)
    if len(words) < 2 or not _TYPE.fullmatch(words[0]):
        return None
    comment = words[2].decode(errors="replace") if len(words) > 2 else ""
    names = {each.strip().lower() for each in options.split(b",")}
    return KeyLine(number, _print(words[1]), words[0].decode(), comment, b"cert-authority" in names)


def _print(text: bytes) -> str:
    try:
        blob = binascii.a2b_base64(text)
    except ValueError:
        return ""
    return "SHA256:" + b64encode(sha256(blob).digest()).decode().rstrip("=") if blob else ""
