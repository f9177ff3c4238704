"""A running sshd is told to read its configuration again, and never ended by being told."""

from __future__ import annotations

import shutil
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from tests.parts.processes import stop, wait_until

from daypass.errors import Misconfigured
from daypass.host import reload
from daypass.host.reload import Running


@contextmanager
def _called_sshd(folder: Path, *arguments: str, program: str) -> Iterator[subprocess.Popen[bytes]]:
    """A process whose executable is named sshd."""
    executable = folder / "sshd"
    shutil.copy(shutil.which(program) or program, executable)
    before = signal.signal(
        signal.SIGHUP, signal.SIG_DFL
    )  # `ca serve` in this process ignores it, and children inherit
    process = subprocess.Popen([executable, *arguments], stdin=subprocess.PIPE)
    signal.signal(signal.SIGHUP, before)
    try:
        yield process
    finally:
        stop(process)


def test_a_hang_up_waits_until_sshd_catches_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """sshd says that it listens, and only then installs its handler; SIGHUP in between ends it: a lock-out."""
    monkeypatch.setattr(reload, "_PAUSES", (0.01, 0.02))
    with _called_sshd(tmp_path, "60", program="sleep") as process:
        with pytest.raises(Misconfigured, match="sshd ended while"):
            Running(pid=process.pid).reload()
        assert process.poll() is None


def test_a_hang_up_reaches_whoever_catches_it(tmp_path: Path) -> None:
    told = tmp_path / "told"
    script = f"trap 'echo told > {told}' HUP; echo > {tmp_path}/ready; while :; do read line; done"
    with _called_sshd(tmp_path, "-c", script, program="sh") as process:
        wait_until((tmp_path / "ready").exists, "the trap")
        Running(pid=process.pid).reload()
        assert process.stdin is not None
        process.stdin.close()
        wait_until(told.exists, "the hang-up")
        assert process.poll() != -signal.SIGHUP
