"""systemd's side of a service: sd_notify(3), and a stop that comes between two acts and never within one."""

from __future__ import annotations

import os
import select
import signal
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from types import FrameType

__all__ = ["Stopped", "Stops", "notify", "watchdog_seconds"]


def notify(*lines: str) -> None:
    """`READY=1`, `STATUS=…`, `WATCHDOG=1`, `STOPPING=1`. Nothing where no systemd waits for it."""
    address = os.environ.get("NOTIFY_SOCKET", "")
    if not address.startswith(("/", "@")):
        return
    with suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as line:
        line.connect("\0" + address[1:] if address.startswith("@") else address)
        line.sendall("\n".join(lines).encode())


def watchdog_seconds() -> float:
    """How often systemd wants to hear from us, at least; 0 where it does not."""
    value = os.environ.get("WATCHDOG_USEC", "")
    return int(value) / 1e6 if value.isascii() and value.isdigit() else 0.0


class Stopped(Exception):
    """SIGTERM or SIGINT came."""


class Stops:
    """Takes SIGTERM and SIGINT. They interrupt what stands in `waiting`, and wait for the end of everything else."""

    def __init__(self) -> None:
        self._asked = self._waits = False

    def listen(self) -> None:
        for each in (signal.SIGTERM, signal.SIGINT):
            signal.signal(each, self._stop)

    @contextmanager
    def waiting(self) -> Iterator[None]:
        """Raises Stopped, at once where it was asked for before."""
        self._waits = True
        try:
            self.check()
            yield
        finally:
            self._waits = False

    def check(self) -> None:
        if self._asked:
            raise Stopped

    def pause(self, seconds: float, *, alive: float = 30.0) -> None:
        """Sleep. systemd's watchdog is told every `alive` seconds; the monotonic clock counts, whatever is set."""
        end = time.monotonic() + seconds
        with self.waiting():
            while (left := end - time.monotonic()) > 0:
                notify("WATCHDOG=1")
                select.select([], [], [], min(left, alive))

    def _stop(self, _number: int, _frame: FrameType | None) -> None:
        self._asked = True
        if self._waits:
            raise Stopped
