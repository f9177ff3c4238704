"""Who listens on a Unix socket, as the kernel tells it (unix(7), SO_PEERCRED; on macOS LOCAL_PEERPID), and what runs.

It names the process that began to listen. Programs that go into the background after that, as ssh-agent does, have
left it; the number may be dead, or another program's that the first one became.
"""

from __future__ import annotations

import contextlib
import os
import socket
import struct
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

__all__ = ["Peer", "command_lines", "credentials", "listener", "process_name", "unix_socket"]

_SECONDS = 5.0
_NO_UID = -1
_MACOS_LOCAL, _MACOS_PEER_PID = 0, 2  # <sys/un.h>: SOL_LOCAL, LOCAL_PEERPID


@dataclass(frozen=True, slots=True)
class Peer:
    """`uid` is -1 where the system does not tell. `bound` is the path it listens at, whatever links lead there."""

    pid: int
    uid: int
    bound: str


def credentials(connection: socket.socket) -> Peer | None:
    """Of a connected Unix socket; None where they can't be told."""
    try:
        if sys.platform == "linux":
            pid, uid, _ = struct.unpack("3i", connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12))
        else:
            pid, uid = connection.getsockopt(_MACOS_LOCAL, _MACOS_PEER_PID), _NO_UID
        return Peer(pid, uid, os.fsdecode(connection.getpeername()))
    except OSError:
        return None


def unix_socket() -> socket.socket:
    """A fresh one. Raises OSError on Windows, whose Python has none."""
    if sys.platform == "win32":
        raise OSError("no Unix sockets here")
    return socket.socket(socket.AF_UNIX)


def listener(path: str) -> Peer | None:
    """Who listens at `path`; None for nobody, or where it can't be told."""
    with contextlib.suppress(OSError), unix_socket() as connection:
        connection.settimeout(_SECONDS)
        connection.connect(path)
        return credentials(connection)
    return None


def process_name(pid: int, system: str = sys.platform) -> str:
    """Its program's name, as the kernel shortens it; "gone" where it has ended, "" where that can't be told."""
    try:
        os.kill(pid, 0)
        if system.startswith("linux"):
            return Path(f"/proc/{pid}/comm").read_text().strip()
        return Path(_ps("-o", "comm=", "-p", str(pid)).strip()).name
    except ProcessLookupError:
        return "gone"
    except (OSError, subprocess.SubprocessError):
        return ""


def command_lines(system: str = sys.platform) -> Iterator[tuple[int, str]]:
    """Every process that can be seen: its number, and its command line with spaces between the words."""
    if system.startswith("linux"):
        for folder in Path("/proc").glob("[0-9]*"):
            with contextlib.suppress(OSError):
                yield int(folder.name), os.fsdecode((folder / "cmdline").read_bytes()).replace("\0", " ")
        return
    with contextlib.suppress(OSError, subprocess.SubprocessError):
        for line in _ps("-x", "-w", "-w", "-o", "pid=,command=").splitlines():
            number, _, command = line.strip().partition(" ")
            yield int(number), f"{command.strip()} "


def _ps(*options: str) -> str:
    done = subprocess.run(
        ["ps", *options], check=True, capture_output=True, text=True, stdin=subprocess.DEVNULL, timeout=_SECONDS
    )
    return done.stdout
