"""`daypass host explain`: sshd's own refusals, in plain words."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

import click

from daypass.cli.exits import Exit
from daypass.cli.host_options import json_option, root_option
from daypass.cli.output import data, json_data, moment, printable, show_hint, utc
from daypass.errors import DaypassError, Invalid, NotFound

if TYPE_CHECKING:
    from daypass.host.account import Gate
    from daypass.host.refusals import Finding
    from daypass.host.sshdlog import Line

__all__ = ["explain"]

_SHOWN = 20


@click.command(
    epilog="""\b
Examples:
  sudo daypass host explain                         the last hour's refusals
  sudo daypass host explain --user alice --since 1d
  sudo daypass host explain --log /var/log/auth.log
  journalctl -u ssh -o cat | daypass host explain --log -

Exit code 0: refusals are shown. 1: there are none. At LogLevel INFO sshd is silent about certificates of a CA it
does not know; LogLevel VERBOSE tells more."""
)
@click.option("--log", metavar="FILE", help="Read this log, - for standard input, instead of the journal.")
@click.option("--user", metavar="ACCOUNT", help="Refusals at this account only.")
@click.option("--since", default="1h", show_default=True, metavar="DURATION", help="How far to look back.")
@root_option
@json_option
@click.pass_context
def explain(context: click.Context, log: str | None, user: str | None, since: str, root: Path, as_json: bool) -> None:
    """Say why sshd turned people away, and what to do."""
    from daypass.host.account import Gate
    from daypass.host.refusals import findings
    from daypass.host.settings import Paths
    from daypass.model import parse_duration

    now = time.time()
    after = now - parse_duration(since)
    gate = Gate.look(Paths(root.absolute()))
    found = [
        each
        for each in findings(_lines(log, int(after), now), gate.trusted)
        if (each.time is None or each.time >= after) and user in (None, each.user)
    ]
    if as_json:
        json_data({"refusals": [_facts(each, gate) for each in found]})
    else:
        _show(found, gate)
    context.exit(Exit.OK if found else Exit.NO)


def _lines(log: str | None, since: int, now: float) -> Iterable[Line]:
    from daypass.host.sshdlog import AUTH_LOGS, from_text, read_journal

    if log == "-":
        return from_text(sys.stdin, now)
    if log is not None:
        return from_text(_read(Path(log)), now)
    try:
        return read_journal(since)
    except DaypassError:
        files = [Path(each) for each in AUTH_LOGS if Path(each).is_file()]
        if not files:
            hint = "give it: daypass host explain --log FILE"
            raise NotFound("there is neither a journal nor a log of sshd's", code="host.log", hint=hint) from None
        return from_text(_read(files[0]), now)


def _read(path: Path) -> list[str]:
    try:
        return path.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError as error:
        hint = "run this as root" if isinstance(error, PermissionError) else "give another: --log FILE"
        raise Invalid(f"{path} can't be read: {error.strerror}", code="host.log", hint=hint) from error


def _show(found: list[Finding], gate: Gate) -> None:
    if not found:
        data("sshd turned nobody away, as far as its log goes")
    for each in found[-_SHOWN:]:
        when = f"{moment(each.time)}  " if each.time else ""
        data(f"{when}{printable(each.user) or '?'} from {printable(each.address) or '?'}")
        for reason in each.reasons:
            data(f"  {reason.what}")
            data(f"    {reason.hint}")
        for text in (*_certificate(each), *gate.words(each)):
            data(f"  {printable(text)}")
    if len(found) > _SHOWN:
        show_hint(f"{len(found) - _SHOWN} earlier ones are left out: --json shows all")


def _certificate(found: Finding) -> list[str]:
    return [f"certificate {found.key_id}, serial {found.serial}, by CA {found.ca}"] if found.ca else []


def _facts(found: Finding, gate: Gate) -> dict[str, object]:
    return {
        "time": utc(found.time) if found.time else None, "user": found.user, "address": found.address,
        "reasons": [{"code": each.code, "what": each.what, "hint": each.hint} for each in found.reasons],
        "words": found.detail or None, "key_id": found.key_id or None, "serial": found.serial,
        "ca": found.ca or None, "here": gate.words(found),
    }  # fmt: skip
