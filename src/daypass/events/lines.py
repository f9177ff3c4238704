"""JSON lines: one event a line, in a file of its own, or on standard output.

{"seq", "time" (RFC 3339), "act", "severity", "id", "entry": the entry as it is in the ledger, whole}. The file is
0600, synced before what is in it counts as told, and opened anew once its name leads elsewhere: that is all that
rotation takes. A line that a crash cut short is ended, not gone on with.
"""

from __future__ import annotations

import asyncio
import os
import stat
import sys
from pathlib import Path

import msgspec

from daypass.ca.event_ports import Event
from daypass.errors import Unavailable
from daypass.times import utc

__all__ = ["STDOUT", "Lines"]

STDOUT = Path("-")
_FLAGS = os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK


class Lines:
    def __init__(self, file: Path) -> None:
        self._file = file
        self._open: int | None = None
        self._waiting: list[bytes] = []

    async def send(self, event: Event) -> None:
        self._waiting.append(_line(event))

    async def settle(self) -> None:
        lines, self._waiting = b"".join(self._waiting), []
        if not lines:
            return
        try:
            await asyncio.to_thread(self._write, lines)
        except OSError as error:
            await self.close()
            raise Unavailable(f"{self._file}: {error.strerror}", code="events.file") from error

    async def close(self) -> None:
        if self._open is not None:
            os.close(self._open)
        self._open = None

    def _write(self, lines: bytes) -> None:
        if self._file == STDOUT:
            sys.stdout.buffer.write(lines)
            sys.stdout.buffer.flush()
            return
        target = self._current()
        while lines:
            lines = lines[os.write(target, lines) :]
        os.fsync(target)

    def _current(self) -> int:
        """The file that its name leads to now."""
        if self._open is not None and not _same(self._open, self._file):
            os.close(self._open)
            self._open = None
        if self._open is None:
            self._open = _opened(self._file)
        return self._open


def _same(descriptor: int, file: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(descriptor), file.lstat())
    except FileNotFoundError:
        return False


def _opened(file: Path) -> int:
    descriptor = os.open(file, _FLAGS, 0o600)
    try:
        about = os.fstat(descriptor)
        if not stat.S_ISREG(about.st_mode):
            raise OSError(0, "is not a file")
        if about.st_size and os.pread(descriptor, 1, about.st_size - 1) != b"\n":
            os.write(descriptor, b"\n")
    except BaseException:
        os.close(descriptor)
        raise
    return descriptor


def _line(event: Event) -> bytes:
    told = {
        "seq": event.seq,
        "time": utc(event.time),
        "act": event.act,
        "severity": event.severity.word,
        "id": event.id,
        "entry": msgspec.Raw(event.entry) if event.fields else None,
    }
    return msgspec.json.encode(told) + b"\n"
