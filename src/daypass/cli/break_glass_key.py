"""The offline break-glass key, as commands take it."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from daypass.errors import Invalid, Misconfigured

if TYPE_CHECKING:
    from daypass.signers.file import FileSigner
    from daypass.wire import PublicKey

__all__ = ["key_options", "open_key", "read_public"]

KEY = Path("/etc/daypass/offline/break_glass")


def key_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """--key and --passphrase-file."""
    for option in (
        click.option("--passphrase-file", type=click.Path(path_type=Path), help="What the key is encrypted with."),
        click.option(
            "--key", type=click.Path(path_type=Path), default=KEY, show_default=True, help="The offline key."
        ),
    ):
        command = option(command)
    return command


def open_key(key: Path, passphrase_file: Path | None) -> FileSigner:
    """Raises Misconfigured where it is not there, or can't be opened."""
    from daypass.signers.file import FileSigner
    from daypass.signers.passphrase import is_locked, read_passphrase

    if passphrase_file is not None:
        return FileSigner.load(key, read_passphrase(passphrase_file))
    if not is_locked(key) or not sys.stdin.isatty():
        return FileSigner.load(key, None)
    answer: str = click.prompt("Passphrase of the break-glass key", hide_input=True, err=True)
    return FileSigner.load(key, answer.encode())


def read_public(path: Path) -> PublicKey:
    """Raises Misconfigured for a file that can't be read, Invalid for what is no public key."""
    from daypass.wire import PublicKey

    try:
        return PublicKey.from_line(path.read_text(encoding="utf-8").strip())
    except (OSError, UnicodeDecodeError) as error:
        raise Misconfigured(f"{path} can't be read: {error}", code="break-glass.public") from error
    except Invalid as error:
        hint = "give the public half: FILE.pub"
        raise Invalid(f"{path} holds no public key", code="break-glass.public", hint=hint) from error
