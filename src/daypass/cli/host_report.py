"""`daypass host report`: who came in by certificate, and who still by which key or password."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import click

from daypass.cli.administration import Administration, administering
from daypass.cli.exits import Exit
from daypass.cli.host_options import json_option
from daypass.cli.output import data, json_data, moment, note, printable, show_hint, utc

if TYPE_CHECKING:
    from daypass.api import HostLogin, HostLogins, HostReport
    from daypass.host.settings import Paths

__all__ = ["report"]

_WAYS = {
    "certificate": "by certificate", "break-glass": "by break-glass",
    "other-certificate": "by another CA's certificate", "key": "by key",
    "password": "by password", "other": "otherwise",
}  # fmt: skip


@click.command(
    epilog="""\b
Examples:
  sudo daypass host report
  sudo daypass host report --old           who still has no certificate
  sudo daypass host report --log /var/log/auth.log
  daypass host report --fleet --old        every server, as operator (audit)
  daypass host report --fleet --json | jq -r .host

The journal's trusted fields tell who logged in; a log file can be forged by others, and the report says where it
was read from one. Exit code 0: everybody came in by certificate. 1: somebody did not."""
)
@click.option("--fleet", is_flag=True, help="Every server's last report, from the CA; for operators with audit.")
@click.option("--old", is_flag=True, help="Leave out who came in by certificate.")
@click.option("--log", metavar="FILE", help="Read this log instead of the journal; nothing of it is kept.")
@administering
@json_option
@click.pass_context
def report(
    context: click.Context, ca: Administration, fleet: bool, old: bool, log: str | None, as_json: bool
) -> None:
    """Show who came in by certificate, and who by key."""
    if fleet and log is not None:
        raise click.UsageError("--log is for this server, --fleet for all of them")
    found = _fleet(ca, old, as_json) if fleet else _own(ca, old, log, as_json)
    context.exit(Exit.OK if found else Exit.NO)


def _own(ca: Administration, old: bool, log: str | None, as_json: bool) -> bool:
    from daypass.cli.host_options import host_paths

    now = int(time.time())
    paths = host_paths(ca.where.root)
    found = _collected(paths, log, now)
    if as_json:
        json_data(_facts(found, old))
    else:
        _show(found, old)
    return not any(each.way != "certificate" for each in found.logins)


def _collected(paths: Paths, log: str | None, now: int) -> HostReport:
    from daypass.host.account import Gate
    from daypass.host.reporting import with_enforcement
    from daypass.host.tally import collect, count_log, read_log

    if log is None:
        return with_enforcement(collect(paths, now), paths)
    return with_enforcement(count_log(read_log(Path(log)), Gate.look(paths), now), paths)


def _fleet(ca: Administration, old: bool, as_json: bool) -> bool:
    from daypass.api import FleetLoginsRequest, HostLogins

    clean = True

    def take(lines: Iterator[HostLogins]) -> None:
        nonlocal clean
        for each in lines:
            clean = _tell_host(each, old, as_json) and clean

    ca.lines("fleet_logins", FleetLoginsRequest(), HostLogins, "read who logs in how", take)
    return clean


def _tell_host(found: HostLogins, old: bool, as_json: bool) -> bool:
    """Whether nobody came in there but by certificate, as far as is known."""
    reported = found.report
    if as_json:
        import json

        at = None if found.reported_at is None else utc(found.reported_at)
        facts = {"host": found.host, "reported_at": at, **(_facts(reported, old) if reported else {})}
        data(json.dumps(facts))
    elif reported is None or found.reported_at is None:
        data(f"{printable(found.host)}  has reported nothing yet")
    else:
        enforced = "  certificates only" if reported.enforced else ""
        data(f"{printable(found.host)}  as of {moment(found.reported_at)}{enforced}")
        for line in _lines(reported.logins, old):
            data(f"  {line}")
    return reported is not None and not any(each.way != "certificate" for each in reported.logins)


def _show(found: HostReport, old: bool) -> None:
    lines = list(_lines(found.logins, old))
    for line in lines:
        data(line)
    if not lines:
        data("everybody came in by certificate" if found.logins else "nobody has logged in")
    note(f"counted since {moment(found.since)}" if found.since else "counted in this log alone")
    if found.dropped:
        note(f"{found.dropped} more ways in are left out, those unused the longest")
    if not found.trusted:
        show_hint("some of it comes from a log file, which others than root can forge; journald's journal they can't")


def _lines(logins: Iterable[HostLogin], old: bool) -> Iterator[str]:
    for each in logins:
        if not (old and each.way == "certificate"):
            times = f"{each.count} time{'' if each.count == 1 else 's'}, last {moment(each.last)}"
            what = f" {printable(each.what)}" if each.what else ""
            yield f"{printable(each.account)}  {_WAYS.get(each.way, 'otherwise')}{what}  {times}"


def _facts(found: HostReport, old: bool) -> dict[str, object]:
    return {
        "since": utc(found.since) if found.since else None, "until": utc(found.until), "trusted": found.trusted,
        "enforced": found.enforced, "exceptions": found.exceptions, "dropped": found.dropped,
        "logins": [
            {
                "account": each.account, "way": each.way, "what": each.what, "count": each.count,
                "first": utc(each.first), "last": utc(each.last), "ca": each.ca or None,
                "serial": each.serial or None,
            }
            for each in found.logins
            if not (old and each.way == "certificate")
        ],
    }  # fmt: skip
