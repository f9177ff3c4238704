"""Which agent a day pass goes into: the person's, if it does as it should, else our own (trust 8.3)."""

from __future__ import annotations

import contextlib
import stat
from collections.abc import Callable
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from daypass.client.agents import asking, kinds
from daypass.client.agents.agent import Agent, is_certificate
from daypass.client.agents.kinds import Kind
from daypass.client.agents.ownagent import own_agent
from daypass.client.settings import Settings, is_plain
from daypass.errors import DaypassError, Invalid, Misconfigured, Unavailable

__all__ = ["add", "choose", "objection", "within_reach"]

_INSTEAD = "using OpenSSH's own ssh-agent instead"
_MOST_OTHERS = 3  # sshd may give up after four offers (CIS benchmarks: MaxAuthTries 4 or less)
_REASONS = {
    "agent-refused": "does not take certificates that end by themselves",
    "agent-dropped": "takes certificates and does not list them",
    "agent-kept": "does not let certificates out again",
    "agent-confirm": "can't ask you before each use of a key",
    "agent-foreign": "belongs to another account",
    "agent-silent": "does not answer",
}


def choose(settings: Settings, say: Callable[[str], None], *, force: bool = False, confirm: bool = False) -> Agent:
    """An agent that has shown that it keeps a certificate, and lets it go again; with `confirm`, one that asks.

    A forwarded one is taken only with `force`: whoever rules its far end could use the key as long as the connection
    lasts. So is Windows' service, which keeps keys on its disk. `say` gets one line where it is not the person's own.
    """
    path = settings.platform.agent
    if settings.platform.is_windows:
        return _on_windows(path, force=force, confirm=confirm)
    if not path or path == str(settings.agent_socket):
        return own_agent(settings, confirm=confirm)
    known, reason = kinds.kind(path), objection(settings, path, force=force, confirm=confirm)
    found = Agent(str(Path(path).absolute()))
    if reason:
        say(f"{_name(known, path)} {reason}; {_INSTEAD}")
        return own_agent(settings, confirm=confirm)
    if confirm and not known.asks and not asking.can_ask(settings.environ):
        say(f"{_name(known, path)} may have no program to ask you with; if ssh is refused, {asking.HINT}")
    return found


def add(
    found: Agent,
    settings: Settings,
    say: Callable[[str], None],
    key: Ed25519PrivateKey,
    certificate: bytes,
    lifetime: int,
    comment: str,
    *,
    confirm: bool = False,
) -> Agent:
    """Put it into the agent that was chosen, or our own where that one has failed since; gives the one that has it.

    The person has signed in by now: that must not be for nothing.
    """
    own = Agent(str(settings.agent_socket))
    try:
        found.add(key, certificate, lifetime, comment, confirm=confirm)
    except (Invalid, Unavailable) as error:
        if found == own or not settings.platform.has_own_agent:
            raise
        with contextlib.suppress(DaypassError):
            found.remove(certificate)
        say(f"{_name(kinds.kind(found.path), found.path)} {_reason(error)} any more; {_INSTEAD}")
        own_agent(settings, confirm=confirm).add(key, certificate, lifetime, comment, confirm=confirm)
        return own
    return found


def objection(settings: Settings, path: str, *, force: bool = False, confirm: bool = False) -> str:
    """Why the agent at `path` will not do, to follow its name; "" where it will."""
    found = Agent(str(Path(path).absolute()))
    reason = _unfit(settings, path, force=force) or kinds.kind(path).never or _tried(found, confirm=confirm)
    return reason or ("" if force else _full(found))


def within_reach(settings: Settings) -> tuple[Agent, ...]:
    """Agents that may hold something of ours: our own, and the person's, but none that is forwarded.

    A forwarded one is that of another machine, whose own day pass it may hold, signed by the same CA.
    """
    path, own = settings.platform.agent, str(settings.agent_socket)
    mine = [own, path] if path and not kinds.is_forwarded(path, settings.environ) else [own]
    return tuple(Agent(each) for each in dict.fromkeys(mine) if Path(each).exists())


def _on_windows(path: str, *, force: bool, confirm: bool) -> Agent:
    name, hint = _name(kinds.kind(path), path), "use daypass in WSL, or key files: daypass certificate"
    if not force:
        raise Misconfigured(
            f"{name} keeps keys on disk, and there is no other",
            code="agent-none",
            hint=f"{hint}; daypass login --force tries it all the same",
        )
    found = Agent(path)
    reason = _tried(found, confirm=confirm)
    if reason:
        raise Misconfigured(f"{name} {reason}", code="agent-none", hint=hint)
    return found


def _unfit(settings: Settings, path: str, *, force: bool) -> str:
    """Why nothing may even be said to it; "" where something may."""
    try:
        found = Path(path).stat()
    except OSError:
        return "is gone (SSH_AUTH_SOCK is from an earlier session)"
    if not stat.S_ISSOCK(found.st_mode):
        return "is no socket"
    if found.st_uid not in (0, settings.platform.uid):
        return "belongs to another account"
    if kinds.is_forwarded(path, settings.environ) and not force:
        return "is forwarded from another machine (--force takes it all the same)"
    if not is_plain(str(Path(path).absolute())):
        return "has a path that ssh can't be told"
    return ""


def _tried(found: Agent, *, confirm: bool) -> str:
    """What the test says against it; "" for nothing."""
    try:
        found.probe()
    except (Invalid, Unavailable) as error:
        return _reason(error) + _unlock(found, error)
    if confirm:
        try:
            found.probe(confirm=True)
        except (Invalid, Unavailable):
            return _REASONS["agent-confirm"]
    return ""


def _full(found: Agent) -> str:
    """ssh offers what its configuration names in the order of the agent, where a new day pass comes last."""
    others = sum(not is_certificate(each.blob) for each in found.identities())
    return f"holds {others} other keys, which ssh would offer first" if others > _MOST_OTHERS else ""


def _reason(error: DaypassError) -> str:
    return _REASONS.get(error.code, "does not speak as an ssh-agent does")


def _unlock(found: Agent, error: DaypassError) -> str:
    """OpenSSH's, locked, shows nothing and takes nothing: so does one that is empty and refuses all."""
    if error.code != "agent-refused":
        return ""
    with contextlib.suppress(Invalid, Unavailable):
        return "" if found.identities() else " (if it is locked: ssh-add -X)"
    return ""


def _name(known: Kind, path: str) -> str:
    return known.name or f"the ssh-agent at {path}"
