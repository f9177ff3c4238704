"""Who is on which host, as hosts tell it, beside what the CA knows of the certificates; and the end of one."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence

from msgspec import Struct

from daypass.ca.ack_ports import Carried, Limit, Session, Sessions
from daypass.ca.clock import ClockGuard
from daypass.ca.host_ports import KnownHost
from daypass.ca.person_ports import PersonRecord
from daypass.ca.ports import Store
from daypass.errors import Conflict, Invalid, NotFound
from daypass.model import shown

__all__ = ["Found", "OpenSessions"]

MAX_REASON = 256  # characters
LOOK_EVERY, LONGEST = 0.5, 300  # seconds


class Found(Struct, frozen=True):
    """A session. `carried`: what its certificate is on record with, None where it came in another way; `end`: when it
    is ended, 0 for never."""

    host: str
    session: Session
    reported_at: int
    carried: Carried | None
    end: int


class OpenSessions:
    """`person` and `host` find who is meant, or raise NotFound."""

    def __init__(
        self,
        store: Store,
        clock: ClockGuard,
        person: Callable[[str], Awaitable[PersonRecord]],
        host: Callable[[str], Awaitable[KnownHost]],
    ) -> None:
        self._store, self._clock, self._person, self._host = store, clock, person, host

    async def every(self, host: str = "", person: str = "", role: str = "") -> Sequence[Found]:
        """By host; all that are named have to fit. Raises NotFound for a host or a person that is nobody."""
        whose = (await self._person(person)).id if person else None
        where = (await self._host(host)).id if host else None
        there = [each for each in await self._store.open_sessions() if where in (None, each.host)]
        carried = await self._store.carried([one.serial for each in there for one in each.sessions if one.serial])
        ends = await self._store.session_ends()
        found = (_found(each, one, carried, ends.get(each.host, ())) for each in there for one in each.sessions)
        return [each for each in found if _fits(each, whose, role)]

    async def end(self, session: str, host: str, *, reason: str, actor: str) -> tuple[str, Session]:
        """Name of the host, and the session. Raises NotFound, Conflict, Invalid."""
        if len(reason) > MAX_REASON or not (reason.isprintable() or not reason):
            raise Invalid(f"a reason is one line of {MAX_REASON} characters at most", code="session.reason")
        where = (await self._host(host)).id if host else None
        there = [each for each in await self._store.open_sessions() if where in (None, each.host)]
        found = [(each, one) for each in there for one in each.sessions if one.id == session]
        if not found:
            hint = "those that are open: daypass sessions"
            raise NotFound(f"no open session {shown(session)} is known", code="session.unknown", hint=hint)
        if len(found) > 1:
            names = ", ".join(each.name for each, _ in found)
            raise Conflict(
                f"{shown(session)} is open on {names}", code="session.several", hint="say which: --host NAME"
            )
        ((hosts, one),) = found
        now = self._clock.now()
        limit = Limit(session, now, reason or "ended by an operator")
        told = {"account": one.account, "key_id": one.key_id, "serial": one.serial}
        await self._store.end_session(hosts.host, limit, told=told, actor=actor, now=now)
        return hosts.name, one

    async def is_over(self, host: str, session: str, seconds: float) -> bool:
        """Within so many seconds, by the own word of the host of this name: another one has no say in it."""
        ticks = self._clock.monotonic
        until = ticks() + min(seconds, LONGEST)
        while not await self._is_gone(host, session):
            if ticks() >= until:
                return False
            await asyncio.sleep(LOOK_EVERY)
        return True

    async def _is_gone(self, host: str, session: str) -> bool:
        there = [each for each in await self._store.open_sessions() if each.name == host]
        return all(one.id != session for each in there for one in each.sessions)


def _found(there: Sessions, one: Session, carried: Mapping[int, Carried], ends: Sequence[Limit]) -> Found:
    certificate = carried.get(one.serial)
    certificate = certificate if certificate is not None and certificate.ca_key == one.ca else None
    asked = [limit.at for limit in ends if limit.session == one.id]
    known = [each for each in (one.end, *asked) if each]
    return Found(there.name, one, there.reported_at, certificate, min(known, default=0))


def _fits(found: Found, person: int | None, role: str) -> bool:
    carried = found.carried
    mine = person is None or (carried is not None and carried.person == person)
    return mine and (not role or (carried is not None and role in carried.roles))
