"""Once through the open sessions: see who has come and gone, end those that are to end, and remember it.

    read     the journal on from where it was read last
    judge    by the KRL that sshd reads, and the bundle whose signature holds
    end      one after the other, each on its own; what stays of one is tried again at the next turn
    write    what has been closed waits here until the CA has heard of it

A login that was in the middle of sshd when a list came is met by the next turn.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, field

from msgspec.structs import replace

from daypass.api import ClosedSession, HostBundle
from daypass.errors import DaypassError
from daypass.host.alone import in_turn
from daypass.host.documents import Documents
from daypass.host.sessions.due import ends, revoked, with_end
from daypass.host.sessions.ending import end
from daypass.host.sessions.memory import Memory, Open, look, worth_writing
from daypass.host.settings import Paths
from daypass.host.state import State
from daypass.times import moment

__all__ = ["LOCK", "Turned", "told_of", "turn"]

LOCK = "sessions.lock"
_WAITING = 500  # closed sessions that the CA has not heard of


@dataclass(frozen=True, slots=True)
class Turned:
    """`closed`: by this turn; `said`: what went wrong."""

    memory: Memory
    closed: list[ClosedSession] = field(default_factory=list)
    said: list[str] = field(default_factory=list)

    @property
    def next_end(self) -> int:
        """When the next session is to end, unix seconds; 0 for never."""
        return min((each.session.end for each in self.memory.sessions if each.session.end), default=0)


def turn(paths: Paths, now: float) -> Turned:
    """Raises any of the error tree, and OSError, where it can't be looked at; then nothing has been ended."""
    with in_turn(paths, LOCK):
        before = Memory.load(paths.sessions)
        seen, said = look(paths, before, now), list[str]()
        bundle, krl = _in_force(paths)
        if bundle is not None:
            known = [replace(each, session=with_end(each.session, bundle)) for each in seen.sessions]
            seen = replace(seen, sessions=known)
            reasons = _reasons(known, bundle, krl, now, said)
            after, closed = _ended(seen, reasons, said)
        else:
            after, closed = seen, []
        if worth_writing(before, after):
            after.save(paths.sessions)
        return Turned(after, closed, said)


def told_of(closed: ClosedSession) -> str:
    """In one line, for the journal."""
    session = closed.session
    who = f"{session.key_id or session.way} as {session.account} since {moment(session.since)}"
    left = f"; left: {', '.join(closed.survivors)}" if closed.survivors else ""
    return f"session of {who} ended: {closed.reason}{left}"


def _in_force(paths: Paths) -> tuple[HostBundle | None, bytes]:
    """The bundle kept here, if its signature holds, and the list that sshd reads."""
    state = State.load(paths.state)
    kept = Documents.load(paths, state) if state is not None else None
    return (kept.bundle, paths.krl.read_bytes()) if kept is not None else (None, b"")


def _reasons(known: list[Open], bundle: HostBundle, krl: bytes, now: float, said: list[str]) -> dict[str, str]:
    """Session to why it ends now."""
    found = dict[str, str]()
    for each in known:
        due = ends(each.session, bundle)
        if due is not None and due.at <= now:
            found[each.session.id] = due.why
    try:
        gone = revoked([each.session for each in known], krl, bundle.spared)
    except DaypassError as error:
        said.append(f"sessions of revoked certificates are not ended: {error.message}")
        return found
    return found | dict.fromkeys(gone, "the certificate it came by was revoked")


def _ended(seen: Memory, reasons: dict[str, str], said: list[str]) -> tuple[Memory, list[ClosedSession]]:
    staying, closed = list[Open](), list[ClosedSession]()
    for each in seen.sessions:
        why = reasons.get(each.session.id)
        left = None if why is None else _end(each, why, said)
        if why is None or left is None:
            staying.append(each)
            continue
        if left != each.stuck:
            done = ClosedSession(session=each.session, closed_at=time.time(), reason=why, survivors=left)
            closed.append(done)
        if left:
            staying.append(replace(each, stuck=left))
    waiting = [*seen.closed, *closed][-_WAITING:]
    return replace(seen, sessions=staying, closed=waiting), closed


def _end(each: Open, why: str, said: list[str]) -> list[str] | None:
    """What is left of it; None where it could not be tried."""
    try:
        return end(each.trace, why)
    except (DaypassError, OSError) as error:
        words = error.message if isinstance(error, DaypassError) else error.strerror or str(error)
        said.append(f"the session {each.session.id} of {each.session.account} is not ended: {words}")
        return None
