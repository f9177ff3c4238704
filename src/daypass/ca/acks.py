"""What hosts answer: which bundle and KRL they have applied, who is on them, what they have closed and found.

It is a host's own word. It is cut to size, judged by grammar, kept and shown; it admits nobody, and from a host in
wrong hands it proves nothing (trust 6.12). What the CA does by it concerns that host alone: it says when sessions
are to end that came in by a role with an end of its own (trust 6.5).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

from msgspec.structs import replace

from daypass.ca.ack_ports import BrokenIn, Carried, Closed, Limit, Looked, Remains, Said, Session
from daypass.ca.clock import ClockGuard
from daypass.ca.host_ports import HostRecord
from daypass.ca.policy import Policy
from daypass.ca.ports import Store
from daypass.model import HostRole

__all__ = ["Acks", "judged"]

MOST_BROKEN = 20
MOST_SESSIONS, MOST_CLOSED, MOST_LOOKED, MOST_REMAINS, MOST_SURVIVORS = 500, 200, 200, 200, 20
LINE = 200  # characters
LAST_SECOND = 253402300799  # of the year 9999: what a list can show as a time
SERIALS = 2**63 - 1
_ID = re.compile(r"[0-9a-f]{12}")
_ENDING = re.compile(r"e[a-z2-7]{10}")
_PRINT = re.compile(r"(SHA256:[A-Za-z0-9+/]{43})?")
_NAME = re.compile(r"[!-~]{1,128}")  # of ASCII that shows, and no space
_WORD = re.compile(r"[a-z_-]{1,32}")


class Acks:
    """`policy`: the one in force. `limited` hears that hosts are to be told of ends of sessions."""

    def __init__(
        self, store: Store, clock: ClockGuard, policy: Callable[[], Policy], limited: Callable[[], None]
    ) -> None:
        self._store, self._clock, self._policy, self._limited = store, clock, policy, limited

    async def take(self, host: HostRecord, said: Said) -> None:
        said = judged(said)
        if said.sessions:
            said = replace(said, limits=await self._limits(host, said.sessions))
        await self._store.host_acked(said, self._clock.now())
        if said.limits:
            self._limited()

    async def _limits(self, host: HostRecord, sessions: Sequence[Session]) -> tuple[Limit, ...]:
        policy = self._policy()
        roles = {role.name: role for role in policy.for_host(host.name, host.aliases, host.labels)}
        carried = await self._store.carried([each.serial for each in sessions if each.serial])
        ends = ((each, _end(policy, roles, each, carried.get(each.serial))) for each in sessions)
        return tuple(Limit(each.id, *end) for each, end in ends if end is not None)


def _end(
    policy: Policy, roles: dict[str, HostRole], session: Session, carried: Carried | None
) -> tuple[int, str] | None:
    """The end of the certificate where that was for one role alone, else the longest `max_session` of the roles in it
    that admit the account; None where there is neither."""
    if carried is None or carried.ca_key != session.ca:
        return None
    if policy.is_narrow(carried.roles, carried.valid_before - carried.valid_after):
        return carried.valid_before, f"the certificate of role {carried.roles[0]} has ended"
    admit = [roles[name] for name in carried.roles if name in roles and _admits(roles[name], session.account)]
    if not admit or not all(role.max_session for role in admit):
        return None
    longest = max(admit, key=lambda role: role.max_session)
    return session.since + longest.max_session, f"the longest session of role {longest.name} is over"


def _admits(role: HostRole, account: str) -> bool:
    return account in role.accounts or role.own_account


def judged(said: Said) -> Said:
    """Without what can't be true, and no more of it than is kept."""
    sessions = None if said.sessions is None else _sessions(said.sessions)
    closed = [_closed(each) for each in said.closed[:MOST_CLOSED] if _is_session(each.session)]
    looked = [_looked(each) for each in said.looked[:MOST_LOOKED] if _ENDING.fullmatch(each.ending)]
    return Said(
        host=said.host,
        bundle_version=_number(said.bundle_version, SERIALS),
        krl_version=_number(said.krl_version, SERIALS),
        sessions=sessions,
        closed=tuple(closed),
        looked=tuple(looked),
        break_glass=tuple(map(_broken, filter(_is_broken, said.break_glass[:MOST_BROKEN]))),
    )


def _is_broken(said: BrokenIn) -> bool:
    return bool(_ID.fullmatch(said.id) and _NAME.fullmatch(said.account) and _PRINT.fullmatch(said.ca))


def _broken(said: BrokenIn) -> BrokenIn:
    return replace(
        said,
        address=_line(said.address),
        key_id=_line(said.key_id),
        time=_number(said.time, LAST_SECOND),
        serial=_number(said.serial, SERIALS),
    )


def _sessions(said: Sequence[Session]) -> tuple[Session, ...]:
    found = {each.id: _session(each) for each in said[:MOST_SESSIONS] if _is_session(each)}
    return tuple(found.values())


def _is_session(session: Session) -> bool:
    words = _ID.fullmatch(session.id) and _NAME.fullmatch(session.account) and _WORD.fullmatch(session.way)
    return bool(words and _PRINT.fullmatch(session.ca))


def _session(said: Session) -> Session:
    return replace(
        said,
        address=_line(said.address),
        key_id=_line(said.key_id),
        since=_number(said.since, LAST_SECOND),
        serial=_number(said.serial, SERIALS),
        end=_number(said.end, LAST_SECOND),
    )


def _closed(said: Closed) -> Closed:
    return Closed(
        session=_session(said.session),
        closed_at=min(said.closed_at, float(LAST_SECOND)) if said.closed_at > 0 else 0.0,
        reason=_line(said.reason),
        survivors=tuple(map(_line, said.survivors[:MOST_SURVIVORS])),
    )


def _looked(said: Looked) -> Looked:
    fitting = [each for each in said.remains if _NAME.fullmatch(each.account) and _WORD.fullmatch(each.kind)]
    kept = [_remains(each) for each in fitting[:MOST_REMAINS] if _WORD.fullmatch(each.done)]
    cut = _number(said.cut, SERIALS // 2) + len(said.remains) - len(kept)
    return Looked(ending=said.ending, time=_number(said.time, LAST_SECOND), remains=tuple(kept), cut=cut)


def _remains(said: Remains) -> Remains:
    return replace(said, what=_line(said.what), error=_line(said.error))


def _number(value: int, most: int) -> int:
    return max(0, min(value, most))


def _line(text: str) -> str:
    """What shows of it; no lone surrogate, either, which no database holds."""
    return "".join(each if each.isprintable() else "?" for each in text[:LINE])
