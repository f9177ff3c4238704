"""Asking the person at their terminal, whatever stdin and stdout are connected to."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable

from daypass.errors import Unavailable

__all__ = ["Ask", "asker", "no_terminal"]

Ask = Callable[[str, bool], str]
"""(prompt, whether what is typed is shown) to the line that was typed, without its end."""

_TTY = "/dev/tty"
_LONGEST = 511  # bytes that PAM takes


def asker() -> Ask | None:
    """None where there is nobody to ask."""
    if sys.platform == "win32":
        return _ask if sys.stdin is not None and sys.stdin.isatty() else None
    try:
        os.close(os.open(_TTY, os.O_RDWR | os.O_NOCTTY))
    except OSError:
        return None
    return _ask


def no_terminal() -> Unavailable:
    return Unavailable(
        "this sign-in asks for a password, and there is no terminal to ask at",
        code="pam.terminal",
        hint="run it in a terminal: daypass login",
    )


def _ask(prompt: str, shown: bool) -> str:
    """Raises Unavailable where the person has closed the line (Ctrl-D)."""
    plain = "".join(each if each.isprintable() else "\ufffd" for each in prompt)
    try:
        line = _shown(plain) if shown else _hidden(plain)
    except EOFError as error:
        hint = "sign in again: daypass login"
        raise Unavailable("the line was closed before an answer", code="pam.closed", hint=hint) from error
    except OSError as error:
        raise no_terminal() from error
    if len(line.encode("utf-8", "replace")) > _LONGEST:
        raise Unavailable("that is longer than any password can be", code="pam.answers", hint="try again")
    return line


def _hidden(prompt: str) -> str:
    """Echo off, and on again after Ctrl-C, too."""
    import getpass

    return getpass.getpass(prompt)


def _shown(prompt: str) -> str:
    if sys.platform == "win32":
        return input(prompt)
    with open(os.open(_TTY, os.O_RDWR | os.O_NOCTTY), "r+b", buffering=0) as tty:  # noqa: PTH123
        tty.write(prompt.encode("utf-8", "replace"))
        line = tty.readline(4096)
    if not line:
        raise EOFError
    return line.decode("utf-8", "surrogateescape").rstrip("\r\n")
