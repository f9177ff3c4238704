"""What the heart asks of a store about hosts: who is enrolled, what they say of themselves, who has accounts there.

What a host reports (accounts, versions) is shown, warned of and kept names free by; it admits nobody anywhere.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Protocol

from msgspec import Struct

__all__ = ["MAX_REPORTED", "HostAccounts", "HostRecord", "HostStore", "KnownHost", "Member"]

MAX_REPORTED = 2000  # names of each kind that are kept of one host


class HostRecord(Struct, frozen=True):
    id: str  # random, given by the CA: 16 bytes as hex
    name: str
    aliases: tuple[str, ...]
    labels: Mapping[str, str]
    keys: tuple[bytes, ...]  # wire blobs of the keys last certified
    live_until: int  # latest valid_before of its unrevoked certificates; 0 for none


class HostAccounts(Struct, frozen=True):
    """Names in a host's /etc/passwd, by its own word: `system` has uids below 1000, `ordinary` is for people."""

    system: tuple[str, ...] = ()
    ordinary: tuple[str, ...] = ()

    @property
    def some(self) -> bool:
        return bool(self.system or self.ordinary)


class KnownHost(HostRecord, frozen=True):
    """A host with what it said at its last sync; None where it has made none."""

    accounts: HostAccounts | None = None
    bundle_version: int | None = None  # that it has applied
    synced_at: int | None = None  # unix seconds


class Member(Struct, frozen=True):
    """A person whose certificate carried `role:NAME:LOGIN` of these roles."""

    login: str
    roles: tuple[str, ...]  # sorted
    locked: bool


class HostStore(Protocol):
    """Hosts that were removed are not there."""

    async def hosts(self) -> Sequence[KnownHost]:
        """All of them, by name."""

    async def host(self, host_id: str) -> KnownHost | None: ...

    async def hosts_called(self, name: str) -> Sequence[KnownHost]:
        """By name: those with this name or alias, or with one that goes on after it with a dot; not all of many."""

    async def host_synced(self, host_id: str, accounts: HostAccounts, bundle_version: int, now: int) -> None:
        """Keep what it said. Raises NotFound; Invalid for more than MAX_REPORTED names of a kind."""

    async def people_of(self, roles: Collection[str], since: int) -> Sequence[Member]:
        """By login: everyone with a certificate that ended after `since`, or has not, and carries one of these roles'
        own-account principals. Revoked ones count: whoever gives up today's pass keeps their account, and what runs
        in it. A lock is what ends that, so those who are locked are told of, too.
        """

    async def revoked_passes(self, now: int) -> Sequence[tuple[str, int]]:
        """(fingerprint of the CA key, serial) of people's certificates, ascending; those that expired less than
        REVOKED_FOR ago, too, for clocks that are slow (trust 6.1)."""
