"""`daypass revocations list|show|release`: what has ended access, and how far that has come."""

from __future__ import annotations

from collections.abc import Iterator

import click

from daypass.cli.admin_options import json_option
from daypass.cli.administration import Administration, administering
from daypass.cli.ending_options import require_yes
from daypass.cli.output import data, json_data, moment, note, printable
from daypass.cli.proof import follow, line_of, plain, wait_options
from daypass.cli.proof import show as show_progress

__all__ = ["revocations"]


@click.group(
    epilog="""\b
Examples:
  daypass revocations list
  daypass revocations show ek7q2m4tsxb
  daypass revocations show ek7q2m4tsxb --wait
  daypass revocations release --all"""
)
def revocations() -> None:
    """What has ended access: by whom, why, and what came of it on hosts.

    On the CA's machine by root, or by an operator's sign-in with the capability audit; release takes revoke.
    """


@revocations.command(
    "list",
    epilog="""\b
Examples:
  daypass revocations list
  daypass revocations list --since 7d
  daypass revocations list --json | jq -r '.revocations[].id'""",
)
@click.option("--since", default="30d", show_default=True, metavar="TIME", help="How far back.")
@click.option("--limit", default=100, show_default=True, type=click.IntRange(1, 10_000), help="How many at most.")
@administering
@json_option
def revocations_list(ca: Administration, since: str, limit: int, as_json: bool) -> None:
    """List them, newest first, with what hosts have said by now."""
    import time

    from daypass.api import EndingLine, EndingsRequest
    from daypass.model import parse_duration

    found, body = list[EndingLine](), EndingsRequest(since=int(time.time()) - parse_duration(since), limit=limit)

    def take(lines: Iterator[EndingLine]) -> None:
        found[:] = lines

    ca.lines("endings", body, EndingLine, "read what was revoked", take)
    if as_json:
        json_data({"revocations": [plain(each) for each in found]})
        return
    for each in found:
        data(printable(line_of(each)))
    if not found:
        note("nothing was revoked in that time")


@revocations.command(
    epilog="""\b
Examples:
  daypass revocations show ek7q2m4tsxb
  daypass revocations show ek7q2m4tsxb --wait      until hosts have answered
  daypass revocations show ek7q2m4tsxb --json

Exit code 0: it has ended on every host, by their own word. 1: not yet, or something stays behind."""
)
@click.argument("ending", metavar="ID")
@wait_options
@administering
@json_option
def show(ca: Administration, ending: str, wait: int | None, as_json: bool) -> int:
    """Show what came of one on hosts.

    How many have applied it, sessions closed, what stays behind, who is out of reach. The report that is kept, once
    it has ended; before that as it is now.
    """
    from daypass.api import EndingShown, ShowEndingRequest

    if wait is not None:
        return follow(ca, ending, wait, as_json=as_json)
    body = ShowEndingRequest(ending=ending)
    found = ca.call("ending_show", body, EndingShown, f"read about {ending}", as_json=as_json)
    if as_json:
        json_data({"revocation": plain(found.ending), "progress": plain(found.progress)})
    else:
        data(printable(line_of(found.ending)))
        if found.ending.released_at is not None:
            data(printable(f"  released     {moment(found.ending.released_at)} by {found.ending.released_by}"))
        if found.ending.undone_at is not None:
            data(f"  undone       {moment(found.ending.undone_at)}")
        show_progress(found.progress)
    return 0 if found.progress.state == "ended" else 1


@revocations.command(
    epilog="""\b
Examples:
  daypass revocations release ek7q2m4tsxb
  daypass revocations release --all --yes
  daypass revocations list --json | jq -r '.revocations[] | select(.held).id'

Whoever was taken out by mistake: daypass unlock PERSON, or all of them: daypass unlock --ending ID. An operator needs
the capability revoke."""
)
@click.argument("ending", metavar="[ID]", required=False, default="")
@click.option("--all", "every", is_flag=True, help="All that are held.")
@click.option("--yes", is_flag=True, help="Don't ask whether this is meant.")
@administering
@json_option
def release(ca: Administration, ending: str, every: bool, yes: bool, as_json: bool) -> None:
    """Let hosts end open sessions that were held.

    Where many persons are taken out at once, their certificates end at once, and open sessions wait for this.
    """
    from daypass.api import Released, ReleaseRequest

    if bool(ending) == every:
        raise click.UsageError("name an ID or --all, one of the two")
    what = f"all open sessions of {ending}" if ending else "all open sessions that are held"
    require_yes(f"end {printable(what)}", yes=yes)
    found = ca.call("release", ReleaseRequest(ending=ending, all=every), Released, f"end {what}", as_json=as_json)
    if as_json:
        json_data({"released": found.endings})
        return
    for each in found.endings:
        data(each)
