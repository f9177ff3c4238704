"""The ssh-agent a day pass is put into: found, put to the test, or started (OpenSSH PROTOCOL.agent, trust 8.3).

Some agents refuse certificates, drop lifetimes or fall silent. None is believed: a throwaway certificate goes in,
must be listed, and must go out again, before a real one does; and the real one is looked for after it was added.
"""

from __future__ import annotations

import os
import re
import socket
import struct
import subprocess
import sys
import time
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from daypass.client.settings import Settings, is_plain, make_folder
from daypass.errors import Invalid, Misconfigured, Unavailable
from daypass.wire import Certificate, CertType, PublicKey, agent, sign_blob

__all__ = ["Agent", "choose", "is_certificate", "is_forwarded", "own_agent"]

_SECONDS = 5.0
_CERTIFICATE_TYPES = b"-cert-v01@openssh.com"
_RSA_SHA2_512 = 4  # PROTOCOL.agent section 4.5.1: without it RSA keys sign with SHA-1; other keys ignore it
_MAX_SOCKET_PATH = 103  # bytes; macOS has the smallest sun_path, 104 with its NUL


@dataclass(frozen=True, slots=True)
class Agent:
    """An agent behind a Unix socket. Every call is a connection of its own."""

    path: str

    def identities(self) -> tuple[agent.AgentIdentity, ...]:
        """What it holds. Raises Unavailable where nobody answers."""
        return agent.identities(self._ask(agent.request_identities()))

    def holds(self, blob: bytes) -> bool:
        return any(each.blob == blob for each in self.identities())

    def add(
        self, key: Ed25519PrivateKey, certificate: bytes, lifetime: int, comment: str, *, confirm: bool = False
    ) -> None:
        """Put the key in with its certificate for `lifetime` seconds, and see that it is there.

        With `confirm` the agent asks the person before each use, as after `ssh-add -c`. An agent that refuses one of
        them or keeps something else is an error, never a warning (CVE-2023-51384).
        """
        message = agent.add_identity(key, certificate, comment=comment, lifetime=lifetime, confirm=confirm)
        agent.expect_success(self._ask(message))
        if not self.holds(certificate):
            raise Invalid("the ssh-agent took the certificate and does not list it", code="agent-dropped")

    def sign(self, blob: bytes, data: bytes) -> bytes:
        """An SSH signature string over `data` by the key of the entry `blob`; raises Invalid where it is refused."""
        return agent.signature(self._ask(agent.sign_request(blob, data, _RSA_SHA2_512)))

    def remove(self, blob: bytes) -> None:
        agent.expect_success(self._ask(agent.remove_identity(blob)))

    def remove_certified_by(self, keys: Collection[PublicKey], keep: bytes = b"") -> int:
        """Take out certificates signed by any of `keys`, but not `keep`. Comments are not asked. Returns how many."""
        removed = 0
        for identity in self.identities():
            if identity.blob != keep and _signed_by(identity.blob, keys):
                self.remove(identity.blob)
                removed += 1
        return removed

    def probe(self, *, confirm: bool = False) -> None:
        """Raise unless it keeps a certificate with a lifetime, lists it, and lets it go again.

        With `confirm` the test asks for that too. Nothing is signed with it, so nobody is asked anything.
        """
        key, certificate = _throwaway()
        self.add(key, certificate, 60, "daypass: a test that is taken out at once", confirm=confirm)
        self.remove(certificate)
        if self.holds(certificate):
            raise Invalid("the ssh-agent does not take certificates out", code="agent-dropped")

    def is_locked(self) -> bool:
        """Whether it answers, shows nothing and takes nothing, as OpenSSH's does between `ssh-add -x` and `-X`."""
        try:
            if self.identities():
                return False
            self.probe()
        except Invalid:
            return True
        except Unavailable:
            return False
        return False

    def _ask(self, message: bytes) -> bytes:
        try:
            with socket.socket(socket.AF_UNIX) as connection:
                connection.settimeout(_SECONDS)
                connection.connect(self.path)
                connection.sendall(agent.frame(message))
                return _receive(connection, agent.frame_length(_receive(connection, 4)))
        except OSError as error:
            raise Unavailable(f"the ssh-agent at {self.path} does not answer", code="agent-silent") from error


def choose(settings: Settings, say: Callable[[str], None], *, force: bool = False) -> Agent:
    """The person's agent if it will do, else our own. A forwarded one is taken only with `force`.

    Whoever rules the far end of a forwarded agent could use the key as long as the connection lasts.
    """
    path = settings.environ.get("SSH_AUTH_SOCK", "")
    if not path or path == str(settings.agent_socket):
        return own_agent(settings)
    if is_forwarded(path, settings.environ) and not force:
        say("your ssh-agent is forwarded from another machine; using one on this machine (--force to use it anyway)")
        return own_agent(settings)
    found = Agent(str(Path(path).absolute()))
    if not is_plain(found.path):
        say("ssh can't be told the path of your ssh-agent; using OpenSSH's own ssh-agent instead")
        return own_agent(settings)
    try:
        found.probe()
    except (Invalid, Unavailable) as error:
        say(f"{error.message}; using OpenSSH's own ssh-agent instead")
        return own_agent(settings)
    return found


