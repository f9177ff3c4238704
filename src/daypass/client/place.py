"""Where a person's daypass lives. Text and `os` alone, because a shell prompt comes through here.

The folder is `$DAYPASS_HOME`, else what platformdirs calls the user's data folder:

    HOME/current                     name of the company in use
    HOME/contexts/NAME/…             one folder per company, see client.settings
    HOME/agent.sock                  our own ssh-agent, where the person has none that will do
"""

# pathlib costs as much as all the rest of `daypass status`.
# ruff: noqa: PTH111, PTH112, PTH118, PTH123

from __future__ import annotations

import os
import sys

TYPE_CHECKING = False  # importing typing for it would cost more than all the rest
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Protocol

    class _Paths(Protocol):
        """posixpath or ntpath."""

        def abspath(self, path: str, /) -> str: ...
        def join(self, path: str, /, *more: str) -> str: ...
        def splitdrive(self, path: str, /) -> tuple[str, str]: ...


__all__ = ["below", "current_name", "home", "user_home"]

BUNDLE = "bundle.json"  # which hosts have enrolled
CERTIFICATE = "id-cert.pub"
AGENT_NOTE = "agent"  # the socket of the agent that holds the key, as text
ROLE, ROLE_END = "role-", "-cert.pub"  # around a role's name: its own certificate
ROLES_AGENT = "roles-agent"  # as `agent`, for those
AGENT_LINK = "agent.sock"  # the same socket, as a link
VALID = "valid"  # ssh's marker, see client.marker
SIGNED_OUT = "signed-out"  # by the person's own word, so ssh starts no sign-in
NO_AUTO_LOGIN = "no-auto-login"  # in HOME: ssh never starts one


def below(root: str, path: str, system: str = sys.platform) -> str:
    """An absolute path inside `root`, which stands for / in tests and images; "" leaves it alone."""
    paths = _paths(system)
    whole = paths.abspath(path)
    return paths.join(root, paths.splitdrive(whole)[1].lstrip("/\\" if system == "win32" else "/")) if root else whole


def user_home(environ: Mapping[str, str], system: str = sys.platform) -> str:
    """The person's home folder. On Windows HOME is Git's shell's idea, and OpenSSH's is USERPROFILE."""
    return environ.get("USERPROFILE" if system == "win32" else "HOME") or os.path.expanduser("~")


def home(root: str, environ: Mapping[str, str], system: str = sys.platform) -> str:
    """The folder everything of ours is in."""
    return below(root, environ.get("DAYPASS_HOME") or _default(environ, system), system)


def current_name(folder: str, wanted: str = "") -> str | None:
    """The company asked for, else the one in use; None where it was never joined."""
    if wanted:
        return wanted if os.path.isdir(os.path.join(folder, "contexts", wanted)) and os.sep not in wanted else None
    try:
        with open(os.path.join(folder, "current"), encoding="ascii") as file:
            return file.read().strip() or None
    except (OSError, UnicodeDecodeError):
        return None


def _default(environ: Mapping[str, str], system: str) -> str:
    own, paths = user_home(environ, system), _paths(system)
    if system == "darwin":
        return paths.join(own, "Library", "Application Support", "daypass")
    if system == "win32":
        return paths.join(environ.get("LOCALAPPDATA") or paths.join(own, "AppData", "Local"), "daypass")
    data = environ.get("XDG_DATA_HOME", "").strip()
    return paths.join(data or paths.join(own, ".local", "share"), "daypass")


def _paths(system: str) -> _Paths:
    """How paths are written there."""
    if system == "win32":
        import ntpath

        return ntpath
    import posixpath

    return posixpath
