"""The agent has another process look: a home that never answers, or many endings, keep no revocation waiting."""

from __future__ import annotations

import subprocess
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from daypass.errors import Unavailable
from daypass.host import service
from daypass.host.remains.work import due
from daypass.host.settings import Paths

__all__ = ["Worker"]

_LONGEST = 600.0  # seconds; the next one finds what is done, and does the rest
_FAILED = "what gone persons have left could not be looked at; daypass host remains --look says why"


def _command(paths: Paths) -> Sequence[str]:
    return [*service.program(), "host", "remains", "--look", "--root", str(paths.root)]


@dataclass
class Worker:
    """One process at a time. `done` is called when one has ended, by a thread of its own; `clock` is monotonic."""

    done: Callable[[], None] = lambda: None
    command: Callable[[Paths], Sequence[str]] = _command
    clock: Callable[[], float] = time.monotonic
    _running: subprocess.Popen[bytes] | None = field(default=None, init=False)
    _since: float = field(default=0.0, init=False)

    @property
    def idle(self) -> bool:
        """Whether nobody looks, as far as is known."""
        return self._running is None

    def turn(self, paths: Paths, now: float) -> str:
        """Begins a look where it is time for one. Why the last could not be done, "" where it could or goes on.

        Raises any of the error tree where the host's own files can't be read, or nobody can be sent.
        """
        said = self._ended()
        if self._running is None and due(paths, now):
            self._begin(self.command(paths))
        return said

    def wait(self) -> str:
        """Until the look that goes on is done; the same."""
        while self._running is not None:
            if said := self._ended():
                return said
            time.sleep(0.01)
        return ""

    def _begin(self, command: Sequence[str]) -> None:
        try:
            nothing = subprocess.DEVNULL
            running = subprocess.Popen(command, stdin=nothing, stdout=nothing)  # what goes wrong is in the journal
        except OSError as error:
            raise Unavailable(f"{command[0]} can't be run: {error.strerror}", code="host.tool") from error
        self._running, self._since = running, self.clock()
        threading.Thread(target=self._await, args=(running,), name="remains", daemon=True).start()

    def _await(self, running: subprocess.Popen[bytes]) -> None:
        running.wait()
        self.done()

    def _ended(self) -> str:
        if self._running is None:
            return ""
        if self.clock() - self._since > _LONGEST:
            self._running.kill()
        code = self._running.poll()
        if code is None:
            return ""
        self._running = None
        return "" if code == 0 else _FAILED
