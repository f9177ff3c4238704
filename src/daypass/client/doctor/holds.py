"""The day pass and the agent it is in: is it there, would it be used, when does it end, will this agent do at all."""

from __future__ import annotations

from collections.abc import Iterator

from daypass.client import glance, rolefiles
from daypass.client.agents import choice, kinds
from daypass.client.agents.agent import Agent
from daypass.client.doctor.report import Finding, note, ok, problem
from daypass.client.holding import held
from daypass.client.roles import held as held_roles
from daypass.client.settings import Settings
from daypass.client.trust import Membership
from daypass.errors import Invalid, Unavailable
from daypass.times import duration, moment

__all__ = ["agent", "day_pass", "roles"]

_LOGIN = "run: daypass login"


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


def roles(membership: Membership, now: float) -> Iterator[Finding]:
    """Certificates of one role alone: nothing to say where there are none."""
    usable = {each.role for each in held_roles(membership, now)}
    for role, found in rolefiles.look(str(membership.context.folder), now).items():
        again = f"run: daypass login --role {role}"
        if role in usable:
            left = f"{moment(found.valid_before, now)} ({duration(found.valid_before - now)})"
            yield ok(f"role {role} until {left}; ssh offers it before the day pass")
        elif found.in_agent:
            yield problem(
                f"the certificate of the role {role} on file is not one of this CA, or not valid yet", again
            )
        else:
            yield problem(f"the role {role} is here, but its key is not in the agent", again)


def _not_there(membership: Membership) -> str:
    path = _noted(membership)
    if path and Agent(path).is_locked():
        return f"the agent is locked; unlock it: SSH_AUTH_SOCK={path} ssh-add -X"
    return _LOGIN


def agent(settings: Settings, membership: Membership | None) -> Iterator[Finding]:
    """The person's agent, and the one that the day pass is in."""
    path = settings.platform.agent
    if not path:
        yield ok("you have no ssh-agent (SSH_AUTH_SOCK is not set); daypass uses one of its own")
    elif path != str(settings.agent_socket):
        yield _persons_own(path, settings)
    noted = _noted(membership) if membership is not None else ""
    if noted and noted != path:
        yield from _ours(noted)


def _persons_own(path: str, settings: Settings) -> Finding:
    who = f"your ssh-agent ({kinds.kind(path).name or path})"
    reason = choice.objection(settings, path)
    if reason:
        return note(f"{who} {reason}", "nothing to do: daypass uses OpenSSH's own ssh-agent instead")
    return ok(f"{who} keeps certificates as it should; it holds {len(Agent(path).identities())} key(s)")


def _ours(path: str) -> Iterator[Finding]:
    """The agent noted at the last login."""
    try:
        count = len(Agent(path).identities())
    except (Invalid, Unavailable):
        yield problem(f"the ssh-agent of your last day pass, at {path}, does not answer", _LOGIN)
    else:
        yield ok(f"the ssh-agent of your last day pass, at {path}, answers; it holds {count} key(s)")


def _noted(membership: Membership) -> str:
    try:
        return membership.context.agent.read_text("utf-8").strip()
    except (OSError, UnicodeDecodeError):
        return ""
