"""Calls by the day pass (trust 4.2): whoever holds its key may read their own data, and give up access.

Whoever an agent is forwarded to can make such a call, too; that is why nothing here gives anybody anything.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from msgspec import Struct

from daypass.ca.clock import ClockGuard
from daypass.ca.ending_ports import Ended, Ending, Source
from daypass.ca.ports import OnRecord, Owner, Store
from daypass.ca.shown import Call, Keys, Shown
from daypass.errors import Invalid, NotFound, Unauthenticated
from daypass.wire import CertType
from daypass.wire.binding import REQUEST_NAMESPACE

__all__ = ["Call", "Caller", "Calls"]

PROVIDER = "pass"  # the name space of the nonces
MAX_REASON = 256  # characters


class Caller(Struct, frozen=True):
    """A person, by the pass of this serial."""

    owner: Owner
    serial: int


class Calls:
    def __init__(self, store: Store, clock: ClockGuard, ca_id: bytes, user_keys: Keys) -> None:
        self._store, self._clock = store, clock
        self._shown = Shown(CertType.USER, REQUEST_NAMESPACE, PROVIDER, ca_id, user_keys, _refused)

    async def admit(self, call: Call) -> Caller:
        """Raises Unauthenticated. What costs nothing is looked at first, and nothing is written before the
        signature holds: nobody can spend another's nonce, or fill the database."""
        now = self._clock.now()
        certificate = self._shown.verified(call, now)
        owner = _owner(await self._shown.on_record(self._store, certificate, call.certificate))
        await self._shown.spend(self._store, certificate, call, now)
        return Caller(owner, certificate.serial)

    async def certificates(self, caller: Caller) -> Sequence[OnRecord]:
        """The caller's own that have not expired, newest first."""
        return await self._store.certificates_of(caller.owner.id, self._clock.now())

    async def revoke(self, caller: Caller, serial: int, reason: str) -> OnRecord:
        """One certificate of the caller's, the one that was shown among them; once more changes nothing.

        Raises NotFound for another's just as for one that does not exist.
        """
        _require_line(reason)
        if (await self._own(caller, serial)).revoked_at is None:
            await self._end(caller, reason, about=f"serial {serial}, by its holder", serials=(serial,))
        return await self._own(caller, serial)

    async def leave(self, caller: Caller, reason: str) -> Ended:
        """All that the caller has, on whichever machine; who has signed in before gets nothing for it after."""
        owner = caller.owner
        about = f"person {owner.login or owner.subject} (#{owner.id}), by themselves"
        return await self._end(caller, reason, about=about, persons=(owner.id,))

    async def _end(self, caller: Caller, reason: str, **what: Any) -> Ended:
        _require_line(reason)
        owner = caller.owner
        details = {"issuer": owner.issuer, "subject": owner.subject, "pass": caller.serial}
        actor = f"{PROVIDER}:{owner.subject}"
        ending = Ending(source=Source.SELF, actor=actor, reason=reason, details=details, **what)
        return await self._store.end(ending, now=self._clock.now())

    async def _own(self, caller: Caller, serial: int) -> OnRecord:
        found = await self._store.on_record(serial)
        if found is None or found.owner is None or found.owner.id != caller.owner.id:
            raise NotFound(
                f"you have no certificate with serial {serial}",
                code="certificate.unknown",
                hint="daypass list shows yours",
            )
        return found


def _require_line(reason: str) -> None:
    if len(reason) > MAX_REASON or not reason.isprintable():
        raise Invalid(f"a reason is one line of {MAX_REASON} characters at most", code="revoke.reason")


def _owner(found: OnRecord) -> Owner:
    if found.owner is None:
        raise _refused("unknown", "its certificate is not on record here")
    if found.owner.locked:
        raise _refused("locked", f"{found.owner.login} is locked", "ask an administrator of your CA")
    return found.owner


def _refused(code: str, reason: str, hint: str = "sign in again: daypass login") -> Unauthenticated:
    return Unauthenticated(f"this proof by a day pass does not hold: {reason}", code=f"pass.{code}", hint=hint)
