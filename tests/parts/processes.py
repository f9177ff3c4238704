"""Ports, folders and processes of the tests' servers."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

__all__ = ["free_port", "safe_directory", "stop", "wait_until"]


def free_port() -> int:
    """A loopback TCP port that was free a moment ago."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return int(probe.getsockname()[1])


@contextmanager
def safe_directory() -> Iterator[Path]:
    """A folder that nobody else can write to, all the way up: sshd's StrictModes refuses anything under /tmp."""
    above = Path("/var/lib") if os.geteuid() == 0 else Path.home() / ".cache"
    above.mkdir(parents=True, exist_ok=True)
    directory = Path(tempfile.mkdtemp(prefix="daypass-test-", dir=above))
    directory.chmod(0o755)
    try:
        yield directory
    finally:
        shutil.rmtree(directory, ignore_errors=True)


def wait_until(ready: Callable[[], bool], what: str, *, seconds: float = 30.0) -> None:
    """Look every 10 ms; raises TimeoutError that says `what` did not happen."""
    end = time.monotonic() + seconds
    while not ready():
        if time.monotonic() > end:
            raise TimeoutError(f"{what}: not within {seconds:g} s")
        time.sleep(0.01)


def stop(process: subprocess.Popen[bytes], *, seconds: float = 5.0) -> None:
    """End this one process, gently first."""
    if process.poll() is None:
        process.terminate()
    try:
        process.wait(seconds)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
    for pipe in (process.stdin, process.stdout, process.stderr):
        if pipe is not None:
            pipe.close()
