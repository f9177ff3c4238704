"""The day pass a person holds: read from its file, checked before it is believed, kept, and given up.

The certificate is public and lies in a file; the key is in the agent alone. So a pass is held only while the agent
still has it, whatever the file says.
"""

from __future__ import annotations

import contextlib
import time
from dataclasses import dataclass
from pathlib import Path

from daypass.client import sshconfig
from daypass.client.agent import Agent, is_certificate
from daypass.client.settings import Settings, write_file
from daypass.client.trust import Membership
from daypass.errors import DaypassError, Invalid, Misconfigured, Unauthenticated, Unavailable
from daypass.wire import Certificate, CertType, PublicKey

__all__ = ["Held", "check", "discard", "held", "keep"]


@dataclass(frozen=True, slots=True)
class Held:
    """A valid certificate, and the agent that has its key."""

    certificate: Certificate
    agent: Agent

    def seconds_left(self, now: float) -> int:
        return max(0, int(self.certificate.valid_before - now))


def held(membership: Membership, now: float) -> Held | None:
    """What is valid now and usable: signed by this CA, in time, and in the agent. None otherwise."""
    context = membership.context
    try:
        certificate = Certificate.from_line(context.certificate.read_text("ascii"))
        agent = Agent(context.agent.read_text("utf-8").strip())
        if certificate.signature_key not in membership.user_ca:
            return None
        certificate.verify_signature()
        usable = certificate.valid_after <= now < certificate.valid_before and agent.holds(certificate.encode())
    except (OSError, UnicodeDecodeError, DaypassError):
        return None
    return Held(certificate, agent) if usable else None


def check(blob: bytes, key: PublicKey, membership: Membership, now: float) -> Certificate:
    """The certificate the CA sent, if it is what was asked for. Raises Unauthenticated where it is not.

    A CA that answers with anything else is broken or is not the CA; nothing of that reaches the agent.
    """
    certificate = Certificate.parse(blob)
    if certificate.signature_key not in membership.user_ca:
        raise _wrong("it is signed by a key the trust document does not name")
    try:
        certificate.verify_signature()
    except Invalid as error:
        raise _wrong("its signature does not hold") from error
    if certificate.public_key != key:
        raise _wrong("it is for another key")
    if certificate.type is not CertType.USER or certificate.unknown_critical_options:
        raise _wrong("it is of another kind")
    if not certificate.principals:
        raise _wrong("it names nobody")
    _check_time(certificate, now)
    return certificate


def keep(certificate: Certificate, agent: Agent, membership: Membership, settings: Settings) -> None:
    """After the agent has it: older ones out of the agent, the file in place, ssh told."""
    context = membership.context
    for each in {agent, *_noted(context.agent)}:
        with contextlib.suppress(Unavailable):  # yesterday's agent may have ended
            each.remove_certified_by(membership.user_ca, keep=certificate.encode())
    own_keys = [each.blob for each in agent.identities() if not is_certificate(each.blob)]
    write_file(context.agent, f"{agent.path}\n")
    write_file(context.certificate, certificate.line(f"daypass:{context.name}") + "\n")
    sshconfig.write_pass(settings, membership, agent.path, certificate.valid_before, own_keys)


def discard(membership: Membership, agents: tuple[Agent, ...]) -> bool:
    """Out of every agent and off the disk. Returns whether there was anything."""
    context = membership.context
    found = False
    for agent in {*agents, *_noted(context.agent)}:
        try:
            found = agent.remove_certified_by(membership.user_ca) > 0 or found
        except DaypassError:
            continue  # an agent that has ended holds nothing
    # ssh's instructions go first: they name the certificate's file.
    own_keys = context.folder.glob("own-*.pub")
    for path in (context.pass_config, context.valid_marker, context.certificate, context.agent, *own_keys):
        found = path.exists() or found
        path.unlink(missing_ok=True)
    return found


def _noted(path: Path) -> tuple[Agent, ...]:
    try:
        return (Agent(path.read_text("utf-8").strip()),)
    except (OSError, UnicodeDecodeError):
        return ()


def _check_time(certificate: Certificate, now: float) -> None:
    if certificate.valid_after <= now < certificate.valid_before:
        return
    early = now < certificate.valid_after
    clock = time.strftime("%H:%M:%S", time.localtime(now))
    raise Misconfigured(
        f"the certificate {'is not valid yet' if early else 'has already expired'} by this machine's clock ({clock})",
        code="clock",
        hint=f"your clock is {'behind' if early else 'ahead of'} the CA's: set it (timedatectl), then sign in again",
    )


def _wrong(reason: str) -> Unauthenticated:
    return Unauthenticated(
        f"the CA sent a certificate that can't be used: {reason}",
        code="wrong-certificate",
        hint="nothing was kept; tell the CA's operator",
    )
