"""What people give to commands about files: passphrases, on the terminal or in a file of their own; and times."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import TypeVar

import click

from daypass.cli.output import printable
from daypass.errors import Invalid

__all__ = ["from_now", "new_passphrase", "opened"]

_Key = TypeVar("_Key")
_MAX_SPAN = 400 * 86400  # seconds


def new_passphrase(path: Path, no_password: bool, file: Path | None) -> bytes | None:
    """For a key that is to be written to `path`; None for none. Asked twice. Raises UsageError without a terminal."""
    if no_password:
        return None
    from daypass.client.files.keyfiles import check_encryption

    if file is None and not (sys.stdin.isatty() and sys.stderr.isatty()):
        raise click.UsageError("there is no terminal to ask for a passphrase on: --password-file or --no-password")
    check_encryption()
    if file is not None:
        return _in_file(file)
    question = f"Passphrase for {path} (empty: none)"
    answer: str = click.prompt(question, default="", show_default=False, hide_input=True, err=True)
    if answer and answer != click.prompt("The same again", default="", show_default=False, hide_input=True, err=True):
        raise click.UsageError("the two passphrases differ")
    return answer.encode() or None


def opened(path: Path, file: Path | None, load: Callable[[Path, bytes | None], _Key]) -> tuple[_Key, bytes | None]:
    """The key that `load` makes of `path` and a passphrase, and that passphrase; asked for if there is need."""
    given = _in_file(file) if file else None
    try:
        return load(path, given), given
    except Invalid as error:
        if error.code != "key.locked" or given is not None or not sys.stdin.isatty():
            raise
    answer: str = click.prompt(f"Passphrase of {path}", default="", show_default=False, hide_input=True, err=True)
    return load(path, answer.encode()), answer.encode()


def _in_file(path: Path) -> bytes:
    from daypass.signers.passphrase import read_passphrase

    return read_passphrase(path)


def from_now(option: str, text: str | None) -> int | None:
    """Seconds from now of `2h`, or of a moment as RFC 3339 writes it."""
    from daypass.client.files.due import parse_span

    if text is None:
        return None
    try:
        seconds = datetime.fromisoformat(text).timestamp() - time.time() if "T" in text else parse_span(text)
    except (ValueError, Invalid) as error:
        hint = "write it like 8h, 1h15m, or 2026-11-24T18:00:00+01:00"
        raise Invalid(f"{option} {printable(text[:40])} is no time", code="time", hint=hint) from error
    if abs(seconds) > _MAX_SPAN:
        raise Invalid(f"{option} {text} is too far from now", code="time")
    return round(seconds)
