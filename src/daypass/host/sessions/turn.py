"""Once through the open sessions: see who has come and gone, end those that are to end, and remember it.

    read     the journal on from where it was read last
    shout    where somebody came in by break-glass
    judge    by the KRL that sshd reads, and the bundle whose signature holds
    mark     which are to end and why is on the disk before: whoever is killed in the middle of it has said so
    end      all of them at once; what stays of one is tried again at the next turn
    write    what has been closed waits here until the CA has heard of it

A login that was in the middle of sshd when a list came is met by the next turn.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, field

from msgspec.structs import replace

from daypass.api import ClosedSession, HostBundle
from daypass.errors import DaypassError
from daypass.host.alone import in_turn
from daypass.host.documents import Documents
from daypass.host.logins import Login
from daypass.host.noise import alarm
from daypass.host.sessions.due import ends, revoked, with_end
from daypass.host.sessions.ending import end_all
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
        before, said, came = Memory.load(paths.sessions), list[str](), list[Login]()
        seen = look(paths, before, now, said, came)
        alarm(paths, came)
        bundle, krl = _in_force(paths)
        after, closed = seen, _ended_before(before, seen)
        if bundle is not None:
            known = [replace(each, session=with_end(each.session, bundle)) for each in seen.sessions]
            reasons = _reasons(known, bundle, krl, now, said)
            marked = replace(seen, sessions=[replace(each, why=reasons.get(each.session.id, "")) for each in known])
            if marked.sessions != seen.sessions and reasons:
                _save(marked, paths, said)
            after, ended = _ended(marked, said)
            closed += ended
        after = replace(after, closed=[*after.closed, *closed][-_WAITING:])
        if worth_writing(before, after):
            _save(after, paths, said)
        return Turned(after, closed, said)


def _ended_before(before: Memory, seen: Memory) -> list[ClosedSession]:
    """Those that were on their way when whoever ended them was ended. What was left of others has been said."""
    here = {each.session.id for each in seen.sessions}
    gone = [each for each in before.sessions if each.why and each.stuck is None and each.session.id not in here]
    return [ClosedSession(session=each.session, closed_at=time.time(), reason=each.why) for each in gone]


def _save(memory: Memory, paths: Paths, said: list[str]) -> None:
    """A full disk ends nobody's end."""
    try:
        memory.save(paths.sessions)
    except OSError as error:
        said.append(f"{paths.sessions} is not written: {error.strerror or error}")


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


def _ended(seen: Memory, said: list[str]) -> tuple[Memory, list[ClosedSession]]:
    staying, closed = [each for each in seen.sessions if not each.why], list[ClosedSession]()
    ending = [each for each in seen.sessions if each.why]
    for each, left in zip(ending, _end(ending, said), strict=True):
        if left is None:
            staying.append(each)
            continue
        if left != each.stuck:
            closed.append(ClosedSession(session=each.session, closed_at=time.time(), reason=each.why, survivors=left))
        if left:
            staying.append(replace(each, stuck=left))
    return replace(seen, sessions=staying), closed


def _end(ending: Sequence[Open], said: list[str]) -> list[list[str] | None]:
    """What is left of each; None where it could not be tried."""
    found = end_all([(each.trace, each.why) for each in ending]) if ending else []
    for each, left in zip(ending, found, strict=True):
        if isinstance(left, DaypassError):
            said.append(f"the session {each.session.id} of {each.session.account} is not ended: {left.message}")
    return [None if isinstance(left, DaypassError) else left for left in found]
