"""`daypass ca trust`: the offline root signs what the configuration now says."""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from daypass.cli.admin_options import Where, json_option, where_options
from daypass.cli.output import data, good, json_data, note, show_hint

if TYPE_CHECKING:
    from daypass.ca.ports import Signer

__all__ = ["confirm", "open_root", "trust", "trust_root_options"]


def trust_root_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """--trust-root, --passphrase-file and --yes."""
    for option in (
        click.option("--yes", is_flag=True, help="Sign without asking."),
        click.option(
            "--passphrase-file", type=click.Path(path_type=Path), help="What the offline root is encrypted with."
        ),
        click.option(
            "--trust-root",
            type=click.Path(path_type=Path, dir_okay=False),
            help="The offline root's private key; offline/trust_root beside the configuration unless told.",
        ),
    ):
        command = option(command)
    return command


@click.command(
    epilog="""\b
Examples:
  sudo daypass ca trust      after a change of [hosts] or [[keys]]
  sudo daypass ca trust --trust-root /media/offline/trust_root \\
      --passphrase-file /root/passphrase
  sudo daypass ca trust --yes && sudo daypass ca reload

Laptops and hosts believe no key and no host name that this document does not hold."""
)
@where_options
@trust_root_options
@json_option
def trust(where: Where, trust_root: Path | None, passphrase_file: Path | None, yes: bool, as_json: bool) -> None:
    """Sign the next trust document: keys, roots, names of hosts."""
    from daypass.founding.trust import changes, describe, read_trust, replace_trust

    config, now = where.load(), int(time.time())
    current = read_trust(config.ca.trust)
    before = current.document
    following = describe(config, current.ca_id, version=before.version + 1, now=now, before=before)
    found = changes(current.document, following)
    if not found:
        _tell(current.document.version, found, as_json)
        return
    confirm(found, yes)
    signer = open_root(where, trust_root, passphrase_file)
    asyncio.run(replace_trust(config, current, following, signer, now))
    _tell(following.version, found, as_json)


def confirm(found: Sequence[str], yes: bool, question: str = "Sign this?") -> None:
    """Show it, and ask; where nobody can be asked, only `yes` goes on."""
    for line in found:
        note(f"  {line}")
    if yes:
        return
    if not sys.stdin.isatty():
        raise click.UsageError("there is no terminal to ask on: look at the changes, then give --yes")
    click.confirm(question, abort=True, err=True)


def open_root(where: Where, trust_root: Path | None, passphrase_file: Path | None) -> Signer:
    """The offline root. Raises Misconfigured where it is not there, or can't be opened."""
    from daypass.signers.file import FileSigner

    path = trust_root or where.file.parent / "offline/trust_root"
    return FileSigner.load(path, _passphrase(path, passphrase_file))


def _passphrase(key: Path, file: Path | None) -> bytes | None:
    from daypass.signers.passphrase import is_locked, read_passphrase

    if file is not None:
        return read_passphrase(file)
    if not is_locked(key) or not sys.stdin.isatty():
        return None
    answer: str = click.prompt("Passphrase of the offline root", hide_input=True, err=True)
    return answer.encode()


def _tell(version: int, found: Sequence[str], as_json: bool) -> None:
    if as_json:
        json_data({"version": version, "changed": bool(found), "changes": list(found)})
    elif not found:
        data(f"nothing changed: version {version} of the trust document says what the configuration does")
    else:
        data(f"version {version} of the trust document is in place")
        note(good("people's laptops take it at their next login"))
    if found:
        show_hint(
            "put it on every machine of this CA: it counts there at once (new keys, when daypass ca serve starts "
            "next); take the offline root away again, then: daypass ca reload"
        )
