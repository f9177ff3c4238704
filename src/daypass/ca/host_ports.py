"""What the heart asks of a store about hosts: who is enrolled, what they say of themselves, who has accounts there.

What a host reports (accounts, versions) is shown, warned of and kept names free by; it admits nobody anywhere.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Protocol

from msgspec import Struct

__all__ = [
    "MAX_MACHINES",
    "MAX_REPORTED",
    "EnrolledHost",
    "HostAbout",
    "HostAccounts",
    "HostCertificate",
    "HostRecord",
    "HostStore",
    "KnownHost",
    "Member",
]

MAX_REPORTED = 2000  # names of each kind that are kept of one host
MAX_MACHINES = 8  # that are told apart under one certificate


class HostRecord(Struct, frozen=True):
    id: str  # random, given by the CA: 16 bytes as hex
    name: str
    aliases: tuple[str, ...]
    labels: Mapping[str, str]
    keys: tuple[bytes, ...]  # wire blobs of the keys last certified
    live_until: int  # latest valid_before of its unrevoked certificates; 0 for none
    addresses: tuple[str, ...] = ()  # that its token gave it for names, too (trust 5.2)


class HostAccounts(Struct, frozen=True):
    """Names in a host's /etc/passwd, by its own word: `system` has uids below 1000, `ordinary` is for people."""

    system: tuple[str, ...] = ()
    ordinary: tuple[str, ...] = ()

    @property
    def some(self) -> bool:
        return bool(self.system or self.ordinary)


class HostAbout(Struct, frozen=True):
    """What a host says of itself (api.HostSelf), cut to size. Times are unix seconds, 0 for none."""

    agent: str = ""
    openssh: str = ""
    machine: str = ""
    expires: int = 0  # the end of the first of its certificates
    krl_version: int = 0
    since: int = 0  # when it last heard from the CA before that call
    keys: tuple[str, ...] = ()  # fingerprints
    break_glass: tuple[str, ...] = ()  # the same, of keys that open an account on the day everything is down

    def texts(self) -> tuple[str, ...]:
        return self.agent, self.openssh, self.machine, *self.keys, *self.break_glass


class KnownHost(HostRecord, frozen=True):
    """A host with what it said at its last sync; None where it has made none.

    `machines`: all that have spoken under its certificates since it enrolled, MAX_MACHINES at most. With two of them
    a disk was copied.
    """

    accounts: HostAccounts | None = None
    bundle_version: int | None = None  # that it has applied
    synced_at: int | None = None  # unix seconds
    trust_version: int | None = None  # of the trust document it goes by
    about: HostAbout | None = None
    machines: tuple[str, ...] = ()
    enrolled_from: str = ""  # the address; empty where the CA could not tell
    created_at: int = 0
    ends: int = 0  # latest valid_before of all its certificates, revoked ones too


class HostCertificate(Struct, frozen=True):
    serial: int
    public_key: bytes  # wire blob
    principals: tuple[str, ...]
    valid_after: int
    valid_before: int
    revoked_at: int | None
    revoke_reason: str | None = None


class EnrolledHost(Struct, frozen=True):
    """What laptops have to know of a host. `own`: its name and its aliases; `more`: first labels of these, and
    addresses, that stand in its newest certificate. `live`: it has a certificate that is not revoked either."""

    name: str
    own: tuple[str, ...]
    more: tuple[str, ...] = ()
    labels: Mapping[str, str] = {}
    live: bool = True

    @property
    def names(self) -> tuple[str, ...]:
        return (*self.own, *self.more)


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

    async def host_synced(
        self,
        host_id: str,
        accounts: HostAccounts,
        bundle_version: int,
        now: int,
        *,
        trust_version: int | None = None,
        about: HostAbout | None = None,
    ) -> None:
        """Keep what it said; None: it said nothing of that. A machine that has not spoken under its certificates
        before is an event, `host.clone`. Raises NotFound; Invalid for more than MAX_REPORTED names of a kind."""

    async def host_certificates(self, host_id: str, now: int) -> Sequence[HostCertificate]:
        """Those that have not expired, revoked ones too, newest first."""

    async def remove_host(self, host_id: str, *, reason: str, actor: str, now: int) -> tuple[int, ...]:
        """Off the inventory: its live certificates are revoked, its names are anybody's. Gives the serials.

        Raises NotFound for one that is not there any more.
        """

    async def retire_stale(self, before: int, now: int, limit: int = 500) -> Sequence[str]:
        """Off the inventory go hosts whose last certificate ended before `before`, each with an event. Gives their
        names; `limit` at most at a time."""

    async def people_of(self, roles: Collection[str], since: int) -> Sequence[Member]:
        """By login: everyone with a certificate that ended after `since`, or has not, and carries one of these roles'
        own-account principals. Revoked ones count: whoever gives up today's pass keeps their account, and what runs
        in it. A lock is what ends that, so those who are locked are told of, too.
        """
