"""What the heart asks of the store about persons: who they are, what their providers said, which names are whose."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

from msgspec import Struct, field

__all__ = ["Facts", "IdentityRecord", "PersonRecord", "PersonStore"]


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


class PersonStore(Protocol):
    """Lookups take names as they stand: nothing is normalised."""

    async def people(self) -> Sequence[PersonRecord]:
        """Everybody who can sign in or could before a lock, by id."""

    async def person(self, number: int) -> PersonRecord | None: ...

    async def find_people(self, word: str) -> Sequence[PersonRecord]:
        """All whom `word` means: `#ID`, a login or other name they have, an e-mail, PROVIDER:SUBJECT."""
