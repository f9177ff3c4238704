"""`daypass logout`: out of the agent, off the disk, and shared connections ended (trust 6.5).

A multiplexing master would go on opening sessions after the certificate is gone. Our configuration puts masters to
our hosts at a path of ours, so they can be found and told to exit.
"""

from __future__ import annotations

import contextlib
import subprocess
from dataclasses import dataclass
from pathlib import Path

from daypass.client import holding, roles
from daypass.client.agents import choice
from daypass.client.openssh import sshconfig
from daypass.client.settings import Context, Settings
from daypass.client.trust import Membership, load
from daypass.errors import Misconfigured, NotFound

__all__ = ["LoggedOut", "logout", "logout_at", "logout_role"]

_SECONDS = 5.0


@dataclass(frozen=True, slots=True)
class LoggedOut:
    """What was given up at one company."""

    company: str
    had_pass: bool
    connections: int


def logout(settings: Settings, *, everywhere: bool = False) -> tuple[LoggedOut, ...]:
    """At the company in use, or at all of them. Needs no network. Raises NotFound where none was ever joined."""
    current = settings.current()
    contexts = settings.contexts() if everywhere else (current,) if current else ()
    if not contexts:
        raise NotFound("this account has joined no company", hint="there is nothing to log out of")
    return tuple(logout_at(settings, context) for context in contexts)


def logout_at(settings: Settings, context: Context) -> LoggedOut:
    """At one company. Raises Misconfigured where the agent is locked."""
    try:
        membership = load(context)
    except Misconfigured:  # damaged files must not keep anybody from giving up what they hold
        user_ca, connections = holding.signers(context), 0
    else:
        user_ca, connections = membership.user_ca, _end_connections(settings, membership)
    with holding.alone(context):
        had_pass = holding.discard(context, user_ca, choice.within_reach(settings))
    return LoggedOut(context.name, had_pass, connections)


def logout_role(settings: Settings, role: str) -> int:
    """One role's certificate at the company in use; shared connections end too, since which key opened one is not
    known. Returns how many did. Raises NotFound where there is none."""
    context = settings.current()
    if context is None:
        raise NotFound("this account has joined no company", hint="there is nothing to give up")
    membership = load(context)
    with holding.alone(context):
        roles.give_up(settings, membership, role)
    return _end_connections(settings, membership)


def _end_connections(settings: Settings, membership: Membership) -> int:
    """Tell every master to exit; a socket nobody listens on any more is swept up."""
    prefix = sshconfig.control_prefix(settings, membership.trust.ca_id)
    return sum(_end(path) for path in prefix.parent.glob(f"{prefix.name}*"))


def _end(path: Path) -> bool:
    ended = False
    with contextlib.suppress(OSError, subprocess.SubprocessError):
        done = subprocess.run(
            ["ssh", "-F", "none", "-O", "exit", "-S", str(path), "daypass"],
            capture_output=True,
            stdin=subprocess.DEVNULL,
            timeout=_SECONDS,
        )
        ended = done.returncode == 0
    path.unlink(missing_ok=True)
    return ended
