"""What rotation asks of the store: which keys every CA machine goes by, and what still depends on a key."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

from msgspec import Struct

from daypass.wire import CertType

__all__ = ["LiveCertificate", "Machine", "RotationStore"]


class Machine(Struct, frozen=True):
    """One machine of this CA, as a process on it said last.

    `keys`: use -> fingerprint of what signs there; of tls that of the root. `since`: when it came to go by this
    version of the trust document, `seen_at` when it last said so, in unix seconds.
    """

    name: str  # HOST:PATH of its trust document
    trust_version: int
    keys: Mapping[str, str]
    since: int
    seen_at: int


class LiveCertificate(Struct, frozen=True):
    """Neither expired nor revoked. `name`: of the host, or the person's login name."""

    ca_key: str  # fingerprint
    name: str
    valid_before: int
    recorded_at: int


class RotationStore(Protocol):
    async def machine_seen(self, name: str, trust_version: int, keys: Mapping[str, str], now: int) -> None:
        """Keep what a machine goes by. Those that were not seen for a month are forgotten."""

    async def machines(self) -> Sequence[Machine]:
        """By name."""

    async def live_certificates(self, kind: CertType, now: int) -> Sequence[LiveCertificate]:
        """All of them, by name."""
