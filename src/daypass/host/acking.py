"""The host's word to its CA: what it has applied, who is on it, and what has become of sessions and remains.

Said when something of it is new; what was not heard is said again with the next word. It admits nobody anywhere.
"""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import sha256
from typing import Protocol

import msgspec
from msgspec.structs import replace

from daypass.api import MAX_BODY, BreakGlassLogin, ClosedSession, EndingReport, HostAck, HostAcked, HostSession
from daypass.host import noise
from daypass.host.alone import in_turn
from daypass.host.calls import Prove, prover
from daypass.host.remains.memory import heard, waiting
from daypass.host.sessions.memory import Memory
from daypass.host.sessions.turn import LOCK
from daypass.host.settings import Paths
from daypass.host.state import State

__all__ = ["Ca", "Word", "acknowledge", "word"]

_SESSIONS, _CLOSED = 500, 200  # that the CA takes in one call
_SURVIVORS = 20


class Ca(Protocol):
    """A pinned connection to the CA."""

    def host_ack(self, ack: HostAck, prove: Prove) -> HostAcked: ...


class Word(msgspec.Struct, frozen=True):
    """One call, and what is remembered once the CA has heard it: `applied` and `told` as `Memory` has them."""

    ack: HostAck
    applied: str
    told: str


def word(
    state: State, memory: Memory, endings: Sequence[EndingReport] = (), alarms: Sequence[BreakGlassLogin] = ()
) -> Word | None:
    """None where the CA has heard it all. `endings`: reports on remains that it has not; `alarms`: logins by
    break-glass."""
    sessions = _most([each.session for each in memory.sessions])
    told = sha256(msgspec.json.encode(sessions)).hexdigest()
    applied = f"{state.digest} {state.krl_version}"
    if (applied, told) == (memory.applied, memory.told) and not (memory.closed or endings or alarms):
        return None
    ack = HostAck(
        bundle_version=state.bundle_version,
        krl_version=state.krl_version,
        sessions=None if told == memory.told else sessions,
        closed=[_cut(each) for each in memory.closed[:_CLOSED]],
        endings=list(endings),
        break_glass=list(alarms),
    )
    return Word(_fitting(ack), applied, told)


def acknowledge(paths: Paths, ca: Ca) -> HostAcked | None:
    """Say what is new; gives the CA's answer, None where nothing is new. Raises any of the error tree."""
    state = State.load(paths.state)
    said = (
        word(state, Memory.load(paths.sessions), waiting(paths), noise.unheard(paths)) if state is not None else None
    )
    if state is None or said is None:
        return None
    answer = ca.host_ack(said.ack, prover(state))
    heard(paths, said.ack.endings)
    noise.heard(paths, said.ack.break_glass)
    with in_turn(paths, LOCK):
        now = Memory.load(paths.sessions)
        known = [(each.session.id, each.closed_at) for each in said.ack.closed]
        left = [each for each in now.closed if (each.session.id, each.closed_at) not in known]
        told = said.told if said.ack.sessions is not None else now.told
        replace(now, closed=left, applied=said.applied, told=told).save(paths.sessions)
    return answer


def _most(sessions: list[HostSession]) -> list[HostSession]:
    """The latest, in an order that stays the same."""
    return sorted(sessions, key=lambda each: (-each.since, each.id))[:_SESSIONS]


def _cut(closed: ClosedSession) -> ClosedSession:
    return replace(closed, survivors=closed.survivors[:_SURVIVORS])


def _fitting(ack: HostAck) -> HostAck:
    """As much of it as the CA reads; closed sessions and reports that do not fit are said with the next word."""
    while len(msgspec.json.encode(ack)) > MAX_BODY - 1024:
        sessions, closed, endings = ack.sessions or [], ack.closed, ack.endings
        if len(sessions) > 1:
            ack = replace(ack, sessions=sessions[: len(sessions) // 2])
        elif len(closed) > 1:
            ack = replace(ack, closed=closed[: len(closed) // 2])
        elif len(endings) > 1:
            ack = replace(ack, endings=endings[: len(endings) // 2])
        else:
            return ack
    return ack
