"""What the heart asks of a store about revocation: which serials, since when, and the list that was made of them.

The list is kept by the store, so that any number of CA processes hand out the very same bytes, and its version
only ever grows.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from msgspec import Struct

from daypass.wire import CertType, PublicKey

__all__ = ["DEAD_AFTER", "RECORD_WITHIN", "REVOKED_FOR", "KeptKrl", "KrlStore", "RevokedSerials"]

REVOKED_FOR = 2 * 86400
"""Seconds a revoked certificate stays listed after it has expired, for clocks that are slow (trust 6.1)."""

RECORD_WITHIN = 600
"""Seconds between a decision and its record; what comes later is not recorded, and so nobody is given it."""

DEAD_AFTER = 2 * RECORD_WITHIN + 60
"""Seconds after which a gap below a recorded serial of the same block stays one for ever.

A block belongs to one process, which gives its serials out in order: what it gave before the recorded one was decided
on at RECORD_WITHIN after that one's decision at the latest, and is recorded within RECORD_WITHIN of it or never. A
minute on top is for clocks.
"""


class RevokedSerials(Struct, frozen=True):
    """What is revoked of one CA key: (first, last) pairs, both included, ascending and apart."""

    ca_key: PublicKey
    serials: tuple[tuple[int, int], ...]


class KeptKrl(Struct, frozen=True):
    """`changes`: how often certificates of this kind had been revoked when it was made; `checked_at`: when it was
    last found to be what is to be told. `krl` is empty, and `version` 0, before the first was made."""

    version: int
    krl: bytes
    changes: int
    checked_at: int


class KrlStore(Protocol):
    async def revocations(self, kind: CertType) -> int:
        """How often certificates of this kind have been revoked. A cheap read, and it only ever grows."""

    async def revoked(self, kind: CertType, now: int) -> Sequence[RevokedSerials]:
        """By the fingerprint of the CA key that signed: what expired less than REVOKED_FOR ago, too. Neighbours are
        one range where every serial between them was never recorded, and can't be any more (DEAD_AFTER)."""

    async def kept_krl(self, kind: CertType) -> KeptKrl: ...

    async def keep_krl(self, kind: CertType, krl: KeptKrl, *, instead_of: int) -> bool:
        """Compare and set by version: False, and nothing is written, where another than `instead_of` is kept."""
