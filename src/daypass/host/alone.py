"""One at a time: what changes this host's files holds a lock, so that no sync comes between an enrolment's steps."""

from __future__ import annotations

import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from daypass.errors import Conflict
from daypass.host import files
from daypass.host.settings import Paths

__all__ = ["BUSY", "alone", "in_turn", "only_agent"]

BUSY = "host.busy"


@contextmanager
def alone(paths: Paths, *, patience: float = 0.0) -> Iterator[None]:
    """The lock is the kernel's: it goes with the process that holds it. Raises Conflict where another has it for
    longer than `patience` seconds."""
    with _held(paths, paths.lock, patience, "another sync or enrolment is running on this host"):
        yield


@contextmanager
def only_agent(paths: Paths) -> Iterator[None]:
    """Conflict where an agent runs already: two would only be in each other's way."""
    with _held(paths, paths.agent_lock, 0.0, "another daypass host run is at work on this host"):
        yield


@contextmanager
def in_turn(paths: Paths, name: str) -> Iterator[None]:
    """Waits for whoever has the lock of this name, as long as it takes."""
    lock = paths.memory / name
    files.check(lock)
    descriptor = os.open(lock, os.O_WRONLY | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


@contextmanager
def _held(paths: Paths, lock: Path, patience: float, what: str) -> Iterator[None]:
    files.check(paths.memory)
    files.check(lock)
    descriptor = os.open(lock, os.O_WRONLY | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    try:
        if not _locked(descriptor, patience):
            raise Conflict(what, code=BUSY, hint="wait until it is done")
        yield
    finally:
        os.close(descriptor)


def _locked(descriptor: int, patience: float) -> bool:
    end = time.monotonic() + patience
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() >= end:
                return False
            time.sleep(0.1)
        else:
            return True
