"""`daypass host rekey`: a server gets new host keys."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING

import click

from daypass.cli.host_options import host_paths, json_option, root_option
from daypass.cli.output import data, json_data, moment, note, printable, utc

if TYPE_CHECKING:
    from daypass.host.renewing import Renewed

__all__ = ["rekey"]


@click.command(
    epilog="""\b
Examples:
  sudo daypass host rekey
  sudo daypass host rekey --type ed25519
  sudo daypass host rekey --json

New keys get their certificates first, then take the old ones' places; sshd has to show them on a connection from
here, or everything goes back. Then the old certificates are revoked. Laptops that know this server by its certificate
see no change; whoever has pinned its plain key is told of another one. Connections that are open go on."""
)
@click.option(
    "--type", "kinds", type=click.Choice(["ed25519", "ecdsa", "rsa"]), multiple=True,
    help="Only the key of this type; again for more (default: every key that has a certificate).",
)  # fmt: skip
@root_option
@json_option
def rekey(kinds: tuple[str, ...], root: Path, as_json: bool) -> None:
    """Replace this server's host keys."""
    from daypass.host.leaving import give_up
    from daypass.host.renewing import rekey as new_keys
    from daypass.host.sync import enrolled
    from daypass.remote import Remote

    paths = host_paths(root)
    state = enrolled(paths)
    with Remote(state.url, "\n".join(state.roots)) as remote:
        renewed = new_keys(paths, remote, time.time(), kinds)
        for each in give_up(paths, remote):
            note(f"daypass: warning: {printable(each)}; it is tried again with every sync")
    _show(renewed, as_json)


def _show(renewed: Renewed, as_json: bool) -> None:
    state = renewed.state
    if as_json:
        json_data({
            "name": state.name, "replaced": [str(each) for each in renewed.replaced], "proven": renewed.proven,
            "expires": utc(state.expires), "serials": [each.serial for each in state.certificates],
        })  # fmt: skip
        return
    for path in renewed.replaced:
        data(f"{path} is new, with a certificate until {moment(state.expires)}")
    if renewed.proven:
        data(f"sshd presents {'them' if len(renewed.replaced) > 1 else 'it'}")
    else:
        data("no running sshd was touched; the new keys count when it next starts")
