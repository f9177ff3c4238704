"""Whether an ssh-agent could ask the person before each use of a key (ssh-add(1), `-c`).

OpenSSH's takes such a key whether or not it has a program to ask with; without one it refuses every use.
"""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from pathlib import Path

from daypass.errors import Misconfigured

__all__ = ["HINT", "can_ask", "require"]

HINT = "install ssh-askpass (ssh-askpass-gnome, ksshaskpass) or set SSH_ASKPASS, or leave out --confirm"
# Where OpenSSH looks by itself: upstream, Debian, Fedora, Arch and openSUSE.
_PLACES = (
    "/usr/X11R6/bin/ssh-askpass",
    "/usr/bin/ssh-askpass",
    "/usr/libexec/openssh/ssh-askpass",
    "/usr/lib/ssh/ssh-askpass",
    "/usr/libexec/ssh/ssh-askpass",
    "/usr/local/bin/ssh-askpass",
)


def can_ask(environ: Mapping[str, str]) -> bool:
    """By what is installed; the agent may have been started with another environment than this one."""
    named = environ.get("SSH_ASKPASS")
    if named:
        return shutil.which(named) is not None
    return any(Path(place).exists() for place in _PLACES)


def require(environ: Mapping[str, str]) -> None:
    """Raise Misconfigured where every use of the key would be refused: better no login than one for nothing."""
    if not can_ask(environ):
        raise Misconfigured("ssh-agent has no program to ask you with", code="agent-confirm", hint=HINT)
