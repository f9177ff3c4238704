"""`daypass host leave` and `daypass host prepare-image`: a server's certificates taken off it."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING

import click

from daypass.cli.host_options import host_paths, json_option, root_option, sshd_of, sshd_options
from daypass.cli.output import data, json_data, note, printable, show_hint
from daypass.errors import Invalid

if TYPE_CHECKING:
    from daypass.host.leave import Left
    from daypass.host.run.link import Link
    from daypass.host.settings import Paths
    from daypass.host.state import State

__all__ = ["leave", "prepare_image"]


@click.command(
    epilog="""\b
Examples:
  sudo daypass host leave
  sudo daypass host leave --force      everybody comes in by certificate

authorized_keys and whatever else was there go on working; sshd is tried, reloaded and looked at, and everything comes
back where it does not answer by its own key. Its certificates are revoked where the CA can be reached. Exit code 6:
this machine was not enrolled."""
)
@click.option("--force", is_flag=True, help="Also where nobody is known to come in otherwise.")
@click.option("--no-reload", is_flag=True, help="Leave the running sshd alone; it counts from its start.")
@root_option
@sshd_options
@json_option
def leave(
    force: bool, no_reload: bool, root: Path, sshd_config: Path | None, binary: Path | None, as_json: bool
) -> None:
    """Make this server what it was before it was enrolled."""
    from daypass.host.leave import leave as take_away

    paths = host_paths(root)
    sshd = sshd_of(paths, sshd_config, binary)
    if not force:
        _refuse_lock_out(paths)
    left = take_away(paths, sshd, with_reload=not no_reload, connect=_connected)
    if as_json:
        json_data({
            "name": left.name or None, "proven": left.proven, "service": left.service, "accounts": left.accounts,
            "revoked": not left.kept,
        })  # fmt: skip
    else:
        _show(left)


def _connected(state: State) -> Link:
    from daypass.host.run.link import Link

    return Link(state.url, "\n".join(state.roots))


def _refuse_lock_out(paths: Paths) -> None:
    """Where nothing is known of logins, nothing speaks against it."""
    from daypass.errors import DaypassError
    from daypass.host.leave import refuse_lock_out
    from daypass.host.tally import collect

    now = int(time.time())
    try:
        report = collect(paths, now)
    except (DaypassError, OSError):
        return
    refuse_lock_out(report, now)


def _show(left: Left) -> None:
    data(f"{printable(left.name) or 'this machine'} is enrolled no more")
    data("sshd answers by its own key alone" if left.proven else "no running sshd was touched")
    if left.accounts:
        note(f"accounts that daypass has made stay: {', '.join(left.accounts)}")
    if Path("/etc/cron.d/daypass").exists():
        note("daypass: warning: /etc/cron.d/daypass still asks the CA; take it away if it is yours")
    if not left.kept:
        data("its certificates are revoked, and its names are free")
        return
    note(f"daypass: warning: its certificates are not revoked: {printable(left.kept)}")
    show_hint(f"on the CA's machine: daypass host remove {printable(left.name) or 'NAME'} --reason 'it has left'")


@click.command(
    "prepare-image",
    epilog="""\b
Examples:
  sudo daypass host prepare-image --yes          then shut it down
  sudo daypass host prepare-image --root /mnt    an image that is mounted

Takes off what would make a copy pass for this machine: certificates, state, host keys, machine-id. sshd makes new
keys at the first boot. The service is gone, too: user data enrols each copy.""",
)
@click.option("--yes", is_flag=True, help="This machine, the running one, is to become an image.")
@root_option
@sshd_options
@json_option
def prepare_image(yes: bool, root: Path, sshd_config: Path | None, binary: Path | None, as_json: bool) -> None:
    """Take off this machine what no copy of it may have."""
    from daypass.host.image import prepare_image as prepare

    if root == Path("/") and not yes:
        raise Invalid(
            "this takes the host keys off the running machine",
            code="image.sure",
            hint="say --yes if it is to become an image, or name one that is mounted: --root DIR",
        )
    paths = host_paths(root)
    gone = prepare(paths, sshd_of(paths, sshd_config, binary))
    if as_json:
        json_data({"removed": [str(each) for each in gone]})
        return
    for each in gone:
        data(f"{each} {'emptied' if each.name == 'machine-id' and each.exists() else 'taken away'}")
    data("nothing of this machine is left that a copy may not have; now shut it down" if gone else "it was clean")
