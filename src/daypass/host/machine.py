"""Which machine this is. A disk that was copied with an identity on it is a clone: one certificate, two machines.

A clone does nothing with what it carries: it would renew the other one's certificate, and answer in its name.
"""

from __future__ import annotations

import re
from hashlib import sha256

from daypass.errors import Misconfigured
from daypass.host.settings import Paths
from daypass.host.state import State

__all__ = ["is_clone", "machine_of", "require_same"]

_ID = re.compile(r"[0-9a-f]{32}")  # machine-id(5)


def machine_of(paths: Paths, ca_id: str) -> str:
    """Hex SHA-256 of machine-id and CA id: nobody else can tell by it which machine it is. "" without a machine-id.

    machine-id(5) asks that the id itself never leaves the machine.
    """
    try:
        text = (paths.root / "etc/machine-id").read_text(encoding="ascii").strip()
    except (OSError, UnicodeDecodeError):
        return ""
    return sha256(f"daypass-machine-v1\0{ca_id}\0{text}".encode()).hexdigest() if _ID.fullmatch(text) else ""


def is_clone(paths: Paths, state: State) -> bool:
    """Whether the identity here is another machine's. One that had no machine-id when it enrolled is not judged."""
    return bool(state.machine) and machine_of(paths, state.ca_id) != state.machine


def require_same(paths: Paths, state: State) -> None:
    """Misconfigured on a clone."""
    if is_clone(paths, state):
        raise Misconfigured(
            f"this machine is a copy of {state.name}: what it carries of that host is not used",
            code="host.clone",
            hint="give it host keys of its own (rm /etc/ssh/ssh_host_*; ssh-keygen -A), then a new join token: "
            "daypass token host NAME on the CA's machine, daypass host enroll here",
        )
