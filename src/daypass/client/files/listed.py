"""What the ssh-agents of a person hold, and which of it is a company's: known by who signed it (trust 8.3)."""

from __future__ import annotations

import binascii
import contextlib
import time
from dataclasses import dataclass
from pathlib import Path

from daypass.client import contexts, rolefiles
from daypass.client.agents.agent import Agent
from daypass.client.files.shown import FOREVER, ShownKey
from daypass.client.holding import noted
from daypass.client.settings import Settings
from daypass.errors import DaypassError, Invalid
from daypass.wire import PublicKey
from daypass.wire.agent import AgentIdentity
from daypass.wire.buffer import Reader

__all__ = ["Listed", "look"]


@dataclass(frozen=True, slots=True)
class Listed:
    """One entry of an agent; `key` is None for a type we do not know, `company` for what is none of ours."""

    blob: bytes
    type: str
    key: ShownKey | None
    comment: str
    agent: str
    company: str | None
    role: str | None = None  # of a certificate of one role alone

    @property
    def valid_before(self) -> int:
        """Unix seconds; FOREVER for a plain key."""
        certificate = self.key.certificate if self.key else None
        return certificate.valid_before if certificate else FOREVER

    def line(self) -> str:
        """As `ssh-add -L` writes it. The comment may hold anything."""
        return f"{self.type} {binascii.b2a_base64(self.blob, newline=False).decode()} {self.comment}".rstrip()


def look(settings: Settings) -> list[Listed] | None:
    """Every entry of every agent that answers, ours first; None where none does."""
    signers, roles = _signers(settings), _roles(settings)
    found, answered = dict[tuple[str, bytes], Listed](), False
    for agent in _agents(settings):
        with contextlib.suppress(DaypassError):
            for each in agent.identities():
                found[agent.path, each.blob] = _listed(each, agent, signers, roles)
            answered = True
    return sorted(found.values(), key=lambda each: each.company is None) if answered else None


def _listed(identity: AgentIdentity, agent: Agent, signers: dict[bytes, str], roles: dict[bytes, str]) -> Listed:
    key, company = _key(identity.blob), None
    if key is not None and key.certificate is not None:
        company = signers.get(key.certificate.signer.blob)
    return Listed(
        identity.blob, _type(identity.blob), key, identity.comment, agent.path, company, roles.get(identity.blob)
    )


def _key(blob: bytes) -> ShownKey | None:
    try:
        return ShownKey(blob)
    except Invalid:
        return None


def _type(blob: bytes) -> str:
    try:
        return Reader(blob).text()
    except Invalid:
        return "unknown"


def _signers(settings: Settings) -> dict[bytes, str]:
    """User CA keys of every company whose files can be read."""
    found = dict[bytes, str]()
    for context, membership in contexts.joined(settings):
        keys: tuple[PublicKey, ...] = membership.user_ca if membership else ()
        found |= {key.blob: context.name for key in keys}
    return found


def _roles(settings: Settings) -> dict[bytes, str]:
    """By the certificates of single roles at every company."""
    folders, now = [str(context.folder) for context in settings.contexts()], time.time()
    return {seen.blob: role for folder in folders for role, seen in rolefiles.look(folder, now).items()}


def _agents(settings: Settings) -> list[Agent]:
    """The person's, our own, and those that a day pass was put into; each once, by what its path leads to."""
    paths = [settings.platform.agent, str(settings.agent_socket)]
    for context in settings.contexts():
        paths += [agent.path for note in (context.agent, context.roles_agent) for agent in noted(note)]
    return [Agent(path) for path in {str(Path(path).resolve()): path for path in reversed(paths) if path}.values()]
