"""`daypass sessions`, `daypass sessions end`: who is on which host, and the end of one of them."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import TYPE_CHECKING

import click

from daypass.cli.admin_options import json_option
from daypass.cli.administration import Administration, administering
from daypass.cli.exits import Exit
from daypass.cli.output import data, duration, json_data, moment, note, printable, show_hint
from daypass.cli.proof import SENTENCE, plain

if TYPE_CHECKING:
    from daypass.api import SessionLine

__all__ = ["sessions", "table"]


@click.group(
    invoke_without_command=True,
    epilog="""\b
Examples:
  daypass sessions
  daypass sessions --person alice
  daypass sessions --host db-1.example.com --json
  daypass sessions end 0f3a9c5512de --reason "left open over night"

On the CA's machine by root, or by an operator's sign-in with the capability audit; to end one, revoke.""",
)
@click.option("--host", default="", metavar="NAME", help="Only on this host, by its full name.")
@click.option("--person", default="", metavar="PERSON", help="Only this person's, as in `daypass person show`.")
@click.option("--role", default="", metavar="NAME", help="Only those whose certificate has this role.")
@administering
@json_option
@click.pass_context
def sessions(context: click.Context, ca: Administration, host: str, person: str, role: str, as_json: bool) -> None:
    """List who is on which host, since when, by which certificate.

    As the hosts say, within seconds of a login: ID, host, account, whose certificate, from where.
    """
    from daypass.api import SessionLine, SessionsRequest

    if context.invoked_subcommand is not None:
        context.obj = ca
        return
    found = list[SessionLine]()

    def take(lines: Iterator[SessionLine]) -> None:
        found[:] = lines

    body = SessionsRequest(host=host, person=person, role=role)
    ca.lines("sessions", body, SessionLine, "read who is on which host", take)
    if as_json:
        json_data({"sessions": [plain(each) for each in found]})
        return
    for line in table(found):
        data(printable(line))
    note(SENTENCE if found else "no open session is known")


@sessions.command(
    epilog="""\b
Examples:
  daypass sessions end 0f3a9c5512de
  daypass sessions end 0f3a9c5512de --reason "left open over night" --wait

The person is told on their terminal, then the session and all that it has started is ended. Whoever may come in can
come in again: daypass revoke and daypass lock see to that. Exit code 1 where it is not over in time."""
)
@click.argument("session", metavar="ID")
@click.option("--reason", default="", metavar="TEXT", help="Why; they are told, and it is kept in the CA's record.")
@click.option("--host", default="", metavar="NAME", help="On which host, where two have one of this ID.")
@click.option("--wait", is_flag=True, help="Wait until the host says that it is over, a minute at most.")
@administering
@json_option
def end(ca: Administration, session: str, reason: str, host: str, wait: bool, as_json: bool) -> int:
    """End one open session."""
    from daypass.api import SessionEnding, SessionEndRequest

    found = list[SessionEnding]()

    def take(lines: Iterator[SessionEnding]) -> None:
        found[:] = lines

    body = SessionEndRequest(session=session, host=host, reason=reason, wait=60 if wait else 0)
    ca.lines("session_end", body, SessionEnding, f"end session {session}", take)
    last = found[-1]
    if as_json:
        json_data(plain(last))
        return Exit.NO if wait and not last.over else Exit.OK
    outcome = "is over" if last.over else "is NOT over" if wait else "is told to end"
    data(printable(f"{session}  {last.host}  {last.session.account}  {outcome}"))
    if not wait:
        show_hint("whether it is over: daypass sessions")
    return Exit.NO if wait and not last.over else Exit.OK


def table(found: list[SessionLine]) -> Iterator[str]:
    """In columns as wide as what stands in them."""
    rows = [_cells(each) for each in found]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        yield "  ".join(f"{cell:<{width}}" for cell, width in zip(row, widths, strict=True)).rstrip()


def _cells(each: SessionLine) -> tuple[str, ...]:
    one = each.session
    age = duration(max(0, time.time() - one.since))
    more = (f"until {moment(each.end)}" if each.end else "", "(connection gone, goes on)" if one.left else "")
    return (
        one.id,
        each.host,
        one.account,
        f"{each.login or one.key_id or one.way} from {one.address}",
        f"since {moment(one.since)} ({age})",
        ",".join(each.roles),
        f"serial {one.serial}" if one.serial else "",
        "  ".join(filter(None, more)),
    )
