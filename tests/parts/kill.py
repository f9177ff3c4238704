"""kill -9 at any write: every file of ours is synced before it is put in place, and its folder after."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from itertools import count

__all__ = ["killed_at"]


def killed_at(number: int, work: Callable[[], object]) -> bool:
    """Do `work` in a process that kills itself when it syncs for the `number`th time; false where it never does."""
    child = os.fork()
    if child == 0:
        try:
            _die_at(number)
            work()
        finally:
            os._exit(0)
    return os.WIFSIGNALED(os.waitpid(child, 0)[1])


def _die_at(number: int) -> None:
    real, calls = os.fsync, count(1)

    def fsync(descriptor: int) -> None:
        real(descriptor)
        if next(calls) == number:
            os.kill(os.getpid(), signal.SIGKILL)

    os.fsync = fsync  # type: ignore[assignment]
