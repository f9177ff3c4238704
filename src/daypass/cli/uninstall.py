"""`daypass uninstall`: nothing of it is left on this account."""

from __future__ import annotations

import shlex
import sys
from pathlib import Path

import click

from daypass.cli.context import confirm
from daypass.cli.options import root_option
from daypass.cli.output import data, note, show_hint

__all__ = ["uninstall"]


@click.command(
    epilog="""\b
Examples:
  daypass uninstall --dry-run    show what there is
  daypass uninstall              ask, then take it away

Logs you out everywhere, takes our lines out of ~/.ssh/config (the rest of it stays byte for byte), ends our own
ssh-agent, and removes our folder. Needs no network. The program itself is removed as it was installed."""
)
@click.option("--dry-run", is_flag=True, help="Show what would be taken away, change nothing.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@root_option
def uninstall(dry_run: bool, yes: bool, root: str) -> int:
    """Take everything of daypass off this account."""
    from daypass.client import uninstall as removal
    from daypass.client.settings import Settings

    settings = Settings.load(root)
    traces = removal.find(settings)
    if not traces:
        note("there is nothing of daypass on this account")
        return 1
    for company in traces.companies:
        data(f"company   {company}")
    if traces.changes_ssh:
        data(f"ssh       our lines in {settings.ssh_folder / 'config'}")
    for path in traces.paths:
        data(f"files     {path}")
    if dry_run:
        return 0
    confirm("take all of that away?", yes)
    removal.remove(settings)
    note("nothing of daypass is left on this account")
    show_hint(f"to remove the program: {_program()}")
    return 0


def _program() -> str:
    """As it was installed, as far as that can be seen from here."""
    prefix = Path(sys.prefix)
    if prefix.parent.name == "venvs" and prefix.parent.parent.name == "pipx":
        return f"pipx uninstall {prefix.name}"
    return shlex.join([sys.executable, "-m", "pip", "uninstall", "daypass"])
