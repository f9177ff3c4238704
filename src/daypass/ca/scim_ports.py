"""What a directory says of its people by SCIM, as the heart and a store speak of it (RFC 7643, 7644).

Each provider's resources are in a space of its own: every call names the provider whose bearer it came by.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from msgspec import Struct

from daypass.ca.person_ports import IdentityRecord
from daypass.model import Vouched

__all__ = ["GROUP", "USER", "Due", "Entry", "Held", "Looked", "ScimStore", "ScimToken", "TokenRecord"]

USER, GROUP = "User", "Group"


class Entry(Struct, frozen=True, kw_only=True):
    """A resource as it is kept. Times are unix seconds.

    `name`: of a user the userName in small letters, which is theirs alone; of a group the displayName. `match`: of a
    user, what a sign-in of theirs has where the provider's `match` looks; theirs alone, too. `members`: of a group,
    ids, of users and of groups.
    """

    type: str
    id: str
    name: str
    resource: str  # JSON, without id, meta and groups
    external_id: str | None = None
    match: str | None = None
    active: bool = True
    members: tuple[str, ...] = ()
    version: str = ""
    created_at: int = 0
    modified_at: int = 0
    groups: tuple[tuple[str, str], ...] = ()  # of a user that is read: id and name of each, nested ones too


class Looked(Struct, frozen=True, kw_only=True):
    """Which resources are wanted: all, or those of one name, id or externalId."""

    types: tuple[str, ...]
    name: str | None = None
    id: str | None = None
    external_id: str | None = None


class Due(Struct, frozen=True, kw_only=True):
    """A user of whom the directory has said something that is not dealt with yet. `state` counts that.

    `entered`: it is allowed in, by the directory or by an operator against it. `before`: there was something that was
    dealt with before.
    """

    id: str
    name: str
    match: str | None
    entered: bool
    deleted: bool
    state: int
    before: bool
    groups: frozenset[str]


class Held(Struct, frozen=True):
    """A person whom a user of the directory means, by one identity of theirs."""

    person: int
    identity: IdentityRecord
    generation: int
    locked: bool
    locked_by: str


class ScimToken(Struct, frozen=True, kw_only=True):
    id: str
    provider: str
    secret_hash: bytes
    created_by: str
    expires_at: int


class TokenRecord(Struct, frozen=True, kw_only=True):
    id: str
    provider: str
    secret_hash: bytes
    created_by: str
    created_at: int
    expires_at: int
    used_at: int | None
    revoked_at: int | None


class ScimStore(Protocol):
    """Whatever changes is one transaction, with its entry in the ledger, and marks the users whom it concerns as
    due: what a directory has said is not lost, whoever dies before it is dealt with."""

    async def scim_find(self, provider: str, looked: Looked) -> Sequence[Entry]:
        """By type and id; groups with their members, users with their groups."""

    async def scim_put(self, provider: str, entry: Entry, *, expected: str | None, now: int) -> Entry:
        """A new resource where `expected` is None and there is none of that id, else its new form. Raises NotFound;
        Conflict, code `scim.taken` where a name or match is another's, `scim.version` where it is not `expected`."""

    async def scim_delete(self, provider: str, kind: str, number: str, *, expected: str | None, now: int) -> None:
        """Raises NotFound, Conflict `scim.version`."""

    async def scim_vouched(self, provider: str, match: str) -> Vouched | None:
        """None where no user of the directory stands for that, or none who is let in."""

    async def scim_due(self, provider: str | None, limit: int) -> Sequence[tuple[str, Due]]:
        """With the provider of each."""

    async def scim_settled(self, provider: str, due: Due) -> None:
        """It is dealt with, unless more was said meanwhile."""

    async def scim_people(self, provider: str, side: str, match: str) -> Sequence[Held]:
        """Whom a user means: those with an identity of the provider's that has `match` as its `side` (sub, email or
        claim:NAME)."""

    async def add_scim_token(self, token: ScimToken, *, now: int) -> None: ...

    async def scim_tokens(self) -> Sequence[TokenRecord]:
        """Newest first."""

    async def scim_token(self, number: str) -> TokenRecord | None: ...

    async def use_scim_token(self, number: str, *, now: int) -> None: ...

    async def revoke_scim_token(self, number: str, *, reason: str, actor: str, now: int) -> TokenRecord:
        """Once more changes nothing. Raises NotFound."""
