"""Hosts that show at port 22 of the name they want that they hold their keys (trust 5.5).

A name is given to whoever answers there, so it is given to nobody in the place of another: what is on record with
other keys keeps its name, whether its certificates live or not, until an operator removes or replaces it.
"""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Awaitable, Callable, Sequence
from typing import Protocol

from daypass.ca.ports import Clock, Finding, HostRecord
from daypass.config import Port22Section
from daypass.errors import Conflict, Invalid, Unauthenticated
from daypass.model import Credential, HostFacts, Identity, Kind, OnceId, Proof, is_host_name
from daypass.provisioners.hostproof import prove
from daypass.wire import PublicKey
from daypass.wire.nametoken import PREFIX, NameToken

__all__ = ["MAX_AGE", "Port22Provisioner", "Prove"]

LEEWAY = 60  # seconds that a host's clock may be ahead
MAX_AGE = 600  # seconds after which a word is none any more; an honest retry comes sooner (trust 3.4)


class Prove(Protocol):
    """`hostproof.prove`."""

    async def __call__(
        self, where: str, keys: Sequence[PublicKey], networks: Sequence[str], *, port: int, caller: str
    ) -> None: ...


class Port22Provisioner:
    """`fits`: whether a name is one of the section's `hosts`. `lookup` finds a host on record by its name."""

    type = "port22"

    def __init__(
        self,
        section: Port22Section,
        ca_id: bytes,
        fits: Callable[[str], bool],
        lookup: Callable[[str], Awaitable[HostRecord | None]],
        clock: Clock,
        prove: Prove = prove,
    ) -> None:
        self.name, self._section = section.name, section
        self._ca_id, self._fits, self._lookup, self._clock, self._prove = ca_id, fits, lookup, clock, prove

    def recognises(self, token: str) -> bool:
        """By the name in it, since there may be several of these."""
        if not token.startswith(PREFIX):
            return False
        try:
            return self._fits(NameToken.decode(token).name)
        except Invalid:
            return False

    async def test(self) -> Sequence[Finding]:
        """Where it would connect to nobody can know before a host asks."""
        found = shutil.which("ssh")
        hint = "" if found else "apt install openssh-client"
        names, networks = ", ".join(self._section.hosts), ", ".join(self._section.networks)
        return [
            Finding(ok=found is not None, what="ssh is on the CA's machine", hint=hint),
            Finding(ok=True, what=f"port {self._section.port} of {names} is asked, in {networks}"),
        ]

    async def authenticate(self, credential: Credential) -> Proof:
        """In this order: what it says, whose the name is, and only then a connection to it.

        Raises Unauthenticated; Conflict for another host's name; Denied, Unavailable, Throttled as `prove`.
        """
        asked = self._read(credential)
        if not credential.possessed:  # trust 5.4: whoever reads the word may not have another's key certified
            raise _refused("possession", "the host has not shown that it holds every key")
        await self._require_free(asked.name, credential.keys)
        section, caller = self._section, credential.address
        await self._prove(asked.name, credential.keys, section.networks, port=section.port, caller=caller)
        return Proof(
            identity=Identity(kind=Kind.HOST, provider=self.name, issuer=self._ca_id.hex(), subject=asked.name),
            once=OnceId(self.name, _use(credential)),
            issued_at=asked.time,
            expires_at=asked.time + MAX_AGE,
            bound=True,
            enrolment=HostFacts(asked.name, labels=section.labels),
        )

    def _read(self, credential: Credential) -> NameToken:
        try:
            asked = NameToken.decode(credential.token.reveal())
        except Invalid as error:
            raise _refused("form", error.message) from error
        if not is_host_name(asked.name) or not self._fits(asked.name):
            raise _refused("name", f"{asked.name} is no host's name that is given so")
        if credential.act != b"enrol":
            raise _refused("act", "this word is for a host's first certificates")
        now = self._clock.now()
        if not asked.time - LEEWAY <= now < asked.time + MAX_AGE:
            hint = "compare this machine's clock and the CA's: timedatectl"
            raise _refused("time", "this word is too old, or comes from the future", hint)
        return asked

    async def _require_free(self, name: str, keys: Sequence[PublicKey]) -> None:
        known = await self._lookup(name)
        if known is not None and not set(known.keys).issuperset(key.blob for key in keys):
            hint = f"operator: daypass host remove {name}, or a join token: daypass token host {name}"
            raise Conflict(f"{name} is a host with other keys already", code="port22.taken", hint=hint)


def _use(credential: Credential) -> str:
    """The word, by these keys: each has signed for it, so with other keys it is another's."""
    keys = b"".join(sorted(key.blob for key in credential.keys))
    return hashlib.sha256(credential.token.reveal().encode() + b"\0" + keys).hexdigest()


def _refused(code: str, message: str, hint: str = "enrol with: daypass host enroll --port22") -> Unauthenticated:
    return Unauthenticated(message, code=f"port22.{code}", hint=hint)
