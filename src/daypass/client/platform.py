"""What differs between Linux, macOS and Windows, as one object of facts: from the real machine, or from a test.

Linux is where daypass is run by its tests. The code for macOS and Windows is type-checked for them and exercised with
facts of theirs (`mypy --platform darwin`, `--platform win32`).
"""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass

from daypass.client import place

__all__ = ["NO_UID", "WINDOWS_AGENT", "Platform", "effective_uid", "is_pipe"]

NO_UID = -1
WINDOWS_AGENT = r"\\.\pipe\openssh-ssh-agent"
"""Where the service of Windows listens, and what takes its place: 1Password, Bitwarden, Pageant."""


@dataclass(frozen=True, slots=True)
class Platform:
    """`system` as `sys.platform` says it; `uid` is the effective one, NO_UID where accounts have no number."""

    system: str
    uid: int
    environ: Mapping[str, str]

    @classmethod
    def here(cls, environ: Mapping[str, str] | None = None) -> Platform:
        """This machine, and this process's environment unless another is given."""
        return cls(sys.platform, effective_uid(), os.environ if environ is None else environ)

    @property
    def is_windows(self) -> bool:
        return self.system == "win32"

    @property
    def is_macos(self) -> bool:
        return self.system == "darwin"

    @property
    def is_linux(self) -> bool:
        return self.system.startswith("linux")

    @property
    def user_home(self) -> str:
        return place.user_home(self.environ, self.system)

    def home(self, root: str = "") -> str:
        """The folder everything of ours is in."""
        return place.home(root, self.environ, self.system)

    @property
    def machine_file(self) -> str:
        """What the owner of the machine set for everybody on it."""
        if self.is_windows:
            return f"{self.environ.get('PROGRAMDATA') or 'C:/ProgramData'}/daypass/client.toml"
        return "/etc/daypass/client.toml"

    @property
    def agent(self) -> str:
        """The agent the person has: a socket, on Windows a pipe; "" for none.

        On macOS launchd sets the variable for everybody. On Windows, Git's shell sets it to a file that only Git's
        own ssh can use, so that a name that is no pipe's does not count there.
        """
        named = self.environ.get("SSH_AUTH_SOCK", "")
        if self.is_windows:
            return named if is_pipe(named) else WINDOWS_AGENT
        return named

    @property
    def has_own_agent(self) -> bool:
        """Whether an ssh-agent of ours can be started: not on Windows, whose OpenSSH has none but the service."""
        return not self.is_windows

    def for_ssh(self, path: str) -> str:
        """A path as ssh's configuration is told it: Windows' OpenSSH reads slashes, and backslashes would escape."""
        return path.replace("\\", "/") if self.is_windows else path


def effective_uid() -> int:
    """This process's; NO_UID on Windows."""
    if sys.platform == "win32":
        return NO_UID
    return os.geteuid()


def is_pipe(path: str) -> bool:
    r"""Whether the path is a named pipe of Windows: `\\.\pipe\NAME`, with either kind of slash."""
    return path.replace("/", "\\").lower().startswith("\\\\.\\pipe\\")
