"""What someone holds, at a glance: read without cryptography, and cheap enough for a shell prompt.

Nothing here decides anything: signatures are not verified. It shows what lies in the certificate's file, and whether
the agent noted beside it still lists that certificate.
"""

# pathlib costs as much as all the rest of `daypass status`.
# ruff: noqa: PTH118, PTH123

from __future__ import annotations

import os
import sys

from daypass.client import place
from daypass.errors import DaypassError
from daypass.wire.buffer import Reader, string

TYPE_CHECKING = False  # importing typing for it would cost more than all the rest
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

__all__ = ["Glance", "ends_soon", "login_name", "look"]

_FIELDS = {"ssh-ed25519": 1, "ssh-rsa": 2, "sk-ssh-ed25519": 2, "sk-ecdsa-sha2-nistp256": 3}
_FIELDS |= {f"ecdsa-sha2-nistp{bits}": 2 for bits in (256, 384, 521)}
_SECONDS = 2.0
_SOON = 2 * 3600  # seconds
_MAX_ANSWER = 256 * 1024


class Glance:
    """A certificate as its file shows it, and whether the agent has it. A plain class: a dataclass costs 10 ms."""

    __slots__ = ("blob", "in_agent", "key_id", "principals", "serial", "valid_after", "valid_before")

    def __init__(self, blob: bytes) -> None:
        reader = Reader(blob)
        kind = reader.text().partition("-cert-v01@")[0]
        reader.string()
        for _ in range(_FIELDS.get(kind, 0)):
            reader.string()
        self.blob = blob
        self.serial = reader.uint64()
        reader.uint32()
        self.key_id = reader.text()
        self.principals = _texts(reader.string())
        self.valid_after, self.valid_before = reader.uint64(), reader.uint64()
        self.in_agent = False

    def is_valid(self, now: float) -> bool:
        """In time, and usable."""
        return self.in_agent and self.valid_after <= now < self.valid_before

    def ends_soon(self, now: float) -> bool:
        """Near enough to its end that `daypass login` replaces it without being told to."""
        return ends_soon(self.valid_after, self.valid_before, now)

    @property
    def login(self) -> str:
        return login_name(self.principals, self.key_id)


def look(folder: str, certificate: str = place.CERTIFICATE, note: str = place.AGENT_NOTE) -> Glance | None:
    """What the company's folder holds; None where there is no certificate, or nothing that reads as one.

    `certificate` and `note` are names of files in it: the certificate, and the note which agent has its key.
    """
    import binascii

    try:
        with open(os.path.join(folder, certificate), encoding="ascii") as file:
            glance = Glance(binascii.a2b_base64(file.read().split()[1]))
    except (OSError, ValueError, IndexError, DaypassError):
        return None
    glance.in_agent = _agent_lists(os.path.join(folder, note), glance.blob)
    return glance


def ends_soon(valid_after: int, valid_before: int, now: float) -> bool:
    """The last two hours of a day pass; the last eighth of a shorter one."""
    return now >= valid_before - min(_SOON, (valid_before - valid_after) // 8)


def login_name(principals: Sequence[str], key_id: str) -> str:
    """Whom a certificate is for: the bare name, else the LOGIN of `role:NAME:LOGIN`, else the key id (trust 1.1)."""
    bare = [each for each in principals if ":" not in each]
    own = [each.rpartition(":")[2] for each in principals if each.count(":") == 2]
    return [*bare, *own, key_id][0]


def _texts(data: bytes) -> tuple[str, ...]:
    reader, texts = Reader(data), list[str]()
    while reader.remaining:
        texts.append(reader.text())
    return tuple(texts)


def _agent_lists(note: str, blob: bytes) -> bool:
    """Ask the agent (PROTOCOL.agent: 11 asks, 12 answers, each behind its length); silence means no."""
    try:
        with open(note, encoding="utf-8") as file:
            path = file.read().strip()
        return string(blob) in _ask(path, string(b"\x0b"))
    except (OSError, UnicodeDecodeError):
        return False


def _ask(path: str, message: bytes) -> bytes:
    if sys.platform == "win32":
        with open(path, "r+b", buffering=0) as pipe:
            pipe.write(message)
            return _receive(pipe.read)
    import _socket  # what socket wraps in enums and selectors, for a third of Python's start-up

    connection = _socket.socket(_socket.AF_UNIX)
    try:
        connection.settimeout(_SECONDS)
        connection.connect(path)
        connection.sendall(message)
        return _receive(connection.recv)
    finally:
        connection.close()


def _receive(receive: Callable[[int], bytes]) -> bytes:
    data, size = b"", 4
    while len(data) < size:
        chunk = receive(65536)
        data += chunk
        if len(data) >= 4:
            size = min(_MAX_ANSWER, 4 + int.from_bytes(data[:4], "big"))
        if not chunk:
            return b""
    return data
