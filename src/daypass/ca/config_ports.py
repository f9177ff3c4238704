"""What the heart asks of the store about configurations: the published versions, and which one is in force."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from msgspec import Struct

__all__ = ["ConfigStore", "ConfigVersion", "Stamp"]


class ConfigVersion(Struct, frozen=True):
    """One published version; the newest is in force."""

    version: int  # 1 for the first
    hash: bytes  # SHA-256 of the document
    document: str  # config.policy_document; secrets are never in it
    published_at: int
    actor: str
    comment: str | None = None  # "rollback to 3"


class Stamp(Struct, frozen=True):
    """Which version is in force: 0 and no hash before the first."""

    version: int
    hash: bytes


class ConfigStore(Protocol):
    async def publish(
        self,
        document: str,
        digest: bytes,
        *,
        actor: str,
        now: int,
        comment: str | None = None,
        base: int | None = None,
    ) -> ConfigVersion:
        """Make a configuration the active one. Publishing the active one again changes nothing.

        `base`: the version it was compared with, 0 for none; raises Conflict where another one is in force by now.
        """

    async def config_stamp(self) -> Stamp:
        """One indexed read, for whoever looks every second."""

    async def active_config(self) -> ConfigVersion | None: ...

    async def config_version(self, version: int) -> ConfigVersion | None: ...

    async def config_with_hash(self, digest: bytes) -> ConfigVersion | None:
        """The newest version with this very document."""

    async def config_log(self, limit: int) -> Sequence[ConfigVersion]:
        """Newest first."""
