"""Files are taken away and put back as the account that they are in; in root's folders (spools) as root.

Each time what stands there is looked at again right before: a file that has changed since is left alone.
"""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from daypass.errors import DaypassError
from daypass.host import files, tools
from daypass.host.remains.asuser import as_user
from daypass.host.remains.look import File, read, same

__all__ = ["Mover"]

_SPOOLED = ("cron", "at", "linger")


@dataclass(frozen=True, slots=True)
class Mover:
    root: Path
    kind: str
    account: str
    uid: int
    gid: int

    def read(self, path: str) -> File | None:
        return read(path) if self._is_roots(path) else as_user(self.uid, self.gid, lambda: read(path), File | None)

    def put(self, file: File, content: bytes | None) -> None:
        """This content in its place, or nothing. Raises OSError."""
        if self.kind == "linger" and content is None:
            self._loginctl("disable-linger")
        self._do(file.path, lambda: _put(file, content, self._owner(file)))

    def make(self, file: File) -> None:
        """A file that is gone."""
        if self.kind == "linger":
            self._loginctl("enable-linger")
        by_root = self._is_roots(file.path)
        self._do(file.path, lambda: _make(file, self._owner(file), with_folder=not by_root))

    def link(self, file: File, target: bytes, now: File | None) -> None:
        """A link that is gone."""
        if now is None:
            self._do(file.path, lambda: Path(file.path).symlink_to(os.fsdecode(target)))
        elif now.link != target:
            raise OSError(errno.EEXIST, "something else stands there now", file.path)

    def _do(self, path: str, work: Callable[[], None]) -> None:
        if self._is_roots(path):
            work()
        else:
            as_user(self.uid, self.gid, work, None)

    def _owner(self, file: File) -> tuple[int, int] | None:
        return (file.uid, file.gid) if self._is_roots(file.path) and os.geteuid() == 0 else None

    def _is_roots(self, path: str) -> bool:
        """Whether nobody but root can have laid out the way to it. In a spool programs write for whoever calls
        them, a name for each account, and no links."""
        return self.kind in _SPOOLED or all(map(_only_root_writes, Path(path).parents))

    def _loginctl(self, verb: str) -> None:
        """logind knows at once what the file alone tells it at the next boot."""
        if self.root == Path("/"):
            with suppress(DaypassError):
                tools.run([tools.find("loginctl", "systemd"), verb, self.account])


def _only_root_writes(folder: Path) -> bool:
    try:
        found = folder.lstat()
    except OSError:
        return False
    return stat.S_ISDIR(found.st_mode) and found.st_uid == 0 and not found.st_mode & 0o022


def _put(before: File, content: bytes | None, owner: tuple[int, int] | None) -> None:
    path = Path(before.path)
    if content is None and not os.path.lexists(path):
        return
    if not same(before):
        raise OSError(errno.EAGAIN, "it has changed meanwhile", before.path)
    if content is None:
        files.remove(path)
    else:
        files.write(path, content, before.mode, owner)


def _make(file: File, owner: tuple[int, int] | None, *, with_folder: bool) -> None:
    path = Path(file.path)
    if with_folder:
        path.parent.mkdir(0o700, parents=True, exist_ok=True)
    if not os.path.lexists(path):
        files.write(path, file.content, file.mode, owner)
