"""One file of an account as it is, whatever somebody has made of it: never waited for, never read without end."""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Iterable, Iterator
from pathlib import Path

import msgspec
from msgspec.structs import replace

__all__ = ["MOST", "File", "below", "read", "same"]

MOST = 16 << 20  # bytes of a file; sshd reads authorized_keys to its end, however long it is
_DEEP, _MANY = 3, 200  # levels and files below a folder
_UNIT = re.compile(
    r"[A-Za-z0-9:_.@\\-]{1,255}"
)  # what systemd takes for a name (systemd.unit(5)); others are no units


class File(msgspec.Struct, frozen=True, kw_only=True):
    """`content` of what it leads to, where it is a link (`link`: to where). `error`: why that is not known."""

    path: str
    content: bytes = b""
    mode: int = 0o600
    uid: int = 0
    gid: int = 0
    link: bytes = b""
    error: str = ""


def read(path: str) -> File | None:
    """None where nothing is, or nothing that sshd, cron and systemd would read: a folder, a FIFO, a device."""
    try:
        own = os.lstat(path)
        link = os.fsencode(Path(path).readlink()) if stat.S_ISLNK(own.st_mode) else b""
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        return File(path=path, error=error.strerror or "unreadable")
    kept = File(path=path, mode=stat.S_IMODE(own.st_mode), uid=own.st_uid, gid=own.st_gid, link=link)
    try:
        content = _content(path, os.O_NOFOLLOW if not link else 0)
    except (FileNotFoundError, NotADirectoryError):
        return kept if link else None
    except OSError as error:
        return replace(kept, error=error.strerror or "unreadable")
    if content is None:
        return None
    if len(content) > MOST:
        return replace(kept, error="it is too large to be read")
    return replace(kept, content=content)


def _content(path: str, more: int) -> bytes | None:
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC | more)
    try:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            return None
        found = bytearray()
        while len(found) <= MOST and (part := os.read(descriptor, 1 << 20)):
            found += part
        return bytes(found)
    finally:
        os.close(descriptor)


def same(before: File) -> bool:
    """Whether it is still as it was when it was read; a link, whatever it leads to."""
    now = read(before.path)
    if now is not None and before.link:
        return replace(now, content=b"", error="") == replace(before, content=b"", error="")
    return now == before


def below(folders: Iterable[Path]) -> list[File]:
    """Every file and link below these that can be a unit or part of one, so many at most."""
    return [found for path, _ in zip(_walk(folders), range(_MANY), strict=False) if (found := read(path)) is not None]


def _walk(folders: Iterable[Path]) -> Iterator[str]:
    for folder in folders:
        for where, inner, names in os.walk(folder):
            links = [each for each in inner if Path(where, each).is_symlink()]
            yield from (f"{where}/{each}" for each in sorted([*names, *links]) if _UNIT.fullmatch(each))
            deeper = len(Path(where).relative_to(folder).parts) < _DEEP
            inner[:] = sorted(each for each in inner if deeper and _UNIT.fullmatch(each))
