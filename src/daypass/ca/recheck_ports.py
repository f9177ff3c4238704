"""Asking a provider again during the day whether a sign-in still stands (trust 6.10)."""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum
from typing import Protocol

from msgspec import Struct

from daypass.model import Secret

__all__ = ["Checker", "Recheck", "RecheckStore", "Sealer", "Verdict", "Word"]


class Verdict(StrEnum):
    """GOOD: it stands. OVER: the provider says that it does not. OTHER: the token is somebody else's. DOWN: nothing
    was asked, or the answer is about no sign-in. UNSURE: it was asked, and nobody knows what it did: its next word
    on this token may be about that alone."""

    GOOD = "good"
    OVER = "over"
    OTHER = "other"
    DOWN = "down"
    UNSURE = "unsure"


class Word(Struct, frozen=True):
    """A provider's. `said` is safe to show; `token`: to be used instead from now on."""

    verdict: Verdict
    said: str = ""
    token: Secret | None = None


class Checker(Protocol):
    """One provider. `every`: seconds; `rotates`: to ask may use the token up."""

    @property
    def every(self) -> int: ...

    @property
    def rotates(self) -> bool: ...

    async def ask(self, token: Secret, subject: str) -> Word:
        """`subject`: whose the token has to be, as the provider calls them; "" where that can't be told."""


class Sealer(Protocol):
    def seal(self, data: bytes, about: bytes) -> bytes:
        """`about` has to be given again to open it."""

    def open(self, sealed: bytes, about: bytes) -> bytes | None:
        """None for what another key has sealed. Raises Invalid for what was altered."""


class Recheck(Struct, frozen=True):
    """One sign-in that is due. `failures`: tries since the last good word that nobody knows the end of; `doubtful`: a
    process died in the middle of one. `lease`: whose turn it is ends then."""

    signin: str
    provider: str
    person: int
    sealed: bytes
    failures: int
    lease: int
    doubtful: bool


class RecheckStore(Protocol):
    async def keep_recheck(self, signin: str, serial: int, provider: str, sealed: bytes, next_at: int) -> bool:
        """For as long as a certificate of it lives; instead of an earlier one of the same sign-in. False where this
        one does not any more, or is of another sign-in."""

    async def due_rechecks(self, now: int, lease: int, limit: int) -> Sequence[Recheck]:
        """The longest due first; nobody else is given them before `lease`. What has come to its end is forgotten."""

    async def settle_recheck(self, recheck: Recheck, sealed: bytes, next_at: int, failures: int = 0) -> bool:
        """False, and nothing is kept, where the sign-in is over or was made anew meanwhile."""

    async def drop_recheck(self, recheck: Recheck) -> None: ...
