"""`daypass doctor`: one look at everything that has to hold, and what to do where it does not."""

from __future__ import annotations

import shutil
import sys
import textwrap
from contextlib import nullcontext
from typing import TYPE_CHECKING

import click

from daypass.cli.options import with_settings
from daypass.cli.output import bold, data, good, json_data, note, printable, warn

if TYPE_CHECKING:
    from collections.abc import Iterable

    from daypass.client.doctor.report import Finding, Result
    from daypass.client.settings import Settings

__all__ = ["doctor"]

_INDENT = 24  # columns before a finding's text


@click.command(
    epilog="""\b
Examples:
  daypass doctor            this machine, the company in use, the way to it
  daypass doctor web-1      and what ssh would make of web-1
  daypass doctor --json | jq -r '.checks[].findings[].text'

Changes nothing, and shows nothing secret. Exit code 0 if all is well, 1 if there are problems. When one host will
not let you in: daypass why HOST."""
)
@click.argument("host", required=False)
@click.option("--json", "as_json", is_flag=True, help="One JSON object on stdout.")
@with_settings
def doctor(host: str | None, as_json: bool, settings: Settings) -> int:
    """Look at everything that has to hold for plain ssh to work, and say what to do."""
    from daypass.client.doctor import plan, report

    checks = plan.checks(settings, host)
    results = [*_shown(report.run(checks), quiet=as_json)]
    problems = sum(each.state == "problem" for result in results for each in result.findings)
    if as_json:
        json_data({"well": not problems, "checks": [_fields(each) for each in results]})
    elif problems:
        note(f"{problems} problem(s) found")
    else:
        note("all is well")
    return 1 if problems else 0


def _shown(results: Iterable[Result], *, quiet: bool) -> Iterable[Result]:
    """Each as soon as it is known; on a terminal it is said who is waited for."""
    from daypass.client.progress import Progress

    progress, pending = Progress(note), iter(results)
    while True:
        with progress.waiting("the network") if sys.stderr.isatty() else nullcontext():
            result = next(pending, None)
        if result is None:
            return
        if not quiet:
            _show(result)
        yield result


def _show(result: Result) -> None:
    took = f"  ({result.seconds:.1f} s)" if result.seconds >= 1 else ""
    for index, each in enumerate(result.findings):
        name = printable(result.name)[:14] if index == 0 else ""
        text = _broken(f"{printable(each.text)}{took if index == 0 else ''}", _INDENT)
        data(f"{_mark(each)}  {name:<14} {text}")
        if each.hint:
            data(f"{'':>{_INDENT}} {bold('→', sys.stdout)} {_broken(printable(each.hint), _INDENT + 3)}")


def _broken(text: str, indent: int) -> str:
    """Between words, where a terminal would break it anywhere; a script gets whole lines."""
    if not sys.stdout.isatty():
        return text
    width = max(shutil.get_terminal_size().columns - indent, 30)
    lines = textwrap.wrap(text, width, break_long_words=False, break_on_hyphens=False)
    return f"\n{'':{indent}}".join(lines)


def _mark(finding: Finding) -> str:
    text = f"{finding.state:<7}"
    if finding.state == "ok":
        return good(text, sys.stdout)
    return warn(text, sys.stdout) if finding.state == "problem" else text


def _fields(result: Result) -> dict[str, object]:
    return {
        "name": result.name,
        "seconds": round(result.seconds, 3),
        "findings": [{"state": str(each.state), "text": each.text, "hint": each.hint} for each in result.findings],
    }