def own_agent(settings: Settings) -> Agent:
    """OpenSSH's ssh-agent at our fixed socket, started where it is not running. Raises Misconfigured without it."""
    path = settings.agent_socket
    if len(os.fsencode(path)) > _MAX_SOCKET_PATH:
        raise Misconfigured(f"the path {path} is too long for a socket", hint="set DAYPASS_HOME to a shorter one")
    found = Agent(str(path))
    if _answers(found):
        return _usable(found)
    make_folder(path.parent)
    path.unlink(missing_ok=True)
    _start(path)
    found.probe()
    return found


def _usable(found: Agent) -> Agent:
    """Told now, and not when the person has signed in."""
    try:
        found.probe()
    except Invalid as error:
        hint = f"unlock it: SSH_AUTH_SOCK={found.path} ssh-add -X"
        raise Misconfigured(f"{error.message}; it may be locked", code="agent-locked", hint=hint) from error
    return found


def is_forwarded(path: str, environ: Mapping[str, str]) -> bool:
    """Whether sshd made this socket for the session. Who listens decides; where that can't be told, its name."""
    if not environ.get("SSH_CONNECTION"):
        return False
    listener = _listener(path)
    if listener:
        return listener.startswith("sshd")
    return bool(re.fullmatch(r"/tmp/ssh-[^/]+/agent\.\d+|.*/\.ssh/agent/s\.[^/]+\.sshd\.[^/]+", path))  # noqa: S108


def _start(path: Path) -> None:
    try:
        # Without the person's SSH_AUTH_SOCK and in its own session: it outlives this terminal, not the machine.
        subprocess.run(
            ["ssh-agent", "-a", str(path)],
            check=True,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=_SECONDS,
            umask=0o077,
            start_new_session=True,
        )
    except OSError as error:
        raise Misconfigured("OpenSSH's ssh-agent is not installed", hint="install openssh-client") from error
    except subprocess.SubprocessError as error:
        raise Misconfigured(f"ssh-agent did not start at {path}", hint=f"try it: ssh-agent -a {path}") from error
    deadline = time.monotonic() + _SECONDS
    while not _answers(Agent(str(path))) and time.monotonic() < deadline:
        time.sleep(0.01)


def _answers(found: Agent) -> bool:
    try:
        found.identities()
    except (Unavailable, Invalid):
        return False
    return True


def _receive(connection: socket.socket, size: int) -> bytes:
    data = b""
    while len(data) < size:
        chunk = connection.recv(size - len(data))
        if not chunk:
            raise ConnectionResetError
        data += chunk
    return data


def is_certificate(blob: bytes) -> bool:
    """By its type's name, whether we know that type or not."""
    return _CERTIFICATE_TYPES in blob[:64]


def _signed_by(blob: bytes, keys: Collection[PublicKey]) -> bool:
    if not is_certificate(blob):
        return False
    try:
        return Certificate.parse(blob, strict=False).signature_key in keys
    except Invalid:
        return False  # another's, of a kind we do not know


def _throwaway() -> tuple[Ed25519PrivateKey, bytes]:
    """A key and a certificate nobody trusts: its CA key is forgotten on return."""
    key, ca = Ed25519PrivateKey.generate(), Ed25519PrivateKey.generate()
    now = int(time.time())
    draft = Certificate(
        nonce=os.urandom(32),
        public_key=PublicKey.from_cryptography(key.public_key()),
        serial=1,
        type=CertType.USER,
        key_id="daypass-probe",
        principals=("nobody",),
        valid_after=now - 60,
        valid_before=now + 60,
        critical_options=(),
        extensions=(),
        signature_key=PublicKey.from_cryptography(ca.public_key()),
    )
    return key, draft.with_signature(sign_blob(ca, draft.to_be_signed())).encode()


def _listener(path: str) -> str:
    """Name of the process that listens on the socket, "" where it can't be told (unix(7), SO_PEERCRED).

    ssh-agent goes into the background after it began to listen, so its listener is gone; sshd's lives as long as
    the forwarding does.
    """
    if not sys.platform.startswith("linux"):
        return ""
    try:
        with socket.socket(socket.AF_UNIX) as connection:
            connection.settimeout(_SECONDS)
            connection.connect(path)
            pid = struct.unpack("3i", connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12))[0]
        os.kill(pid, 0)
        return Path(f"/proc/{pid}/comm").read_text().strip()
    except ProcessLookupError:
        return "gone"
    except OSError:
        return ""
