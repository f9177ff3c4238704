"""The day pass a person holds: read from its file, checked before it is believed, kept, and given up.

The certificate is public and lies in a file; the key is in the agent alone. So a pass is held only while the agent
still has it, whatever the file says.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from daypass.client import marker, rolefiles
from daypass.client.agents import choice
from daypass.client.agents.agent import Agent, is_certificate
from daypass.client.glance import ends_soon, login_name
from daypass.client.openssh import sshconfig
from daypass.client.openssh.sshconfig import Behind
from daypass.client.portable import locked
from daypass.client.settings import Context, Settings, write_file
from daypass.client.trust import Membership
from daypass.errors import DaypassError, Invalid, Misconfigured, Unauthenticated
from daypass.wire import Certificate, CertType, PublicKey

__all__ = [
    "Held",
    "alone",
    "check",
    "discard",
    "held",
    "keep",
    "noted",
    "owner",
    "serves_enrolled_alone",
    "signers",
    "tell_ssh",
]


@dataclass(frozen=True, slots=True)
class Held:
    """A valid certificate, and the agent that has its key."""

    certificate: Certificate
    agent: Agent

    def seconds_left(self, now: float) -> int:
        return max(0, int(self.certificate.valid_before - now))

    def ends_soon(self, now: float) -> bool:
        return ends_soon(self.certificate.valid_after, self.certificate.valid_before, now)


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


@contextlib.contextmanager
def alone(context: Context) -> Iterator[None]:
    """Others who want to change what is held wait: two logins at once would take out each other's certificate."""
    with locked(context.lock):
        yield


def keep(
    certificate: Certificate,
    key: Ed25519PrivateKey,
    agent: Agent,
    membership: Membership,
    settings: Settings,
    *,
    confirm: bool = False,
    say: Callable[[str], None],
) -> Agent:
    """Into the agent, ssh told, the file in place, and older ones out. All of it, or what was held is still held.

    With `confirm` the agent asks before each use. Gives the agent it went into: our own where `agent` has failed
    since it was chosen.
    """
    context, blob = membership.context, certificate.encode()
    lifetime, earlier = certificate.valid_before - int(time.time()), noted(context.agent)
    roles = [each.blob for each in rolefiles.look(str(context.folder), time.time()).values()]
    comment = f"daypass:{context.name}"
    try:
        agent = choice.add(agent, settings, say, key, blob, lifetime, comment, confirm=confirm)
        write_pass(certificate, agent, membership, settings)
        write_file(context.agent, f"{agent.path}\n")
        write_file(context.certificate, certificate.line(f"daypass:{context.name}") + "\n")
    except BaseException:
        with contextlib.suppress(DaypassError):
            agent.remove(blob)
        raise
    tell_ssh(Held(certificate, agent), context, settings.environ)
    for each in {agent, *earlier, *choice.within_reach(settings)}:
        with contextlib.suppress(DaypassError):  # yesterday's agent may have ended, or be locked
            each.remove_certified_by(membership.user_ca, keep=(blob, *roles))
    return agent


def write_pass(
    certificate: Certificate, agent: Agent, membership: Membership, settings: Settings, behind: Behind | None = None
) -> None:
    """Write down for ssh that it is offered, and after which roles."""
    own_keys = [each.blob for each in agent.identities() if not is_certificate(each.blob)]
    only = certificate if serves_enrolled_alone(certificate, agent, settings) else None
    sshconfig.write_pass(settings, membership, agent.path, own_keys, enrolled_only=only, behind=behind)


def serves_enrolled_alone(certificate: Certificate, agent: Agent, settings: Settings) -> bool:
    """Whether other hosts had better not be offered this pass: it opens none of them (trust 2.1: a role is inert
    there), while the person's keys that may do so are in an agent that ssh would not ask (trust 8.1)."""
    path = settings.platform.agent
    if not path or path == agent.path or any(":" not in name for name in certificate.principals):
        return False
    with contextlib.suppress(DaypassError):
        return any(not is_certificate(each.blob) for each in Agent(path).identities())
    return False


def tell_ssh(held: Held, context: Context, environ: Mapping[str, str]) -> None:
    """Have ssh offer the pass, and start the next sign-in by itself once it has ended.

    What can't be written is left: ssh's own look at things (client.openssh.autologin) makes up for it.
    """
    with contextlib.suppress(OSError):
        marker.write(str(context.folder), held.certificate.valid_before, held.agent.path, environ)
        for note in (context.signed_out, context.failure):
            note.unlink(missing_ok=True)


def owner(context: Context) -> str:
    """Whom the certificate on file is for, valid or not; "" without one."""
    try:
        certificate = Certificate.from_line(context.certificate.read_text("ascii"), strict=False)
    except (OSError, UnicodeDecodeError, Invalid):
        return ""
    return login_name(certificate.principals, certificate.key_id)


def signers(context: Context) -> tuple[PublicKey, ...]:
    """Who signed the certificate on file, for when nothing else can be read: enough to give it up."""
    try:
        return (Certificate.from_line(context.certificate.read_text("ascii")).signature_key,)
    except (OSError, UnicodeDecodeError, Invalid):
        return ()


def discard(context: Context, user_ca: Collection[PublicKey], agents: tuple[Agent, ...]) -> bool:
    """Out of every agent and off the disk. Returns whether there was anything.

    Raises Misconfigured where the agent is locked: it hides what it holds, and has it again once it is unlocked.
    """
    earlier, held = (*noted(context.agent), *noted(context.roles_agent)), context.certificate.exists()
    found = False
    for agent in {*agents, *earlier}:
        try:
            found = agent.remove_certified_by(user_ca) > 0 or found
        except DaypassError:
            continue  # an agent that has ended holds nothing
    locked = [each for each in earlier if held and not found and each.is_locked()]
    # ssh's instructions go first: they name the certificate's file.
    marker.forget(str(context.folder))
    told_of_roles = (context.roles_config, context.roles_own_config, context.role_check)
    roles = [context.folder / rolefiles.file_of(role) for role in rolefiles.names(str(context.folder))]
    own_keys = context.folder.glob("own-*.pub")
    for path in (context.pass_config, context.certificate, *told_of_roles, *roles, *own_keys):
        found = path.exists() or found
        path.unlink(missing_ok=True)
    for each in locked:
        raise _locked(each)
    context.agent.unlink(missing_ok=True)
    context.roles_agent.unlink(missing_ok=True)
    # By the person's own word: ssh does not sign them in again behind their back.
    write_file(context.signed_out, "")
    return found


def _locked(agent: Agent) -> Misconfigured:
    return Misconfigured(
        "the ssh-agent is locked, so the key could not be taken out of it",
        code="agent-locked",
        hint=f"unlock it (SSH_AUTH_SOCK={agent.path} ssh-add -X), then run daypass logout again",
    )


def noted(path: Path) -> tuple[Agent, ...]:
    """The agent that the note names; none where it can't be read."""
    try:
        return (Agent(path.read_text("utf-8").strip()),)
    except (OSError, UnicodeDecodeError):
        return ()


def _check_time(certificate: Certificate, now: float) -> None:
    if certificate.valid_after <= now < certificate.valid_before:
        return
    early = now < certificate.valid_after
    clock = time.strftime("%H:%M:%S %Z", time.localtime(now))
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
