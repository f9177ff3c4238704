"""The ssh-agent a day pass is put into, and its test (OpenSSH PROTOCOL.agent, trust 8.3).

Some agents refuse certificates, drop lifetimes or fall silent. None is believed: a throwaway certificate goes in,
must be listed, and must go out again, before a real one does; and the real one is looked for after it was added.
"""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Collection
from dataclasses import dataclass

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from daypass.client.agents import transport
from daypass.errors import Invalid, Unavailable
from daypass.wire import Certificate, CertType, PublicKey, agent, sign_blob

__all__ = ["Agent", "is_certificate"]

_CERTIFICATE_TYPES = b"-cert-v01@openssh.com"
_PROBE_SECONDS = 60
_PERSON_SECONDS = 60.0  # for an agent that asks before each use
_RSA_SHA2_512 = 4  # PROTOCOL.agent section 4.5.1: without it RSA keys sign with SHA-1; other keys ignore it


@dataclass(frozen=True, slots=True)
class Agent:
    """An agent at a Unix socket or a named pipe. Every call is a connection of its own."""

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
        return agent.signature(self._ask(agent.sign_request(blob, data, _RSA_SHA2_512), _PERSON_SECONDS))

    def remove(self, blob: bytes) -> None:
        agent.expect_success(self._ask(agent.remove_identity(blob)))

    def remove_certified_by(self, keys: Collection[PublicKey], keep: Collection[bytes] = ()) -> int:
        """Take out certificates signed by any of `keys`, but not those in `keep`. Comments are not asked.

        Returns how many.
        """
        removed = 0
        for identity in self.identities():
            if identity.blob not in keep and _signed_by(identity.blob, keys):
                self.remove(identity.blob)
                removed += 1
        return removed

    def probe(self, *, confirm: bool = False) -> None:
        """Raise unless it keeps a certificate with a lifetime, lists it, and lets it go again.

        With `confirm` the test asks for that too. Nothing is signed with it, so nobody is asked anything.
        """
        key, certificate = _throwaway()
        try:
            self.add(key, certificate, _PROBE_SECONDS, "daypass: a test that is taken out at once", confirm=confirm)
            self._ask(agent.remove_identity(certificate))
            if self.holds(certificate):
                raise Invalid("the ssh-agent does not take certificates out", code="agent-kept")
        except Invalid:
            self._clean_up(key, certificate)
            raise

    def _clean_up(self, key: Ed25519PrivateKey, certificate: bytes) -> None:
        """What an agent made of the test: some keep the plain key."""
        for blob in (certificate, PublicKey.from_cryptography(key.public_key()).blob):
            with contextlib.suppress(Invalid, Unavailable):
                self.remove(blob)

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

    def _ask(self, message: bytes, seconds: float | None = None) -> bytes:
        try:
            return transport.exchange(self.path, message, seconds or transport.SECONDS)
        except OSError as error:
            raise Unavailable(f"the ssh-agent at {self.path} does not answer", code="agent-silent") from error


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
