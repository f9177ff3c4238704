"""Agents as people know them: told by the path they listen at and by the program that does (docs/guide/agents.md).

Only gpg-agent and forwarded agents are judged by this; all others by what they do (client.agent, `probe`).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from daypass.client.agents.peer import Peer, listener, process_name
from daypass.client.platform import WINDOWS_AGENT

__all__ = ["Kind", "is_forwarded", "kind"]


@dataclass(frozen=True, slots=True)
class Kind:
    """`asks`: it shows its own prompt for `ssh-add -c`. `never`: why it is not even put to the test."""

    name: str
    paths: str
    programs: str
    asks: bool = False
    never: str = ""


_NEVER = r"(?!)"
_KINDS = (
    # Asks for a passphrase with every key that is added, and writes the key to ~/.gnupg/private-keys-v1.d, where its
    # lifetime is that of the passphrase only (gpg-agent(1), "sshcontrol"); so not even the test may be tried.
    Kind(
        "gpg-agent",
        r".*/S\.gpg-agent\.ssh",
        r"gpg-agent",
        never="asks for a passphrase with every key, and keeps keys on disk",
    ),
    Kind("GNOME's ssh-agent", r".*/gcr/\.?ssh", r"gcr-ssh-agent|gcr4-ssh-agent", asks=True),
    Kind("GNOME Keyring", r".*/keyring[^/]*/\.?ssh", r"gnome-keyring-d.*", asks=True),
    Kind("1Password", r".*/\.1password/agent\.sock|.*\.com\.1password/t/agent\.sock", r"1password.*"),
    Kind("Bitwarden", r".*/\.bitwarden-ssh-agent\.sock", r"bitwarden.*"),
    Kind("Secretive", r".*com\.maxgoedjen\.Secretive\.SecretAgent/.*", r"SecretAgent"),
    Kind("yubikey-agent", r".*/yubikey-agent\.sock", r"yubikey-agent"),
    Kind("Pageant", r"\\\\\.\\pipe\\pageant\..*", _NEVER),
    Kind("Windows' ssh-agent", re.escape(WINDOWS_AGENT), _NEVER),
)
_UNKNOWN = Kind("", _NEVER, _NEVER)
# sshd makes them for a session (session.c, auth_input_request_forwarding; 10.1 and later below ~/.ssh), and VS Code's
# server for a window.
_FORWARDED = re.compile(
    r"/tmp/ssh-[^/]+/agent\.\d+|.*/\.ssh/agent/s\.[^/]+\.sshd\.[^/]+"  # noqa: S108
)
_ALWAYS_FORWARDED = re.compile(r".*/vscode-ssh-auth-[^/]*")


def kind(path: str) -> Kind:
    """What listens there, by its path, the path it was made at, or its program; one without a name if unknown."""
    found = listener(path)
    paths = {path.replace("/", "\\") if path.startswith("//./") else path, found.bound if found else ""}
    program = _program(found)
    for each in _KINDS:
        if re.fullmatch(each.programs, program) or any(re.fullmatch(each.paths, one) for one in paths):
            return each
    return _UNKNOWN


def is_forwarded(path: str, environ: Mapping[str, str]) -> bool:
    """Whether sshd made this socket for the session. Who listens decides; where that can't be told, its name.

    sshd's process lives as long as the forwarding does.
    """
    if _ALWAYS_FORWARDED.fullmatch(path):
        return True
    if not environ.get("SSH_CONNECTION"):
        return False
    program = _program(listener(path))
    if program:
        return program.startswith("sshd")
    return _FORWARDED.fullmatch(path) is not None


def _program(found: Peer | None) -> str:
    return process_name(found.pid) if found else ""
