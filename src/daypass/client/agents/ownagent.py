"""Our own ssh-agent: OpenSSH's, at a fixed socket, for those who have none that will do (trust 8.3).

It outlives the terminal that started it, and ends with the machine or with `daypass uninstall`.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import time
from collections.abc import Mapping
from pathlib import Path

from daypass.client.agents import asking, peer, transport
from daypass.client.agents.agent import Agent
from daypass.client.portable import locked
from daypass.client.settings import Settings, make_folder
from daypass.errors import Invalid, Misconfigured, Unavailable

__all__ = ["end_own_agent", "own_agent"]

_MAX_SOCKET_PATH = 103  # bytes; macOS has the smallest sun_path, 104 with its NUL
# What it and the programs it asks the person with need; nothing of the person's secrets stays in it for days.
_ENVIRONMENT = (
    "PATH HOME USER LOGNAME SHELL LANG LC_ALL TMPDIR DISPLAY WAYLAND_DISPLAY XAUTHORITY XDG_RUNTIME_DIR"
    " DBUS_SESSION_BUS_ADDRESS SSH_ASKPASS SSH_ASKPASS_REQUIRE"
).split()


def own_agent(settings: Settings, *, confirm: bool = False) -> Agent:
    """OpenSSH's ssh-agent at our fixed socket, started where it is not running.

    With `confirm` it must be able to ask the person. Raises Misconfigured where there can be none.
    """
    path = settings.agent_socket
    if not settings.platform.has_own_agent:
        raise Misconfigured(
            "on Windows there is no ssh-agent that keeps keys in memory alone",
            code="agent-none",
            hint="use daypass in WSL, or key files: daypass certificate",
        )
    if len(os.fsencode(path)) > _MAX_SOCKET_PATH:
        raise Misconfigured(f"the path {path} is too long for a socket", hint="set DAYPASS_HOME to a shorter one")
    if confirm:
        asking.require(settings.environ)
    found = Agent(str(path))
    make_folder(path.parent)
    with locked(path.with_name(f"{path.name}.lock")):  # two first logins at once would start two
        if not _answers(found):
            path.unlink(missing_ok=True)
            _start(path, settings.environ)
    return _usable(found, confirm=confirm)


def end_own_agent(settings: Settings) -> int:
    """End what was started for our socket, and nothing else; with it all it holds is gone. Returns how many ended."""
    ours, ended = f"ssh-agent -a {settings.agent_socket} ", 0
    if not settings.platform.has_own_agent:
        return 0
    for pid, command in peer.command_lines():
        if command.startswith(ours):
            with contextlib.suppress(OSError):
                os.kill(pid, signal.SIGTERM)
                ended += 1
    deadline = time.monotonic() + transport.SECONDS
    while ended and settings.agent_socket.exists() and time.monotonic() < deadline:
        time.sleep(0.01)
    settings.agent_socket.unlink(missing_ok=True)
    return ended


def _usable(found: Agent, *, confirm: bool) -> Agent:
    """Told now, and not when the person has signed in."""
    try:
        found.probe(confirm=confirm)
    except Invalid as error:
        hint = f"unlock it: SSH_AUTH_SOCK='{found.path}' ssh-add -X"
        raise Misconfigured(f"{error.message}; it may be locked", code="agent-locked", hint=hint) from error
    return found


def _start(path: Path, environ: Mapping[str, str]) -> None:
    try:
        subprocess.run(
            # No PKCS#11 or FIDO library is loaded into it, whoever asks (CVE-2023-38408).
            ["ssh-agent", "-a", str(path), "-P", ""],
            check=True,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=transport.SECONDS,
            umask=0o077,
            start_new_session=True,
            env={name: environ[name] for name in _ENVIRONMENT if name in environ} | _path(environ),
            cwd="/",
        )
    except OSError as error:
        raise Misconfigured("OpenSSH's ssh-agent is not installed", hint="install openssh-client") from error
    except subprocess.SubprocessError as error:
        raise Misconfigured(f"ssh-agent did not start at {path}", hint=f"try it: ssh-agent -a '{path}'") from error
    deadline = time.monotonic() + transport.SECONDS
    while not _answers(Agent(str(path))) and time.monotonic() < deadline:
        time.sleep(0.01)


def _path(environ: Mapping[str, str]) -> dict[str, str]:
    """Without a PATH of its own, ours."""
    return {"PATH": environ.get("PATH") or os.environ.get("PATH", os.defpath)}


def _answers(found: Agent) -> bool:
    try:
        found.identities()
    except (Unavailable, Invalid):
        return False
    return True
