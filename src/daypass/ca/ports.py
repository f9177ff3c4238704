"""What the heart asks of the rooms around it. Every port has one contract suite, run over every implementation."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

from msgspec import Struct, field

from daypass.model import Credential, HostFacts, Identity, Issued, OnceId, Person, Proof
from daypass.wire import Certificate, PublicKey

__all__ = [
    "HONEST_SKEW",
    "REVOKED_FOR",
    "Clock",
    "ConfigVersion",
    "Enrolled",
    "HostRecord",
    "LedgerRow",
    "NameTaken",
    "Provisioner",
    "Question",
    "Recorded",
    "Recording",
    "Signer",
    "Spent",
    "Stale",
    "Store",
    "Verdict",
    "View",
]


REVOKED_FOR = 2 * 86400
"""Seconds a revoked certificate stays listed after it has expired, for clocks that are slow (trust 6.1)."""

HONEST_SKEW = 5  # seconds; two honest CAs on one store are never further apart (docs/adr/clock-slack.md)


class Clock(Protocol):
    def now(self) -> float:
        """Wall clock, unix seconds."""

    def monotonic(self) -> float:
        """Seconds that never go back, from any start."""


class Provisioner(Protocol):
    """Authenticates a credential: who are you? Signature first; claims are read only after it holds."""

    @property
    def name(self) -> str: ...

    def recognises(self, token: str) -> bool:
        """Whether the (still unverified) token claims to be this provisioner's; routing only, never trust."""

    async def authenticate(self, credential: Credential) -> Proof:
        """Raises Unauthenticated (the credential), Unavailable (the provider can't be asked)."""


class Signer(Protocol):
    """Holds one CA key."""

    @property
    def public_key(self) -> PublicKey: ...

    @property
    def local(self) -> bool:
        """True where the key is in this process; otherwise its signatures are verified before use."""

    async def sign(self, data: bytes) -> bytes:
        """An SSH signature string (RFC 4253 section 6.6). Raises Unavailable."""


class HostRecord(Struct, frozen=True):
    id: str  # random, given by the CA: 16 bytes as hex
    name: str
    aliases: tuple[str, ...]
    labels: Mapping[str, str]
    keys: tuple[bytes, ...]  # wire blobs of the keys last certified
    live_until: int  # latest valid_before of its unrevoked certificates; 0 for none


class Enrolled(Struct, frozen=True):
    """What laptops have to know of hosts."""

    names: tuple[str, ...]  # of hosts with a certificate that has not expired, and their aliases
    revoked: tuple[tuple[str, int], ...]  # (fingerprint of the CA key, serial) of host certificates, ascending


class Question(Struct, frozen=True):
    """What one request needs to know before it is decided. Questions that arrive together are one read."""

    identity: Identity
    once: OnceId
    host: str | None = None


class View(Struct, frozen=True):
    """The store's answer. `spent`: the certificates this one-time id was spent on, None if it is unspent."""

    person: Person | None
    host: HostRecord | None
    spent: tuple[Issued, ...] | None
    policy_hash: bytes
    last_time: int  # unix seconds of the newest ledger entry


class Recording(Struct, frozen=True):
    """What must become durable, all or nothing, before an answer leaves."""

    identity: Identity
    once: OnceId
    once_expires: int  # when the spent id may be forgotten: later than any moment the credential could pass
    policy_hash: bytes
    generation: int  # the person's generation that was decided on; 0 for one not on record yet
    login: str | None  # for a person: the login name
    claims: tuple[str, ...]  # every name to be claimed for the person
    certificates: tuple[Certificate, ...]  # signed
    roles: tuple[str, ...]
    host: HostFacts | None = None
    time: int = 0


class Recorded(Struct, frozen=True):
    """Durable."""


class Spent(Struct, frozen=True):
    """The one-time id was spent before, on these certificates."""

    certificates: tuple[Issued, ...]


class Stale(Struct, frozen=True):
    """Decided on yesterday's facts: generation, lock or policy changed meanwhile. Decide again."""


class NameTaken(Struct, frozen=True):
    """A login name or host name belongs to someone else (or to a tombstone)."""

    name: str


Verdict = Recorded | Spent | Stale | NameTaken


class ConfigVersion(Struct, frozen=True):
    version: int
    hash: bytes
    document: str
    published_at: int
    actor: str


class LedgerRow(Struct, frozen=True):
    """One entry as stored. hash = SHA-256("daypass-ledger-v1" NUL || previous hash || entry)."""

    seq: int
    time: int
    act: str
    entry: bytes  # the JSON that was hashed, byte for byte
    hash: bytes


class JoinToken(Struct, frozen=True):
    """A join token on record; its secret is stored as SHA-256 only."""

    id: str
    secret_hash: bytes
    facts: HostFacts
    created_by: str
    expires_at: int
    labels: Mapping[str, str] = field(default_factory=dict)


class Store(Protocol):
    """Remembers. Nothing here blocks the event loop for long; SQLite and PostgreSQL give the same answers."""

    async def view(self, question: Question) -> View:
        """Raises Unavailable."""

    async def record(self, recording: Recording) -> Verdict:
        """ONE durable transaction, shared with those that arrive together; a verdict each (trust 3.6).

        Raises Unavailable when it is not known to be durable: then nothing may be answered.
        """

    async def enrolled(self, now: int) -> Enrolled:
        """A host whose certificate was revoked counts until that would have expired: revoking must not bring back
        the question that lets an impostor in. `revoked` holds those that expired less than REVOKED_FOR ago, too.
        """

    async def reserve_serials(self, now: float) -> range:
        """A block of serials no one else ever gets: starts at (unix minute << 32) (trust 7.1)."""

    async def revoke(self, serials: Sequence[int], *, reason: str, actor: str, now: int) -> None:
        """Mark revoked, raise the generation of the persons concerned, write the ledger: one transaction."""

    async def add_event(self, act: str, details: Mapping[str, object], *, actor: str, now: int) -> None:
        """A ledger entry for something that is not a certificate."""

    async def add_join_token(self, token: JoinToken, *, now: int) -> None: ...

    async def join_token(self, token_id: str) -> JoinToken | None: ...

    async def publish(self, document: str, digest: bytes, *, actor: str, now: int) -> ConfigVersion:
        """Make a configuration the active one. Publishing the active one again changes nothing."""

    async def active_config(self) -> ConfigVersion | None: ...

    async def ledger(self, after: int, limit: int) -> Sequence[LedgerRow]: ...

    async def close(self) -> None: ...
