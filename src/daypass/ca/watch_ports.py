"""What a process asks of the store again and again, to notice what other processes have done."""

from __future__ import annotations

from typing import Protocol

from msgspec import Struct

__all__ = ["Head", "WatchStore"]


class Head(Struct, frozen=True):
    """How far it has gone: the number of the newest ledger entry, and of the version in force; 0 before the first."""

    seq: int
    version: int


class WatchStore(Protocol):
    async def head(self) -> Head:
        """One indexed read, for whoever looks twice a second."""
