"""Calls that a host's certificate speaks for: it asks what has changed for it, and says what it is like."""

from __future__ import annotations

from collections.abc import Iterable

from msgspec import Struct

from daypass.ca.clock import ClockGuard
from daypass.ca.host_ports import MAX_REPORTED, HostAccounts, KnownHost
from daypass.ca.hosts import Hosts
from daypass.ca.ports import Store
from daypass.ca.shown import Call, Keys, Shown
from daypass.errors import Unauthenticated
from daypass.model import is_login_name
from daypass.wire import CertType
from daypass.wire.binding import HOST_REQUEST_NAMESPACE

__all__ = ["HostCalls", "HostSaid", "Synced"]

PROVIDER = "host"  # the name space of the nonces
Document = tuple[str, str]  # JSON, and an armored signature over it


class HostSaid(Struct, frozen=True):
    """What the host has applied, and its accounts. It admits nobody: a host can lie about itself alone."""

    digest: str
    bundle_version: int
    system: tuple[str, ...]
    ordinary: tuple[str, ...]
    krl_digest: str = ""  # of the KRL it has


class Synced(Struct, frozen=True):
    """The bundle where it has changed, else the word that it holds on; the KRL where the host has another. The
    digests are of what holds now."""

    bundle: Document | None
    heartbeat: Document | None
    krl: bytes | None
    digest: str
    krl_digest: str


class HostCalls:
    def __init__(self, hosts: Hosts, store: Store, clock: ClockGuard, ca_id: bytes, host_keys: Keys) -> None:
        self._hosts, self._store, self._clock = hosts, store, clock
        self._shown = Shown(CertType.HOST, HOST_REQUEST_NAMESPACE, PROVIDER, ca_id, host_keys, _refused)

    async def admit(self, call: Call) -> KnownHost:
        """The host whose live certificate this is. Raises Unauthenticated."""
        now = self._clock.now()
        certificate = self._shown.verified(call, now)
        found = await self._shown.on_record(self._store, certificate, call.certificate)
        host = await self._store.host(found.host) if found.host is not None else None
        if host is None:
            raise _refused("removed", "its host is not on record here, or has been removed")
        await self._shown.spend(self._store, certificate, call, now)
        return host

    async def sync(self, host: KnownHost, said: HostSaid) -> Synced:
        """Keeps what the host said, if it is something new, and gives what has changed for it."""
        accounts = HostAccounts(_names(said.system), _names(said.ordinary))
        version = max(0, min(said.bundle_version, 2**62))
        now = self._clock.now()
        known = host.accounts, host.bundle_version
        if host.accounts and host.accounts.some and now < (host.synced_at or 0) + SEEN_EVERY:
            accounts = host.accounts  # a hostile one could say something else at every call, and fill the ledger
        if known != (accounts, version) or host.synced_at is None or now >= host.synced_at + SEEN_EVERY:
            await self._store.host_synced(host.id, accounts, version, now)
        given = await self._hosts.sync(host, said.digest)
        krl = given.krl.krl if given.krl.digest != said.krl_digest else None
        return Synced(given.bundle, given.heartbeat, krl, given.digest, given.krl.digest)


SEEN_EVERY = 300  # seconds between two notes of a host that says the same again, or has other accounts than before


def _names(said: Iterable[str]) -> tuple[str, ...]:
    """Those that can be an account's, each once; the rest of what a host may say is of no use."""
    return tuple(sorted({name for name in said if is_login_name(name)})[:MAX_REPORTED])


def _refused(code: str, reason: str, hint: str = "enrol the host anew: daypass token host NAME") -> Unauthenticated:
    return Unauthenticated(f"this call by a host does not hold: {reason}", code=f"host-call.{code}", hint=hint)
