"""The day pass and the agent it is in: is it there, would it be used, when does it end, will this agent do at all."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

from daypass.client import glance
from daypass.client.agent import Agent, is_forwarded
from daypass.client.doctor.report import Finding, note, ok, problem
from daypass.client.holding import held
from daypass.client.settings import Settings
from daypass.client.trust import Membership
from daypass.errors import Invalid, Unavailable
from daypass.times import duration, moment

__all__ = ["agent", "agent_kind", "day_pass"]

_LOGIN = "run: daypass login"
_KINDS = (
    ("/keyring/", "GNOME's keyring"),
    ("/gcr/", "GNOME's keyring"),
    ("S.gpg-agent.ssh", "gpg-agent"),
    ("1password", "1Password"),
    ("com.apple.launchd", "macOS's own ssh-agent"),
    ("keepass", "KeePassXC"),
    ("bitwarden", "Bitwarden"),
    ("vscode-ssh-auth", "one that VS Code forwards"),
    ("/openssh_agent", "OpenSSH's ssh-agent of this session"),
)


def day_pass(membership: Membership, now: float) -> Iterator[Finding]:
    """Valid, in the agent, not about to end; and if not, why."""
    found = glance.look(str(membership.context.folder))
    if found is None:
        yield note("you hold no day pass", _LOGIN)
    elif now >= found.valid_before:
        yield note(f"your day pass ended {duration(now - found.valid_before)} ago", _LOGIN)
    elif now < found.valid_after:
        yield problem("your day pass is not valid yet by this machine's clock", "set the clock, see below")
    elif not found.in_agent:
        yield problem("your day pass is here, but its key is not in the agent", _not_there(membership))
    elif held(membership, now) is None:
        yield problem("the certificate on file is not one of this CA", _LOGIN)
    else:
        left = f"{moment(found.valid_before, now)} ({duration(found.valid_before - now)})"
        text = f"day pass for {found.login} until {left}"
        soon = glance.ends_soon(found.valid_after, found.valid_before, now)
        yield note(text, "a login replaces it: daypass login") if soon else ok(text)


def _not_there(membership: Membership) -> str:
    path = _noted(membership)
    if path and Agent(path).is_locked():
        return f"the agent is locked; unlock it: SSH_AUTH_SOCK={path} ssh-add -X"
    return _LOGIN


def agent(settings: Settings, membership: Membership | None) -> Iterator[Finding]:
    """The person's agent, and the one that the day pass is in."""
    path = settings.environ.get("SSH_AUTH_SOCK", "")
    if not path:
        yield ok("SSH_AUTH_SOCK is not set; daypass uses an ssh-agent of its own")
    elif path != str(settings.agent_socket):
        yield from _persons_own(path, settings)
    noted = _noted(membership) if membership is not None else ""
    if noted and noted != path:
        yield from _ours(noted)


def _persons_own(path: str, settings: Settings) -> Iterator[Finding]:
    kind = agent_kind(path)
    who = f"your ssh-agent at {path}" + (f" ({kind})" if kind else "")
    if not Path(path).exists():
        hint = "a stale SSH_AUTH_SOCK, as in an old tmux? Nothing to do: daypass uses an ssh-agent of its own"
        yield note(f"{who} is gone", hint)
    elif is_forwarded(path, settings.environ):
        yield note(
            f"{who} is forwarded from another machine; the day pass does not go there", "daypass login --force"
        )
    else:
        yield _probed(Agent(path), who)


def _probed(found: Agent, who: str) -> Finding:
    try:
        found.probe()
        count = len(found.identities())
    except Unavailable as error:
        return note(f"{who} does not answer: {error.message}", "daypass uses an ssh-agent of its own instead")
    except Invalid as error:
        if found.is_locked():
            return note(f"{who} is locked", f"unlock it: SSH_AUTH_SOCK={found.path} ssh-add -X")
        return note(f"{who} will not do: {error.message}", "daypass uses an ssh-agent of its own instead")
    return ok(f"{who} keeps certificates as it should; it holds {count} key(s)")


def _ours(path: str) -> Iterator[Finding]:
    """The agent noted at the last login."""
    try:
        count = len(Agent(path).identities())
    except (Invalid, Unavailable):
        yield problem(f"the ssh-agent with your day pass, at {path}, does not answer", _LOGIN)
    else:
        yield ok(f"the ssh-agent with your day pass, at {path}, answers; it holds {count} key(s)")


def agent_kind(path: str) -> str:
    """Whose agent it is, by where its socket lies; "" for one that could be anybody's."""
    if sys.platform == "win32" and path.startswith("\\\\"):
        return "Windows' own ssh-agent"
    return next((kind for mark, kind in _KINDS if mark.lower() in path.lower()), "")


def _noted(membership: Membership) -> str:
    try:
        return membership.context.agent.read_text("utf-8").strip()
    except (OSError, UnicodeDecodeError):
        return ""
