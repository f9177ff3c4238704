"""What operators take away: anybody's certificates, by serial."""

from __future__ import annotations

from collections.abc import Sequence

from daypass.ca.clock import ClockGuard
from daypass.ca.ports import OnRecord, Store
from daypass.errors import Invalid, NotFound

__all__ = ["Revocation"]

MOST = 1000  # certificates in one act
MAX_REASON = 256  # characters


class Revocation:
    def __init__(self, store: Store, clock: ClockGuard) -> None:
        self._store, self._clock = store, clock

    async def revoke(self, serials: Sequence[int], reason: str, actor: str) -> Sequence[OnRecord]:
        """As they stand then, in the order given; one that was revoked before stays so. Raises NotFound, and has
        revoked none, where one of them is not on record."""
        if not 1 <= len(serials) <= MOST:
            raise Invalid(f"1 to {MOST} serials can be revoked at a time", code="revoke.serials")
        if not reason.strip() or len(reason) > MAX_REASON or not reason.isprintable():
            text = f"a reason is needed: one line of {MAX_REASON} characters at most"
            raise Invalid(text, code="revoke.reason", hint='say why: --reason "laptop lost"')
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
