"""`daypass context`: the companies that are joined, and which one is in use."""

from __future__ import annotations

import sys
import time
from typing import TYPE_CHECKING, NamedTuple

import click

from daypass.cli.options import root_option
from daypass.cli.output import bold, data, duration, good, json_data, note, printable, utc
from daypass.errors import Misconfigured

if TYPE_CHECKING:
    from daypass.client.glance import Glance
    from daypass.client.settings import Context
    from daypass.client.trust import Membership

__all__ = ["context"]


@click.group(
    epilog="""\b
Examples:
  daypass context list
  daypass context use other
  daypass --help            every command of a person takes --context NAME

ssh needs none of this: it goes by the name of the host."""
)
def context() -> None:
    """See the companies you have joined, choose between them, leave one."""


@context.command(
    "list",
    epilog="""\b
Examples:
  daypass context list
  daypass context list --json | jq -r '.[] | select(.valid) | .name'""",
)
@click.option("--json", "as_json", is_flag=True, help="A JSON list on stdout.")
@root_option
def list_contexts(as_json: bool, root: str) -> int:
    """Show the companies you have joined, and what you hold there."""
    from daypass.client import contexts, glance
    from daypass.client.settings import Settings

    settings, now = Settings.load(root), time.time()
    current = settings.current()
    found = [_Row(*each, glance.look(str(each[0].folder)), each[0] == current) for each in contexts.joined(settings)]
    if as_json:
        json_data([_fields(row, now) for row in found])
        return 0
    width = max((len(row.where.name) for row in found), default=0)
    for row in found:
        _show(row, width, now)
    for overlap in contexts.overlaps(settings):
        note(f"{overlap.first} and {overlap.second} both claim {overlap.pattern}: ssh goes by {overlap.first}")
    if not found:
        note("no company joined; ask your operator for the line that starts: daypass bootstrap")
    return 0


@context.command(
    epilog="""\b
Examples:
  daypass context use other"""
)
@click.argument("name")
@root_option
def use(name: str, root: str) -> None:
    """Make NAME the company that commands are about."""
    from daypass.client import contexts
    from daypass.client.settings import Settings

    membership = contexts.use(Settings.load(root), name)
    note(f"{bold(name)} is in use: {printable(membership.ca_name)} at {membership.url}")


@context.command(
    epilog="""\b
Examples:
  daypass context remove other
  daypass context remove other --yes

Logs you out there, and takes away its roots and its part of ssh's configuration. To come back, you need your
operator's line again."""
)
@click.argument("name")
@click.option("--yes", is_flag=True, help="Do not ask.")
@root_option
def remove(name: str, yes: bool, root: str) -> int:
    """Leave the company NAME: forget everything about it."""
    from daypass.client import contexts
    from daypass.client.settings import Settings

    settings = Settings.load(root)
    settings.joined(name)
    confirm(f"leave {name} and forget its roots?", yes)
    given_up = contexts.remove(settings, name)
    note(f"left {name}{', and logged out there' if given_up.had_pass else ''}")
    current = settings.current()
    if current is not None:
        note(f"{bold(current.name)} is in use")
    return 0


def confirm(question: str, yes: bool) -> None:
    """Ask on a terminal. Raises click.Abort for a no, Misconfigured where nobody can be asked."""
    if yes:
        return
    if not (sys.stdin and sys.stdin.isatty()):
        raise Misconfigured("nobody is here to ask", hint="say it in the command line: --yes")
    click.confirm(question, abort=True, err=True)


class _Row(NamedTuple):
    where: Context
    membership: Membership | None
    held: Glance | None
    is_current: bool


def _show(row: _Row, width: int, now: float) -> None:
    mark = good("*", sys.stdout) if row.is_current else " "
    name = row.where.name
    if row.membership is None:
        data(f"{mark} {name:{width}}  damaged; run: daypass context remove {name}")
    else:
        data(f"{mark} {name:{width}}  {row.membership.url}  {_holding(row.held, now)}")


def _holding(held: Glance | None, now: float) -> str:
    if held is None or not held.is_valid(now):
        return "not signed in"
    return f"signed in as {printable(held.login)}, {duration(held.valid_before - now)} left"


def _fields(row: _Row, now: float) -> dict[str, object]:
    membership, held = row.membership, row.held if row.held is not None and row.held.is_valid(now) else None
    return {
        "name": row.where.name,
        "current": row.is_current,
        "company": membership.ca_name if membership else None,
        "url": membership.url if membership else None,
        "host_patterns": list(membership.host_patterns) if membership else [],
        "valid": held is not None,
        "login": held.login if held else None,
        "valid_before": utc(held.valid_before) if held else None,
    }
