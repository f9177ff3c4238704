"""Calls that a host's certificate speaks for: it asks what has changed for it, and says what it is like."""

from __future__ import annotations

import re
from collections.abc import Iterable

from msgspec import Struct

from daypass.ca.clock import ClockGuard
from daypass.ca.host_ports import MAX_MACHINES, MAX_REPORTED, HostAbout, HostAccounts, KnownHost
from daypass.ca.hosts import Given, Hosts
from daypass.ca.ports import Store
from daypass.ca.shown import Call, Keys, Shown
from daypass.errors import Unauthenticated
from daypass.model import is_login_name
from daypass.wire import CertType
from daypass.wire.binding import HOST_REQUEST_NAMESPACE

__all__ = ["HostCalls", "HostSaid", "Synced", "synced"]

PROVIDER = "host"  # the name space of the nonces
Document = tuple[str, str]  # JSON, and an armored signature over it


class HostSaid(Struct, frozen=True):
    """What the host has applied, and its accounts. It admits nobody: a host can lie about itself alone."""

    digest: str
    bundle_version: int
    system: tuple[str, ...]
    ordinary: tuple[str, ...]
    krl_digest: str = ""  # of the KRL it has
    trust_version: int = 0  # 0: it does not say
    about: HostAbout | None = None


class Synced(Struct, frozen=True):
    """The bundle where it has changed, else the word that it holds on; the KRL where the host has another. The
    digests are of what holds now, and `version` is the one of the document."""

    bundle: Document | None
    heartbeat: Document | None
    krl: bytes | None
    digest: str
    krl_digest: str
    version: int = 0


def synced(given: Given, krl_digest: str) -> Synced:
    """To a host that has the KRL of that digest."""
    krl = given.krl.krl if given.krl.digest != krl_digest else None
    return Synced(given.bundle, given.heartbeat, krl, given.digest, given.krl.digest, given.version)


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
        version, trust = _number(said.bundle_version), _number(said.trust_version) or None
        about = None if said.about is None else _cut(said.about)
        now = self._clock.now()
        known = host.accounts, host.bundle_version, host.trust_version
        if host.accounts and host.accounts.some and now < (host.synced_at or 0) + SEEN_EVERY:
            accounts = host.accounts  # a hostile one could say something else at every call, and fill the ledger
        new = known != (accounts, version, trust or host.trust_version) or _is_another(host, about)
        if new or host.synced_at is None or now >= host.synced_at + SEEN_EVERY:
            await self._store.host_synced(host.id, accounts, version, now, trust_version=trust, about=about)
        given = await self._hosts.sync(host, said.digest, version)
        return synced(given, said.krl_digest)


MAX_LINE = 80  # characters of what a host says of its programs
MAX_KEYS = 16
LAST_SECOND = 253402300799  # of the year 9999: what a list can show as a time
_MACHINE = re.compile(r"[0-9a-f]{64}")
_FINGERPRINT = re.compile(r"SHA256:[A-Za-z0-9+/]{43}")
SEEN_EVERY = 300  # seconds between two notes of a host that says the same again, or has other accounts than before


def _names(said: Iterable[str]) -> tuple[str, ...]:
    """Those that can be an account's, each once; the rest of what a host may say is of no use."""
    return tuple(sorted({name for name in said if is_login_name(name)})[:MAX_REPORTED])


def _number(said: int) -> int:
    return max(0, min(said, 2**62))


def _cut(about: HostAbout) -> HostAbout:
    """To what a list can show of it. A hostile host could say anything, of any length."""
    return HostAbout(
        agent=_line(about.agent),
        openssh=_line(about.openssh),
        machine=about.machine if _MACHINE.fullmatch(about.machine) else "",
        expires=min(_number(about.expires), LAST_SECOND),
        krl_version=_number(about.krl_version),
        since=min(_number(about.since), LAST_SECOND),
        keys=tuple(key for key in about.keys[:MAX_KEYS] if _FINGERPRINT.fullmatch(key)),
        break_glass=tuple(key for key in about.break_glass[:MAX_KEYS] if _FINGERPRINT.fullmatch(key)),
    )


def _line(text: str) -> str:
    return "".join(each if each.isascii() and each.isprintable() else "?" for each in text[:MAX_LINE])


def _is_another(host: KnownHost, about: HostAbout | None) -> bool:
    """Whether a machine speaks that has not spoken under these certificates before."""
    machine = about.machine if about is not None else ""
    return machine not in ("", *host.machines) and len(host.machines) < MAX_MACHINES


def _refused(code: str, reason: str, hint: str = "enrol the host anew: daypass token host NAME") -> Unauthenticated:
    return Unauthenticated(f"this call by a host does not hold: {reason}", code=f"host-call.{code}", hint=hint)
