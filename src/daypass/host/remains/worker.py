"""The agent has somebody else look: a home that never answers, or a mass of endings, keeps no revocation waiting."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable
from contextlib import suppress

from daypass.errors import DaypassError
from daypass.host.remains.work import due, look
from daypass.host.settings import Paths

__all__ = ["Worker"]

_LONGEST = 600.0  # seconds; whoever comes next finds what is done, and does the rest
_FAILED = "what gone persons have left could not be looked at; daypass host remains says why"


class Worker:
    """One process at a time. `clock` is monotonic."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock, self._pid, self._since = clock, 0, 0.0

    @property
    def idle(self) -> bool:
        """Whether nobody looks, as far as is known."""
        return self._pid == 0

    def turn(self, paths: Paths, now: float) -> str:
        """Begins a look where it is time for one. Why the last could not be done, "" where it could or goes on.

        Raises any of the error tree where the host's own files can't be read.
        """
        said = self._ended()
        if not self._pid and due(paths, now):
            self._pid, self._since = os.fork(), self._clock()
            if self._pid == 0:
                _work(paths, now)
        return said

    def wait(self) -> str:
        """Until the look that goes on is done; the same."""
        said = ""
        while self._pid:
            said = self._ended()
            time.sleep(0.01)
        return said

    def _ended(self) -> str:
        if not self._pid:
            return ""
        if self._clock() - self._since > _LONGEST:
            with suppress(ProcessLookupError):
                os.kill(self._pid, signal.SIGKILL)
        pid, status = os.waitpid(self._pid, os.WNOHANG)
        if pid == 0:
            return ""
        self._pid = 0
        return "" if status == 0 else _FAILED


def _work(paths: Paths, now: float) -> None:
    code = 1
    try:
        for each in (signal.SIGTERM, signal.SIGINT):
            signal.signal(each, signal.SIG_DFL)
        os.closerange(3, os.sysconf("SC_OPEN_MAX"))
        os.nice(5)
        look(paths, now)
        code = 0
    except (DaypassError, OSError):
        code = 1
    finally:
        os._exit(code)
