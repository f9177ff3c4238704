"""Where the person sits: can a browser be opened here that they will see?

Decided from facts that are handed in: the environment, the platform, which files and programs there are.
"""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Callable, Mapping

__all__ = ["has_browser"]

_CONTAINERS = ("/.dockerenv", "/run/.containerenv")  # Docker's and Podman's marks
_WSL = "/proc/sys/fs/binfmt_misc/WSLInterop"  # Windows' programs, and so its browsers, start from there


def has_browser(
    environ: Mapping[str, str],
    platform: str = sys.platform,
    exists: Callable[[str], object] = os.path.exists,
    which: Callable[[str], object] = shutil.which,
) -> bool:
    """Whether it is worth the try. BROWSER is the person's own word; a text browser is no place for a sign-in."""
    if environ.get("BROWSER"):
        return True
    shown = bool(environ.get("DISPLAY") or environ.get("WAYLAND_DISPLAY"))
    own_desktop = platform in ("darwin", "win32")
    if environ.get("SSH_CONNECTION"):
        return shown and not own_desktop  # its screen is not the one before the person
    if own_desktop or environ.get("WSL_DISTRO_NAME") or exists(_WSL):
        return True
    if any(exists(mark) for mark in _CONTAINERS):
        return shown and bool(which("xdg-open"))  # toolbox and the like hand it to the desktop outside
    return shown
