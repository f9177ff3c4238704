"""The hosts on record, for operators: what they are, which leave, and who takes a place over.

Nothing here is believed of a host's own word: it is shown, and that is all (trust 5.1).
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence

from msgspec import Struct

from daypass.ca.clock import ClockGuard
from daypass.ca.force import Following
from daypass.ca.host_ports import HostCertificate, KnownHost
from daypass.ca.ports import Store
from daypass.ca.token_ports import Terms
from daypass.ca.tokens import Tokens, require_reason
from daypass.errors import Conflict, DaypassError, NotFound
from daypass.model import HostFacts, shown

__all__ = ["Inventory", "Listed"]

SWEEP_EVERY = 600  # seconds
QUIET = (
    86400  # seconds without a word until a host is called quiet; one that listens tells of itself four times a day
)
log = logging.getLogger("daypass.ca")


class Listed(Struct, frozen=True):
    """A host, and what there is to say of it. `leaves_at`: when it leaves by itself, if it gets no other certificate.

    `marks`: live or expired; cloned, where two machines speak for it; quiet, where it has said nothing for a while.
    """

    host: KnownHost
    marks: tuple[str, ...]
    leaves_at: int


class Inventory:
    def __init__(self, store: Store, clock: ClockGuard, force: Following, tokens: Tokens) -> None:
        self._store, self._clock, self._force, self._tokens = store, clock, force, tokens

    async def every(self) -> Sequence[Listed]:
        """By name."""
        now = self._clock.now()
        return [self._listed(host, now) for host in await self._store.hosts()]

    async def show(self, word: str) -> tuple[Listed, Sequence[HostCertificate]]:
        """By name or alias, or the first part of one. Raises NotFound, Conflict where that may be several."""
        found = await self._store.hosts_called(word)
        exact = [host for host in found if word in (host.name, *host.aliases)]
        if len(found) > 1 and not exact:
            listed = ", ".join(host.name for host in found[:10])
            raise Conflict(f"{shown(word)} may be {listed}", code="host.several", hint="give the full name")
        host = next(iter(exact or found), None)
        if host is None:
            raise _unknown(word)
        now = self._clock.now()
        return self._listed(host, now), await self._store.host_certificates(host.id, now)

    async def remove(self, name: str, *, reason: str, actor: str) -> tuple[KnownHost, tuple[int, ...]]:
        """The host as it was, and the serials that were revoked. Only by its own full name: that is what the operator
        may remove."""
        require_reason(reason)
        host = await self.named(name)
        serials = await self._store.remove_host(host.id, reason=reason, actor=actor, now=self._clock.now())
        return host, serials

    async def replace(
        self, name: str, lifetime: int, networks: tuple[str, ...], actor: str
    ) -> tuple[KnownHost, str, int]:
        """A token by which another machine becomes this host, with the same names and labels; and its end."""
        host = await self.named(name)
        facts = HostFacts(host.name, host.aliases, host.labels, host.addresses)
        token, ends = await self._tokens.make(facts, lifetime, actor, Terms((), networks, replaces=host.id))
        return host, token, ends

    async def sweep(self) -> Sequence[str]:
        """Hosts whose last certificate ended longer ago than `hosts.stale_after` leave. Gives their names."""
        now = self._clock.now()
        return await self._store.retire_stale(now - self._force.current.policy.stale_after, now)

    async def watch(self) -> None:
        """Sweeps now and then, until cancelled. Any number of processes may: one of them finds something."""
        while True:
            try:
                if names := await self.sweep():
                    log.info("stale hosts have left the inventory: %s", ", ".join(names))
            except DaypassError as error:
                log.warning("stale hosts could not be looked for: %s", error.message)
            await asyncio.sleep(SWEEP_EVERY)

    def _listed(self, host: KnownHost, now: int) -> Listed:
        found = ["live" if host.live_until > now else "expired"]
        found += ["cloned"] if len(host.machines) > 1 else []
        found += ["quiet"] if host.live_until > now and (host.synced_at or host.created_at) + QUIET < now else []
        return Listed(host, tuple(found), host.ends + self._force.current.policy.stale_after)

    async def named(self, name: str) -> KnownHost:
        """By its own full name. Raises NotFound."""
        found = await self._store.hosts_called(name)
        host = next((each for each in found if each.name == name), None)
        if host is not None:
            return host
        alias = next((each for each in found if name in each.aliases), None)
        if alias is not None:
            text, hint = f"{shown(name)} is an alias of {alias.name}", f"give its own name: {alias.name}"
            raise NotFound(text, code="host.alias", hint=hint)
        raise _unknown(name)


def _unknown(name: str) -> NotFound:
    return NotFound(f"no host called {shown(name)} is on record", code="host.unknown", hint="see: daypass host list")
