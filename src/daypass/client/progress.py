"""A line for the person who waits: once something takes over a second, they are told whom it is waited for."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Iterator

__all__ = ["Progress"]

_QUIET_SECONDS = 1.0


class Progress:
    """`with progress.waiting("the CA at …"):` says "waiting for the CA at …" after a second, each line once."""

    def __init__(self, say: Callable[[str], None], quiet: float = _QUIET_SECONDS) -> None:
        self._say, self._quiet = say, quiet
        self._told: set[str] = set()

    @contextlib.contextmanager
    def waiting(self, whom: str) -> Iterator[None]:
        over = threading.Event()
        # Not a Timer: ending one takes a thread of its own, and this is done several times a login.
        timer = threading.Thread(target=self._tell, args=(whom, over), daemon=True)
        timer.start()
        try:
            yield
        finally:
            over.set()

    def _tell(self, whom: str, over: threading.Event) -> None:
        if not over.wait(self._quiet) and whom not in self._told:
            self._told.add(whom)
            self._say(f"waiting for {whom}")
