"""`daypass host sync`: a server learns what has changed."""

from __future__ import annotations

import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import click

from daypass.cli.host_options import host_paths, json_option, root_option
from daypass.cli.output import data, json_data, moment, note, printable, utc

if TYPE_CHECKING:
    from daypass.host.settings import Paths
    from daypass.host.sync import Synced

__all__ = ["sync"]


@click.command(
    epilog="""\b
Examples:
  sudo daypass host sync
  sudo daypass host sync --json
  */5 * * * * root daypass host sync         in /etc/cron.d/daypass

Says nothing where nothing has changed. Exit code 0: this server goes by what its CA says now. 7: another sync is
running. Anything else: it goes by what it had, and nothing was changed."""
)
@root_option
@json_option
def sync(root: Path, as_json: bool) -> None:
    """Ask the CA who may log in here now."""
    synced = _synced(host_paths(root))
    if as_json:
        json_data(_facts(synced))
    else:
        _show(synced)


def _synced(paths: Paths) -> Synced:
    from daypass.host.state import State
    from daypass.host.sync import enrolled, sync_once
    from daypass.remote import Remote

    state: State = enrolled(paths)
    with Remote(state.url, "\n".join(state.roots)) as remote:
        return sync_once(paths, remote, time.time())


def _show(synced: Synced) -> None:
    """What was not done is said when something was, or to a person: cron is not to mail it every five minutes."""
    for path in synced.changed:
        data(f"{path} {'changed' if path.exists() else 'taken away'}")
    for what in ("made", "locked", "unlocked"):
        for login in getattr(synced, what):
            data(f"account {login} {what}")
    if synced.did_something or sys.stderr.isatty():
        for each in synced.said:
            note(f"daypass: warning: {printable(each)}")
        for name in synced.unknown:
            note(f"daypass: warning: there is no account {printable(name)} here, which a role names")
    if not synced.did_something and sys.stdout.isatty():
        data(f"nothing has changed; it holds until {moment(synced.state.bundle_expires)}")


def _facts(synced: Synced) -> dict[str, object]:
    state = synced.state
    return {
        "name": state.name, "bundle_version": state.bundle_version, "expires": utc(state.bundle_expires),
        "trust_version": state.trust_version, "krl_version": state.krl_version,
        "changed": [str(path) for path in synced.changed], "made": synced.made, "locked": synced.locked,
        "unlocked": synced.unlocked, "unknown_accounts": synced.unknown, "warnings": synced.said,
    }  # fmt: skip
