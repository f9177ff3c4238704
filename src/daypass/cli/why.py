"""`daypass why HOST`: what keeps you out of one host, or lets you in."""

from __future__ import annotations

import sys
from contextlib import nullcontext
from typing import TYPE_CHECKING

import click

from daypass.cli.options import with_settings
from daypass.cli.output import data, good, json_data, note, printable, show_hint, warn

if TYPE_CHECKING:
    from daypass.client.settings import Settings

__all__ = ["why"]


@click.command(
    epilog="""\b
Examples:
  daypass why web-1
  daypass why web-1 -- -l root -p 2222
  daypass why --json web-1 | jq -r .code

Runs ssh once, verbosely, with no question asked and nothing left behind, and reads what it says. What stands behind
-- is ssh's own. Exit code 0 if you get in, 1 if not; see also: daypass doctor HOST."""
)
@click.argument("host")
@click.argument("arguments", nargs=-1, metavar="[-- SSH ARGUMENTS]")
@click.option("--json", "as_json", is_flag=True, help="One JSON object on stdout.")
@with_settings
def why(host: str, arguments: tuple[str, ...], as_json: bool, settings: Settings) -> int:
    """Say what keeps you out of HOST, or what lets you in."""
    from daypass.client.openssh.why import ask
    from daypass.client.progress import Progress

    with Progress(note).waiting(f"ssh {printable(host)}") if sys.stderr.isatty() else nullcontext():
        found = ask(settings, host, arguments)
    if as_json:
        json_data({
            "host": host, "works": found.works, "code": found.code, "message": found.message, "hint": found.hint,
            "details": list(found.details), "hop": found.hop or None,
        })  # fmt: skip
        return 0 if found.works else 1
    paint = good if found.works else warn
    data(f"{paint('yes' if found.works else 'no', sys.stdout)}: {printable(found.message)}")
    for each in found.details:
        data(f"  {printable(each)}")
    if found.hint:
        show_hint(found.hint)
    return 0 if found.works else 1
