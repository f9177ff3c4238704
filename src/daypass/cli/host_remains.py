"""`daypass host remains`: what people whose access has ended left on this server."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import click

from daypass.cli.exits import Exit
from daypass.cli.host_options import host_paths, json_option, root_option
from daypass.cli.output import data, json_data, moment, note, printable, show_hint, utc
from daypass.errors import NotFound

if TYPE_CHECKING:
    from daypass.api import EndingReport, Remain
    from daypass.host.remains.found import Found
    from daypass.host.remains.memory import Known
    from daypass.host.settings import Paths

__all__ = ["remains"]

_STANDS = ("reported", "failed")


@click.command(
    epilog="""\b
Examples:
  sudo daypass host remains               of everybody whose access has ended
  sudo daypass host remains deploy        all that lets in or goes on there
  sudo daypass host remains --json | jq -r '.endings[].remains[].what'

Shows keys in authorized_keys, crontabs, at jobs, linger, units and processes. With an account it looks now, whoever
it is about, and changes nothing; without one it shows what the agent found last. What is in quarantine lies in
/var/lib/daypass/quarantine until access is given back. Exit code 0: nothing stands. 1: something does."""
)
@click.argument("account", required=False)
@click.option("--look", is_flag=True, hidden=True, help="What the agent runs: look for what it is time for.")
@root_option
@json_option
@click.pass_context
def remains(context: click.Context, account: str | None, look: bool, root: Path, as_json: bool) -> None:
    """Show what people whose access has ended left here."""
    paths = host_paths(root)
    if look:
        _look(paths)
        return
    stands = _of_endings(paths, as_json) if account is None else _of_account(paths, account, as_json)
    context.exit(Exit.NO if stands else Exit.OK)


def _look(paths: Paths) -> None:
    import os
    import time

    from daypass.host.remains.work import look

    os.nice(5)
    look(paths, time.time())


def _of_account(paths: Paths, account: str, as_json: bool) -> bool:
    from daypass.host.remains.find import find
    from daypass.host.remains.places import place_of

    place = place_of(paths, account)
    if place is None:
        raise NotFound(f"there is no account {printable(account)} here", code="host.account")
    found = list(find(place, paths))
    if as_json:
        json_data({"account": account, "found": [_found_facts(each) for each in found]})
        return bool(found)
    for each in found:
        error = f"  ({printable(each.error)})" if each.error else ""
        data(f"{each.kind}  {printable(each.what)}{error}")
    if not found:
        data(f"nothing lets anybody into {printable(account)} but certificates, and nothing goes on in it")
    return bool(found)


def _of_endings(paths: Paths, as_json: bool) -> bool:
    from daypass.host.remains.memory import Memory
    from daypass.host.sync import enrolled

    enrolled(paths)
    memory = Memory.load(paths)
    reports = [known.report for known in memory.endings.values()]
    if as_json:
        json_data({
            "endings": [_facts(each) for each in memory.endings.values()],
            "locked": sorted(memory.locked), "quarantine": str(paths.quarantine),
        })  # fmt: skip
    else:
        _show(reports)
    return any(each.done in _STANDS for report in reports for each in report.remains)


def _show(reports: list[EndingReport]) -> None:
    for report in reports:
        data(f"{printable(report.ending)}  looked at {moment(report.time)}")
        for line in _lines(report.remains):
            data(f"  {line}")
        if not report.remains:
            data("  nothing was left")
        if report.cut:
            data(f"  and {report.cut} more")
    if not reports:
        note("nobody's access has ended, as far as this server has been told")
    elif any(not each.theirs and each.done in _STANDS for report in reports for each in report.remains):
        show_hint("in accounts of several people look yourself whose it is: nothing of theirs was changed")


def _lines(found: list[Remain]) -> Iterator[str]:
    for each in found:
        whose = "" if each.theirs or each.done not in _STANDS else "  perhaps somebody else's"
        error = f"  ({printable(each.error)})" if each.error else ""
        yield f"{printable(each.account)}  {each.kind}  {each.done}{whose}  {printable(each.what)}{error}"


def _facts(known: Known) -> dict[str, object]:
    report = known.report
    return {
        "ending": report.ending, "looked_at": utc(report.time), "policy": known.policy, "undone": known.undone,
        "cut": report.cut,
        "remains": [
            {
                "account": each.account, "kind": each.kind, "what": each.what, "done": each.done,
                "theirs": each.theirs, "error": each.error or None,
            }
            for each in report.remains
        ],
    }  # fmt: skip


def _found_facts(found: Found) -> dict[str, object]:
    line = found.line
    return {
        "kind": found.kind, "what": found.what, "file": found.file.path if found.file is not None else None,
        "line": line.number if line is not None else None, "error": found.error or None,
        "fingerprint": (line.print or None) if line is not None else None,
    }  # fmt: skip
