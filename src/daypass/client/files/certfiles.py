"""A key and its certificate in files, as OpenSSH names them: `id`, `id.pub`, `id-cert.pub`.

All of them are written, or none is; a private key that was there is never lost to half a run.
"""

from __future__ import annotations

import contextlib
import errno
import os
import stat
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from threading import get_native_id

from daypass.client.portable import sync_folder
from daypass.client.settings import write_new
from daypass.errors import Conflict, Invalid, Misconfigured, NotFound

__all__ = ["NewFile", "Trio", "check_free", "write_together"]

_NO_LINKS = (errno.EPERM, errno.ENOTSUP, errno.ENOSYS, errno.EMLINK)  # FAT, some network file systems


@dataclass(frozen=True, slots=True)
class Trio:
    """The three names of one key. `name` may be the private key's or the public half's."""

    key: Path

    @classmethod
    def of(cls, name: str) -> Trio:
        """Raises Invalid for a name that leaves nothing."""
        path = Path(name.removesuffix(".pub"))
        if not path.name or "\0" in name:
            raise Invalid(f"{name!r} is no name for a key's file", hint="name it like ~/.ssh/id_work")
        return cls(path)

    @property
    def public(self) -> Path:
        return self.key.with_name(f"{self.key.name}.pub")

    @property
    def certificate(self) -> Path:
        return self.key.with_name(f"{self.key.name}-cert.pub")


@dataclass(frozen=True, slots=True)
class NewFile:
    """What is to stand at `path`."""

    path: Path
    content: bytes
    mode: int = 0o644


def check_free(paths: Sequence[Path], *, force: bool) -> None:
    """Raise before anybody is bothered: Conflict where something is in the way, else what the folder lacks."""
    for path in paths:
        _check_folder(path.parent)
        try:
            mode = path.lstat().st_mode
        except FileNotFoundError:
            continue
        except OSError as error:
            raise Invalid(f"{path}: {error.strerror}", code="file.name") from error
        if stat.S_ISDIR(mode):
            raise Conflict(f"{path} is a folder", code="file.exists", hint="choose another name")
        if not force:
            raise _exists(path)


def write_together(files: Sequence[NewFile], *, force: bool) -> None:
    """All of them or none. Everything is on the disk under other names before the first name changes.

    Without `force` a file that is there by now is left alone: Conflict. Raises Misconfigured where a disk is full or
    read-only.
    """
    beside = [each.path.with_name(f".{each.path.name}.{get_native_id()}.new") for each in files]
    placed: list[Path] = []
    try:
        for new, temporary in zip(files, beside, strict=True):
            write_new(temporary, new.content, new.mode)
        for new, temporary in zip(files, beside, strict=True):
            _place(temporary, new.path, force=force)
            placed.append(new.path)
        for folder in {new.path.parent for new in files}:
            sync_folder(folder)
    except BaseException as error:  # Ctrl-C too
        for path in [*beside, *([] if force else placed)]:
            with contextlib.suppress(OSError):
                path.unlink(missing_ok=True)
        if not isinstance(error, OSError):
            raise
        where, hint = ", ".join(str(each.path) for each in files), "is the disk full or read-only?"
        raise Misconfigured(f"can't write {where}: {error.strerror}", code="file.write", hint=hint) from error


def _place(temporary: Path, path: Path, *, force: bool) -> None:
    """Under its own name; a link never replaces anything, a rename does."""
    if not force:
        try:
            os.link(temporary, path)
        except FileExistsError:
            raise _exists(path) from None
        except OSError as error:
            if error.errno not in _NO_LINKS:
                raise
            if os.path.lexists(path):
                raise _exists(path) from None
        else:
            temporary.unlink()
            return
    temporary.replace(path)


def _check_folder(folder: Path) -> None:
    if not folder.is_dir():
        raise NotFound(f"there is no folder {folder}", code="file.folder", hint=f"make it: mkdir -p {folder}")
    if not os.access(folder, os.W_OK | os.X_OK):
        raise Misconfigured(f"you may not write to {folder}", code="file.folder", hint="choose another folder")


def _exists(path: Path) -> Conflict:
    return Conflict(
        f"{path} is there already", code="file.exists", hint="choose another name, or --force to replace it"
    )
