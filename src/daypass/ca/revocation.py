"""What operators take away: certificates by serial, all of a host, all of a person."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence

from daypass.ca.clock import ClockGuard
from daypass.ca.host_ports import KnownHost
from daypass.ca.person_ports import PersonRecord
from daypass.ca.ports import OnRecord, Store
from daypass.errors import Invalid, NotFound

__all__ = ["Revocation"]

MOST = 1000  # certificates in one act
MAX_REASON = 256  # characters


class Revocation:
    """`person` and `host` find who is meant, or raise NotFound."""

    def __init__(
        self,
        store: Store,
        clock: ClockGuard,
        person: Callable[[str], Awaitable[PersonRecord]],
        host: Callable[[str], Awaitable[KnownHost]],
    ) -> None:
        self._store, self._clock, self._person, self._host = store, clock, person, host

    async def revoke_person(self, word: str, reason: str, actor: str) -> Sequence[OnRecord]:
        """All that is theirs and live; nothing is no error: whatever was being issued to them is decided anew."""
        _require_reason(reason)
        number, now = (await self._person(word)).id, self._clock.now()
        serials = await self._store.revoke_person(number, reason=reason, actor=actor, now=now)
        return [await self._found(serial) for serial in serials]

    async def revoke_host(self, name: str, reason: str, actor: str) -> Sequence[OnRecord]:
        """By the host's own full name."""
        _require_reason(reason)
        host_id, now = (await self._host(name)).id, self._clock.now()
        serials = await self._store.revoke_host(host_id, reason=reason, actor=actor, now=now)
        return [await self._found(serial) for serial in serials]

    async def revoke(self, serials: Sequence[int], reason: str, actor: str) -> Sequence[OnRecord]:
        """As they stand then, in the order given; one that was revoked before stays so. Raises NotFound, and has
        revoked none, where one of them is not on record."""
        if not 1 <= len(serials) <= MOST:
            raise Invalid(f"1 to {MOST} serials can be revoked at a time", code="revoke.serials")
        _require_reason(reason)
        wanted = [await self._found(serial) for serial in serials]
        live = [each.serial for each in wanted if each.revoked_at is None]
        if live:
            await self._store.revoke(live, reason=reason, actor=actor, now=self._clock.now())
        return [await self._found(serial) for serial in serials]

    async def _found(self, serial: int) -> OnRecord:
        found = await self._store.on_record(serial)
        if found is None:
            raise NotFound(f"no certificate with serial {serial} is on record", code="certificate.unknown")
        return found


def _require_reason(reason: str) -> None:
    if not reason.strip() or len(reason) > MAX_REASON or not reason.isprintable():
        text = f"a reason is needed: one line of {MAX_REASON} characters at most"
        raise Invalid(text, code="revoke.reason", hint='say why: --reason "laptop lost"')
