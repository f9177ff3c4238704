"""What POSIX has and Windows has not, each with what is done there instead."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Iterator
from pathlib import Path

__all__ = ["NO_FOLLOW", "locked", "restrict", "sync_folder"]

NO_FOLLOW = getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_CLOEXEC", 0)
"""For os.open: neither through a link nor into children. Windows has no such links, and inherits nothing unasked."""


@contextlib.contextmanager
def locked(path: Path) -> Iterator[None]:
    """Whoever else wants the lock of this file waits. On a file system without locks nobody does."""
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | NO_FOLLOW, 0o600)
    try:
        with contextlib.suppress(OSError):
            _lock(descriptor)
        yield
    finally:
        os.close(descriptor)


def restrict(descriptor: int, mode: int) -> None:
    """Give an open file its mode. On Windows files in the person's own folder are theirs alone already."""
    if sys.platform != "win32":
        os.fchmod(descriptor, mode)


def sync_folder(folder: Path) -> None:
    """Have the names in it outlive a power cut. Windows can't open folders, and writes names through by itself."""
    if sys.platform == "win32":
        return
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _lock(descriptor: int) -> None:
    if sys.platform == "win32":
        import msvcrt

        # Waits ten seconds, then gives up; the lock goes with the descriptor.
        msvcrt.locking(descriptor, msvcrt.LK_LOCK, 1)
    else:
        import fcntl

        fcntl.flock(descriptor, fcntl.LOCK_EX)
