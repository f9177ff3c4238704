"""Asking at the terminal: what is typed is shown as the prompt says, and where there is none nobody waits."""

from __future__ import annotations

import os
import pty
import sys
import termios

import pytest

from daypass.client.signin import terminal
from daypass.errors import Unavailable

_ASK = """\
import sys
from daypass.client.signin.terminal import asker
ask = asker()
sys.stdout.write("<" + ask("Code\\x1b[2J: ", sys.argv[1] == "shown") + ">\\n")
"""


def asked(how: str, typed: bytes) -> str:
    """All that the terminal shows."""
    number, line = pty.fork()
    if number == 0:
        os.execv(sys.executable, [sys.executable, "-c", _ASK, how])  # noqa: S606
    shown = b""
    while b": " not in shown:
        shown += os.read(line, 1024)
    if how == "hidden":
        while termios.tcgetattr(line)[3] & termios.ECHO:
            pass  # echo goes off before the prompt comes
    os.write(line, typed)
    while True:
        try:
            part = os.read(line, 1024)
        except OSError:  # the other end is closed
            break
        if not part:
            break
        shown += part
    os.waitpid(number, 0)
    os.close(line)
    return shown.decode()


def test_what_is_secret_is_not_shown_as_it_is_typed() -> None:
    text = asked("hidden", b"correct horse\n")
    assert text.count("correct horse") == 1 and "<correct horse>" in text


def test_what_is_no_secret_is_shown() -> None:
    text = asked("shown", b"123456\n")
    assert text.count("123456") == 2 and "<123456>" in text


@pytest.mark.parametrize("how", ["shown", "hidden"])
def test_a_prompt_does_nothing_to_the_terminal(how: str) -> None:
    assert "\x1b" not in asked(how, b"x\n")


@pytest.mark.parametrize("how", ["shown", "hidden"])
def test_a_person_who_closes_the_line_has_not_answered(how: str) -> None:
    told = asked(how, b"\x04")
    assert "closed before an answer" in told and "no terminal" not in told


def test_without_a_terminal_nobody_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(terminal, "_TTY", "/nonexistent")
    assert terminal.asker() is None
    assert isinstance(terminal.no_terminal(), Unavailable)
