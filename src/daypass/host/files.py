"""Files that other programs read while we write them, in folders that nobody else may have prepared for us.

A reader sees the old file or the new one, never half of one, also when the machine loses power. Symbolic links in
our folders are refused: tools that followed one gave away root (CVE-2020-8907).
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from daypass.errors import Misconfigured

__all__ = ["Snapshot", "check", "check_folder", "make_folder", "remove", "write"]

_FOREIGN_WRITE = stat.S_IWGRP | stat.S_IWOTH
_NEW_SUFFIX = ".daypass-new"


def write(path: Path, content: bytes, mode: int, owner: tuple[int, int] | None = None) -> None:
    """Put `content` in place of `path` in one step, on the disk before this returns.

    `owner` is (uid, gid). What a killed run left beside the file is written over.
    """
    beside = path.with_name(f".{path.name}{_NEW_SUFFIX}")
    beside.unlink(missing_ok=True)
    try:
        _write_new(beside, content, mode, owner)
        beside.replace(path)
    except OSError as error:  # a full disk: it names no file, and what is there of ours would keep it full
        with suppress(OSError):
            beside.unlink(missing_ok=True)
        raise OSError(error.errno, error.strerror, str(path)) from error
    _sync(path.parent)


def _write_new(path: Path, content: bytes, mode: int, owner: tuple[int, int] | None) -> None:
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
    with open(os.open(path, flags, 0o600), "wb") as file:  # noqa: PTH123  O_EXCL and O_NOFOLLOW
        file.write(content)
        file.flush()
        if owner is not None:
            os.fchown(file.fileno(), *owner)
        os.fchmod(file.fileno(), mode)
        os.fsync(file.fileno())


def remove(path: Path) -> None:
    """Take a file away, if it is there."""
    path.unlink(missing_ok=True)
    _sync(path.parent)


def make_folder(path: Path, mode: int) -> bool:
    """Make a folder and what lies above it; says whether it was missing. The mode holds whatever the umask is."""
    if path.is_dir():
        return False
    if not path.parent.is_dir():
        make_folder(path.parent, 0o755)
    path.mkdir(mode=mode)
    path.chmod(mode)
    return True


def check_folder(path: Path) -> None:
    """Refuse a folder of ours that is or holds what `check` refuses."""
    check(path)
    for each in _below(path):
        check(each)


def _below(path: Path) -> Iterator[Path]:
    if not path.is_symlink() and path.is_dir():
        for each in sorted(path.iterdir()):
            yield each
            yield from _below(each)


def check(path: Path) -> None:
    """Refuse a link or a device, and what someone else owns or may write to. What is not there is fine."""
    try:
        found = path.lstat()
    except FileNotFoundError:
        return
    if not (stat.S_ISREG(found.st_mode) or stat.S_ISDIR(found.st_mode)):
        kind = "a symbolic link" if stat.S_ISLNK(found.st_mode) else "neither a file nor a folder"
        raise _unsafe(path, kind)
    if found.st_uid not in (0, os.geteuid()):
        raise _unsafe(path, f"owned by uid {found.st_uid}")
    if found.st_mode & _FOREIGN_WRITE:
        raise _unsafe(path, "writable by others than its owner")


def _unsafe(path: Path, what: str) -> Misconfigured:
    return Misconfigured(
        f"{path} is {what}, so it is not touched",
        code="host.unsafe-file",
        hint="find out who made it, move it away, then run this again",
    )


@dataclass(frozen=True, slots=True)
class Snapshot:
    """One file as it was: its bytes, mode and owner; `content` is None where there was none."""

    path: Path
    content: bytes | None
    mode: int = 0
    owner: tuple[int, int] = (0, 0)

    @classmethod
    def take(cls, path: Path) -> Snapshot:
        try:
            found, content = path.stat(), path.read_bytes()
        except FileNotFoundError:
            return cls(path, None)
        return cls(path, content, stat.S_IMODE(found.st_mode), (found.st_uid, found.st_gid))

    def restore(self) -> None:
        """Make it so again, byte for byte; a file that has not changed is left alone."""
        if self == Snapshot.take(self.path):
            return
        if self.content is None:
            remove(self.path)
        else:
            write(self.path, self.content, self.mode, self.owner)


def _sync(folder: Path) -> None:
    """A rename is on the disk only when its folder is."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
