"""`daypass ca trust`: the offline root signs what the configuration now says."""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import click

from daypass.cli.admin_options import Where, json_option, where_options
from daypass.cli.output import data, good, json_data, note, show_hint

__all__ = ["trust"]


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
@click.option(
    "--trust-root",
    type=click.Path(path_type=Path, dir_okay=False),
    help="The offline root's private key; offline/trust_root beside the configuration unless told.",
)
@click.option("--passphrase-file", type=click.Path(path_type=Path), help="What the offline root is encrypted with.")
@click.option("--yes", is_flag=True, help="Sign without asking.")
@json_option
def trust(where: Where, trust_root: Path | None, passphrase_file: Path | None, yes: bool, as_json: bool) -> None:
    """Sign the next trust document: keys, roots, names of hosts."""
    from daypass.founding.trust import changes, describe, read_trust, replace_trust
    from daypass.signers.file import FileSigner

    config, now = where.load(), int(time.time())
    current = read_trust(config.ca.trust)
    following = describe(config, current.ca_id, version=current.document.version + 1, now=now)
    found = changes(current.document, following)
    if not found:
        _tell(current.document.version, found, as_json)
        return
    _confirm(found, yes)
    path = trust_root or where.file.parent / "offline/trust_root"
    signer = FileSigner.load(path, _passphrase(path, passphrase_file))
    asyncio.run(replace_trust(config, current, following, signer, now))
    _tell(following.version, found, as_json)


def _confirm(found: Sequence[str], yes: bool) -> None:
    for line in found:
        note(f"  {line}")
    if yes:
        return
    if not sys.stdin.isatty():
        raise click.UsageError("there is no terminal to ask on: look at the changes, then give --yes")
    click.confirm("Sign this?", abort=True, err=True)


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
