"""Certificates of one role alone, beside the day pass: kept, looked at, given up (trust 2.3).

Each has a fresh key, an entry of its own in the agent that ends by itself, and a public file. ssh offers them before
the day pass, each to the company's hosts and for as long as it is valid; so there are few of them: a host may give up
after four keys.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from daypass.client import holding, rolefiles
from daypass.client.agents import choice
from daypass.client.agents.agent import Agent, is_certificate
from daypass.client.holding import Held
from daypass.client.openssh import roleconfig
from daypass.client.openssh.roleconfig import Offered
from daypass.client.settings import Context, Settings, write_file
from daypass.client.trust import Membership
from daypass.errors import Conflict, DaypassError, NotFound, Unauthenticated
from daypass.wire import Certificate

__all__ = ["MOST", "HeldRole", "agent_of", "check", "give_up", "held", "keep", "require_room", "tell_ssh"]

MOST = 3  # with the day pass four keys: what hardened hosts allow (CIS benchmarks: MaxAuthTries 4 or less)


@dataclass(frozen=True, slots=True)
class HeldRole(Held):
    """A valid certificate of one role, and the agent that has its key."""

    role: str


def held(membership: Membership, now: float) -> tuple[HeldRole, ...]:
    """What is valid and usable: signed by this CA, in time, and in the agent."""
    context, found = membership.context, list[HeldRole]()
    for agent in holding.noted(context.roles_agent):
        for role in rolefiles.look(str(context.folder), now):
            with contextlib.suppress(OSError, UnicodeDecodeError, DaypassError):
                certificate = Certificate.from_line(_file(context, role).read_text("ascii"))
                certificate.verify_signature()
                ours = certificate.signature_key in membership.user_ca
                if ours and certificate.valid_after <= now and agent.holds(certificate.encode()):
                    found.append(HeldRole(certificate, agent, role))
    return tuple(found)


def require_room(membership: Membership, role: str, now: float) -> None:
    """For one more. Raises Conflict, before anybody is asked to sign in."""
    others = [each for each in rolefiles.look(str(membership.context.folder), now) if each != role]
    if len(others) >= MOST:
        raise Conflict(
            f"you hold {MOST} roles already ({', '.join(others)}); offered more, hosts hang up before the right one",
            code="role.many",
            hint=f"give one up: daypass logout --role {others[0]}",
        )


def agent_of(membership: Membership, now: float) -> Agent | None:
    """The one that holds them; None where there are none."""
    return next((each.agent for each in held(membership, now)), None)


def check(certificate: Certificate, role: str) -> None:
    """That it is of this role alone. Raises Unauthenticated: a CA that knows no such thing sent a day pass."""
    typed = [each for each in certificate.principals if each.startswith("role:")]
    if not typed or any(each != f"role:{role}" and not each.startswith(f"role:{role}:") for each in typed):
        raise Unauthenticated(
            f"the CA sent a certificate that is not of the role {role} alone",
            code="wrong-certificate",
            hint="nothing was kept; tell the CA's operator",
        )


def keep(
    role: str,
    certificate: Certificate,
    key: Ed25519PrivateKey,
    agent: Agent,
    membership: Membership,
    settings: Settings,
    *,
    confirm: bool = False,
    say: Callable[[str], None],
) -> Agent:
    """Into the agent, ssh told, the file in place, and an earlier one of the same role out; or all is as it was.

    Gives the agent it went into, as `holding.keep`.
    """
    context, blob, now = membership.context, certificate.encode(), time.time()
    earlier = _blob(context, role)
    name = f"daypass:{context.name}:{role}"
    try:
        agent = choice.add(
            agent, settings, say, key, blob, certificate.valid_before - int(now), name, confirm=confirm
        )
        others = [each for each in held(membership, now) if each.role != role and each.agent == agent]
        tell_ssh(settings, membership, agent, [*others, HeldRole(certificate, agent, role)])
        write_file(context.roles_agent, f"{agent.path}\n")
        write_file(_file(context, role), certificate.line(name) + "\n")
    except BaseException:
        with contextlib.suppress(DaypassError):
            agent.remove(blob)
        raise
    if earlier:
        with contextlib.suppress(DaypassError):  # it ended by itself
            agent.remove(earlier)
    return agent


def give_up(settings: Settings, membership: Membership, role: str) -> None:
    """One of them: out of the agent, off the disk. Raises NotFound where there is none of this role."""
    context, now = membership.context, time.time()
    blob = _blob(context, role) if role in rolefiles.look(str(context.folder), now) else b""
    if not blob:
        there = ", ".join(rolefiles.names(str(context.folder)))
        hint = f"there is: {there}" if there else "daypass status shows what you hold"
        raise NotFound(f"you hold no certificate of a role {role!r}", code="role.none", hint=hint)
    for agent in holding.noted(context.roles_agent):
        with contextlib.suppress(DaypassError):  # it ended by itself, or the agent has
            agent.remove(blob)
        left = [each for each in held(membership, now) if each.role != role]
        tell_ssh(settings, membership, agent, left)
    _file(context, role).unlink(missing_ok=True)


def tell_ssh(settings: Settings, membership: Membership, agent: Agent, roles: Sequence[HeldRole]) -> None:
    """Have ssh offer exactly these, before the day pass."""
    offered = [
        Offered(
            file=_file(membership.context, each.role),
            end=each.certificate.valid_before,
            enrolled_only=holding.serves_enrolled_alone(each.certificate, agent, settings),
        )
        for each in roles
    ]
    own_keys = [each.blob for each in agent.identities() if not is_certificate(each.blob)]
    behind = roleconfig.write(settings, membership, agent.path, own_keys, offered)
    day_pass = holding.held(membership, time.time())
    if day_pass is not None:
        holding.write_pass(day_pass.certificate, day_pass.agent, membership, settings, behind)


def _file(context: Context, role: str) -> Path:
    return context.folder / rolefiles.file_of(role)


def _blob(context: Context, role: str) -> bytes:
    """Of the certificate on file; b"" without one."""
    with contextlib.suppress(OSError, UnicodeDecodeError, DaypassError):
        return Certificate.from_line(_file(context, role).read_text("ascii"), strict=False).encode()
    return b""
