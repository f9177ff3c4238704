"""What the heart asks of the store about acts that wait for a second person (trust 4.3)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

from msgspec import Struct

from daypass.ca.subject import Subject

__all__ = ["PendingAct", "PendingStore", "Ruling"]


class PendingAct(Struct, frozen=True):
    """`body` is what was signed in for, `digest` SHA-256 of path and body; `subject` is who asked, as they signed in.

    `outcome`: None while it waits; then refused, started, done, or `failed: ` and why.
    """

    id: str
    act: str
    body: bytes
    digest: bytes
    subject: Subject
    actor: str
    requested_at: int
    expires_at: int
    decided_at: int | None = None
    decided_by: str | None = None
    outcome: str | None = None


class Ruling(Struct, frozen=True):
    """Who decided what about a request, and the ledger entry (act, actor, details) that says so."""

    outcome: str
    by: str
    at: int
    act: str
    actor: str
    details: Mapping[str, object]


class PendingStore(Protocol):
    async def add_pending(self, asked: PendingAct, *, most: int) -> None:
        """With a ledger entry `approval.request`. Raises Throttled where so many of this person's wait already."""

    async def pending_act(self, number: str) -> PendingAct | None: ...

    async def pending_acts(self, now: int) -> Sequence[PendingAct]:
        """Those that have not expired, decided ones too, newest first."""

    async def decide_pending(self, number: str, ruling: Ruling) -> bool:
        """Compare and set: False, and nothing written, where it was decided before or has expired. Else the ledger
        entry in the same transaction."""

    async def conclude_pending(self, number: str, outcome: str) -> None:
        """What became of one that was started."""
