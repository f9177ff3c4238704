"""What tests started and did not end: every process carries its run and its test in its environment."""

from __future__ import annotations

import os
from pathlib import Path

__all__ = ["left_running", "mark_run"]

_RUN = "TESTS_OF_RUN"


def mark_run() -> bool:
    """Have all that is started from now on carry this run; false in a process of a run, which carries it already."""
    if _RUN in os.environ:
        return False
    os.environ[_RUN] = str(os.getpid())
    return True


def left_running() -> list[str]:
    """Each process of a test of this run, with that test (proc(5); pytest puts its name into the environment)."""
    run = f"{_RUN}={os.environ[_RUN]}".encode()
    found = list[str]()
    for process in Path("/proc").glob("[0-9]*"):
        try:
            words = (process / "environ").read_bytes().split(b"\0")
            command = (process / "cmdline").read_bytes().replace(b"\0", b" ")
        except OSError:
            continue  # it has ended, or is not ours
        test = next((word.partition(b"=")[2] for word in words if word.startswith(b"PYTEST_CURRENT_TEST=")), b"")
        if test and run in words and int(process.name) != os.getpid():
            found.append(f"{process.name} {command.decode(errors='replace')[:100]}, of {test.decode()}")
    return found
