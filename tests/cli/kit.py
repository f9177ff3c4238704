"""A CA in a folder, driven by its commands, with a terminal or without."""

from __future__ import annotations

import os
import pty
import select
import subprocess
import sys
from pathlib import Path

import pytest

from daypass.cli.main import main

PATIENCE = 120  # seconds
TRIAL = ["--url", "https://localhost:8443", "--host-domain", "*.test.example", "--no-passphrase"]


class Admin:
    """One CA in a folder, and the command line on it."""

    def __init__(self, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
        self.folder = folder
        self.config = folder / "daypass.toml"
        self._capsys = capsys

    def __call__(self, *arguments: str) -> tuple[int, str, str]:
        """Exit code, stdout, stderr."""
        self._capsys.readouterr()
        code = main([*arguments, "--config", str(self.config)])
        out, err = self._capsys.readouterr()
        return code, out, err

    def add(self, text: str) -> None:
        self.config.write_text(self.config.read_text() + text)


def on_terminal(*arguments: str) -> tuple[subprocess.Popen[bytes], int]:
    command = [sys.executable, "-m", "daypass.cli.main", *arguments]
    terminal, far_side = pty.openpty()
    process = subprocess.Popen(command, stdin=far_side, stdout=far_side, stderr=far_side, start_new_session=True)
    os.close(far_side)
    return process, terminal


def converse(process: subprocess.Popen[bytes], terminal: int, answers: dict[str, str], until: str = "") -> str:
    """Answer each question once, as it is asked; everything shown until the process ends, by TERM after `until`.

    A process that says nothing for `PATIENCE` is ended: a test fails, and the others go on.
    """
    waiting, shown, unanswered = dict(answers), "", 0
    while True:
        if not select.select([terminal], [], [], PATIENCE)[0]:
            process.kill()
            raise AssertionError(f"nothing more came after: {shown}")
        try:
            chunk = os.read(terminal, 4096)
        except OSError:  # the child has closed its side
            chunk = b""
        if not chunk:
            os.close(terminal)
            assert not waiting, shown
            return shown
        shown += chunk.decode()
        if until and until in shown:
            process.terminate()
        for question in [each for each in waiting if each in shown[unanswered:]]:
            unanswered = len(shown)
            os.write(terminal, waiting.pop(question).encode() + b"\n")
