"""Beside the stream: who is on this host, whose time is over, and the host's word to its CA.

In a thread of its own, since the end of a session that will not end takes seconds, and so may the call that tells of
it: the next list of what is revoked waits for neither. All that it knows is on the disk; a stop in the middle of it
loses nothing.

A turn is due when something came from the CA, a moment later once more (a login may have been in the middle of sshd),
when the next session is over, and from time to time.
"""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from daypass.errors import DaypassError, NotFound
from daypass.host.acking import Ca, acknowledge
from daypass.host.run.pace import BackOff
from daypass.host.run.voice import Level, Voice
from daypass.host.sessions.turn import Turned, told_of, turn
from daypass.host.settings import Paths
from daypass.host.state import State

__all__ = ["Watch"]

_EVERY, _AGAIN, _SOONEST = 10.0, 1.5, 0.2  # seconds between two turns; after a word; at least
_MOST_WITHIN = 60.0  # a CA can't put a host's word off for longer


@dataclass
class Watch:
    """`connect` gives a line to the CA of this state; `wall` and `clock` (monotonic) are a test's to replace."""

    paths: Paths
    voice: Voice
    connect: Callable[[State], Ca]
    wall: Callable[[], float] = time.time
    clock: Callable[[], float] = time.monotonic
    _woken: threading.Event = field(default_factory=threading.Event, init=False)
    _again: bool = field(default=False, init=False)
    _say_at: float = field(default=0.0, init=False)
    _tries: BackOff = field(default_factory=lambda: BackOff(10.0, 300.0), init=False)

    def start(self) -> None:
        threading.Thread(target=self._run, name="sessions", daemon=True).start()

    def wake(self, within: float = 0.0) -> None:
        """Something came into force; the CA wants to hear of it at a random moment within so many seconds."""
        self._say_at = self.clock() + random.uniform(0, min(max(within, 0.0), _MOST_WITHIN))  # noqa: S311
        self._tries.well()
        self._woken.set()

    def step(self) -> float:
        """One turn; how long until the next."""
        again, self._again = self._woken.is_set(), False
        self._woken.clear()
        turned = self._turned()
        self._say()
        waits = [_EVERY, _AGAIN if again else _EVERY]
        if turned is not None and turned.next_end:
            waits.append(turned.next_end - self.wall())
        if self._say_at > self.clock():
            waits.append(self._say_at - self.clock())
        return max(_SOONEST, min(waits))

    def _run(self) -> None:
        while True:
            self._woken.wait(self.step())

    def _turned(self) -> Turned | None:
        try:
            turned = turn(self.paths, self.wall())
        except (DaypassError, OSError) as error:
            self.voice.complain("sessions", Level.WARNING, f"sessions can't be looked at: {_words(error)}")
            return None
        for each in turned.closed:
            self.voice.say(Level.WARNING if each.survivors else Level.NOTICE, told_of(each))
        for said in turned.said:
            self.voice.complain(f"sessions {said}", Level.WARNING, said)
        self.voice.over("sessions")
        return turned

    def _say(self) -> None:
        if self.clock() < self._say_at:
            return
        try:
            state = State.load(self.paths.state)
            if state is not None:
                heard = acknowledge(self.paths, self.connect(state))
                self._say_at = self.clock() + min(heard.again if heard else 0.0, _MOST_WITHIN)
        except NotFound:  # a CA from before it heard such words
            self._say_at = self.clock() + 3600
        except (DaypassError, OSError) as error:
            self._say_at = self.clock() + self._tries.next(getattr(error, "retry_after", None))
            self.voice.complain("ack", Level.NOTICE, f"the CA has not heard what is in force: {_words(error)}")
        else:
            self._tries.well()
            self.voice.over("ack")


def _words(error: DaypassError | OSError) -> str:
    return error.message if isinstance(error, DaypassError) else error.strerror or type(error).__name__
