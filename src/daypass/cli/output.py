"""How every command speaks: data on stdout, everything else on stderr, colour only where a person looks.

Imports nothing that costs start-up, since the commands a shell prompt runs come through here.
"""

from __future__ import annotations

import os
import sys

from daypass.times import duration, moment, utc

TYPE_CHECKING = False  # importing typing for it would cost more than all the rest
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import TextIO

    from daypass.errors import DaypassError

__all__ = [
    "bold",
    "counted",
    "data",
    "duration",
    "good",
    "json_data",
    "moment",
    "note",
    "printable",
    "show_error",
    "show_hint",
    "utc",
    "warn",
]

_BOLD, _RED, _GREEN, _CYAN = "1", "31;1", "32", "36"


def data(text: str) -> None:
    """One line, or several, of what was asked for."""
    _write(sys.stdout, text)


def json_data(value: Mapping[str, object] | Sequence[object]) -> None:
    """What was asked for, for a script: one JSON document, indented, keys in the order given."""
    import json

    _write(sys.stdout, json.dumps(value, indent=2))


def note(text: str) -> None:
    """A line for the person who watches; that nobody can is no reason to stop."""
    _tell(text)


def show_error(error: DaypassError) -> None:
    """`daypass: error: …` and, where there is one, `daypass: hint: …`."""
    _tell(f"daypass: {_paint('error:', _RED, sys.stderr)} {_indented(error.message)}")
    if error.hint:
        show_hint(error.hint)


def show_hint(text: str) -> None:
    """`daypass: hint: …`."""
    _tell(f"daypass: {_paint('hint:', _CYAN, sys.stderr)} {printable(text)}")


def counted(number: int, one: str, many: str = "") -> str:
    """`1 certificate`, `2 certificates`."""
    return f"{number} {one if number == 1 else many or one + 's'}"


def bold(text: str, stream: TextIO | None = None) -> str:
    """`text`, bold where `stream` (stderr unless told) shows it."""
    return _paint(text, _BOLD, stream or sys.stderr)


def good(text: str, stream: TextIO | None = None) -> str:
    """`text`, green where `stream` (stderr unless told) shows it."""
    return _paint(text, _GREEN, stream or sys.stderr)


def warn(text: str, stream: TextIO | None = None) -> str:
    """`text`, red where `stream` (stderr unless told) shows it."""
    return _paint(text, _RED, stream or sys.stderr)


def printable(text: str) -> str:
    """The text without what would move a terminal's cursor or forge a second line; others wrote parts of it."""
    return "".join(each if each.isprintable() else "\ufffd" for each in text)


def _paint(text: str, code: str, stream: TextIO | None) -> str:
    """In colour on a terminal, unless NO_COLOR is set to anything (https://no-color.org) or it is dumb."""
    if os.environ.get("NO_COLOR") or os.environ.get("TERM") == "dumb" or stream is None or not stream.isatty():
        return text
    return f"\x1b[{code}m{text}\x1b[0m"


def _indented(message: str) -> str:
    """Its first line, and those after it set in: none of them can pass for one of ours."""
    return "\n  ".join(printable(line.strip()) for line in message.split("\n"))


def _tell(text: str) -> None:
    try:
        _write(sys.stderr, text)
    except OSError:
        return


def _write(stream: TextIO | None, text: str) -> None:
    """A stream that was closed before we started is None; what its encoding lacks becomes a question mark."""
    if stream is None:
        return
    try:
        stream.write(text + "\n")
    except UnicodeEncodeError:
        stream.write(text.encode(stream.encoding, "replace").decode(stream.encoding) + "\n")
    stream.flush()
