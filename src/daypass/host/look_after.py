"""What `host sync` does beside asking: sessions that are to end, and the host's word of them. The agent does it in a
thread of its own (`run.watch`)."""

from __future__ import annotations

from daypass.api import ClosedSession
from daypass.errors import DaypassError, NotFound
from daypass.host.acking import Ca, acknowledge
from daypass.host.sessions.turn import turn
from daypass.host.settings import Paths

__all__ = ["end_sessions", "say"]


def end_sessions(paths: Paths, now: float) -> tuple[list[ClosedSession], list[str]]:
    """The sessions that this has ended, and what went wrong."""
    try:
        turned = turn(paths, now)
    except (DaypassError, OSError) as error:
        return [], [f"sessions can't be looked at: {_words(error)}"]
    return turned.closed, turned.said


def say(paths: Paths, ca: Ca) -> list[str]:
    """Why the CA has not heard it, if it has not; it is said again next time."""
    try:
        acknowledge(paths, ca)
    except NotFound:  # a CA from before it heard such words
        return []
    except (DaypassError, OSError) as error:
        return [f"the CA has not heard what is in force: {_words(error)}"]
    return []


def _words(error: DaypassError | OSError) -> str:
    return error.message if isinstance(error, DaypassError) else str(error)
