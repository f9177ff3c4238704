"""One at a time: what changes this host's files holds a lock, so that no sync comes between an enrolment's steps."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager

from daypass.errors import Conflict
from daypass.host import files
from daypass.host.settings import Paths

__all__ = ["alone"]


@contextmanager
def alone(paths: Paths) -> Iterator[None]:
    """The lock is the kernel's: it goes with the process that holds it. Raises Conflict where another has it."""
    files.check(paths.memory)
    files.check(paths.lock)
    descriptor = os.open(paths.lock, os.O_WRONLY | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    try:
        if not _locked(descriptor):
            what = "another sync or enrolment is running on this host"
            raise Conflict(what, code="host.busy", hint="wait until it is done")
        yield
    finally:
        os.close(descriptor)


def _locked(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
