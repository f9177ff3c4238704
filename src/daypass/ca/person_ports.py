"""What the heart asks of the store about persons: who they are, what their providers said, which names are whose."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

from msgspec import Struct, field

from daypass.model import Identity

__all__ = [
    "SYSTEM_ACCOUNT",
    "ConflictRecord",
    "Facts",
    "History",
    "IdentityRecord",
    "Linked",
    "NameRecord",
    "NewIdentity",
    "PersonRecord",
    "PersonStore",
]

SYSTEM_ACCOUNT = "system account on "
"""How the reason begins for which a host's accounts are reserved."""


class Facts(Struct, frozen=True, omit_defaults=True):
    """What a provider said of a person at the last sign-in that was given a certificate.

    `claims` are those that are strings or lists of strings, without what is of one token alone (nonce, jti …).
    `cut`: there was more of it than is kept; claims go first, then groups.
    """

    provider: str
    email: str | None = None
    groups: frozenset[str] = frozenset()
    amr: tuple[str, ...] = ()
    acr: str | None = None
    claims: Mapping[str, str | tuple[str, ...]] = field(default_factory=dict)
    cut: bool = False


class IdentityRecord(Struct, frozen=True):
    """One identity of a person. `provider` is empty, and `facts` None, until it signs in for the first time since
    this is kept."""

    issuer: str
    subject: str
    provider: str
    email: str | None
    facts: Facts | None
    linked_at: int
    linked_by: str | None  # an operator; None for the identity that made the person


class PersonRecord(Struct, frozen=True):
    id: int
    login: str  # empty for people without a login name
    names: tuple[str, ...]  # sorted, the login among them
    locked_at: int | None
    created_at: int
    identities: tuple[IdentityRecord, ...]  # by the time they were linked


class NameRecord(Struct, frozen=True):
    """Whose a name is. No person: it is reserved, for `reason`. With `released_at` it is a tombstone: nobody else
    gets it."""

    name: str
    person: int | None
    released_at: int | None = None
    reason: str | None = None

    @property
    def system(self) -> bool:
        """Reserved because a host has an account of that name."""
        return self.person is None and (self.reason or "").startswith(SYSTEM_ACCOUNT)


class ConflictRecord(Struct, frozen=True):
    """An identity that is nobody's yet, and wanted a name it can't have (trust 1.3). `taken`: whose that is now."""

    issuer: str
    subject: str
    provider: str
    email: str | None
    name: str
    first_at: int
    last_at: int
    taken: NameRecord | None


class History(Struct, frozen=True):
    """What happened to a person. Certificates are told of by themselves, but for when the last one was given."""

    signed_in_at: int | None
    entries: tuple[Mapping[str, object], ...]  # the ledger's, newest first


class NewIdentity(Struct, frozen=True):
    """An identity as an operator names it; it may never have signed in."""

    provider: str
    issuer: str
    subject: str


class Linked(Struct, frozen=True):
    """`merged`: the person all of whose identities moved over; `serials` of theirs are revoked now."""

    merged: int | None = None
    serials: tuple[int, ...] = ()


class PersonStore(Protocol):
    """Lookups take names as they stand: nothing is normalised.

    Whatever changes raises NotFound for a person who is not there, writes its ledger entry in the same transaction
    and raises the generation of those concerned: what was being issued meanwhile is decided anew (trust 3.5).
    """

    async def people(self) -> Sequence[PersonRecord]:
        """Everybody who can sign in or could before a lock, by id."""

    async def person(self, number: int) -> PersonRecord | None: ...

    async def find_people(self, word: str) -> Sequence[PersonRecord]:
        """All whom `word` means: `#ID`, a login or other name they have, an e-mail, PROVIDER:SUBJECT."""

    async def find_name(self, name: str) -> NameRecord | None:
        """Also of a tombstone, and of what is reserved."""

    async def reserved_names(self) -> Sequence[NameRecord]:
        """Those that nobody has, by name."""

    async def conflicts(self) -> Sequence[ConflictRecord]:
        """Newest first; those of identities that have become somebody's are settled."""

    async def history(self, number: int, limit: int) -> History: ...

    async def rename(self, number: int, name: str, *, reason: str, actor: str, now: int) -> tuple[int, ...]:
        """Another login name. The old one becomes a tombstone, and live certificates with its principals are revoked:
        gives their serials. Raises Conflict where the name is not free."""

    async def link(
        self, number: int, identity: NewIdentity, *, merge: bool, reason: str, actor: str, now: int
    ) -> Linked:
        """One more identity for this person. Raises Conflict where it is theirs already, or is a person's who has had
        certificates, unless `merge` says that both are one and the same; never for one who is locked."""

    async def reserve(
        self, name: str, identity: NewIdentity | None, *, reason: str, actor: str, now: int
    ) -> int | None:
        """Nobody gets the name but who this identity is: a person made in advance, whose id this gives. Raises
        Conflict where the name is not free, or the identity is somebody's already."""

    async def learn(self, person: int, identity: Identity, lost: Sequence[int], *, reason: str, now: int) -> None:
        """Keep what the provider says of this identity, whether or not it is given anything; and in the same
        transaction revoke what was given for what is so no longer: the serials of `lost`."""
