"""`daypass host enforce`: the old doors closed, and open again by themselves unless somebody still gets in."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import click

from daypass.cli.exits import Exit
from daypass.cli.host_options import host_paths, json_option, root_option, sshd_of, sshd_options
from daypass.cli.output import data, duration, json_data, moment, note, show_hint, utc
from daypass.errors import Invalid

if TYPE_CHECKING:
    from daypass.api import HostReport
    from daypass.host.enforcement import State
    from daypass.host.logins import Login
    from daypass.host.settings import Paths
    from daypass.host.sshd import Sshd

__all__ = ["enforce"]

_TRIES = 600  # seconds that another sync or enrolment is waited for
_LEAST, _MOST = 60, 86400  # seconds that a confirmation is waited for


@click.command(
    epilog="""\b
Examples:
  sudo daypass host enforce               what is, or stands against it
  sudo daypass host enforce --certificates-only
  sudo daypass host enforce --certificates-only --except backup
  sudo daypass host enforce --confirm     in a new session, by certificate
  sudo daypass host enforce --off         keys and passwords again

Without --confirm within the time given, all is taken back by itself. Exit code 0: done, or in force. 1: not in
force. 7: something stands against it, and it is said what."""
)
@click.option("--certificates-only", "on", is_flag=True, help="Let in nobody by key or password any more.")
@click.option("--except", "exceptions", multiple=True, metavar="ACCOUNT", help="But for this account; repeatable.")
@click.option("--confirm", is_flag=True, help="Keep it: this session came in by certificate.")
@click.option("--off", is_flag=True, help="Let in keys and passwords again.")
@click.option("--within", default="10m", show_default=True, metavar="DURATION", help="Time to confirm it.")
@click.option(
    "--quiet", default="7d", show_default=True, metavar="DURATION",
    help="How long nobody must have come in by key or password.",
)  # fmt: skip
@click.option("--log", metavar="FILE", help="Who logged in stands in this log; else in the journal.")
@click.option("--undo", hidden=True, metavar="ID", help="What the dead man's switch runs.")
@click.option("--wait", hidden=True, type=int, default=0)
@root_option
@sshd_options
@json_option
@click.pass_context
def enforce(
    context: click.Context, on: bool, exceptions: tuple[str, ...], confirm: bool, off: bool, within: str, quiet: str,
    log: str | None, undo: str | None, wait: int, root: Path, sshd_config: Path | None, binary: Path | None,
    as_json: bool,
) -> None:  # fmt: skip
    """Let people in by certificate alone, with a way back."""
    if on + confirm + off + (undo is not None) > 1:
        raise click.UsageError("one of --certificates-only, --confirm and --off")
    paths = host_paths(root)
    if confirm or off:
        _require_folder(paths)
    sshd = sshd_of(paths, sshd_config, binary)
    if undo is not None:
        _undo(paths, sshd, undo, wait)
    elif on:
        _told(_enforced(paths, sshd, exceptions, within, quiet, log), as_json)
    elif confirm:
        _told(_confirmed(paths, log), as_json)
    elif off:
        _take_back(paths, sshd, as_json)
    elif not _show(paths, sshd, quiet, log, as_json):
        context.exit(Exit.NO)


def _require_folder(paths: Paths) -> None:
    """Misconfigured where nothing was ever enrolled. What an enrolment that is over has left can be taken back."""
    from daypass.host.sync import enrolled

    if not paths.memory.is_dir():
        enrolled(paths)


def _enforced(
    paths: Paths, sshd: Sshd, exceptions: tuple[str, ...], within: str, quiet: str, log: str | None
) -> State:
    from daypass.host.enforce import Enforcing, refuse_unready
    from daypass.host.sync import enrolled
    from daypass.model import parse_duration

    seconds, now = parse_duration(within), int(time.time())
    if not _LEAST <= seconds <= _MOST:
        raise Invalid("--within is between a minute and a day", code="duration")
    enrolled(paths)
    refuse_unready(_report(paths, log, now), exceptions, now, parse_duration(quiet))
    return Enforcing(paths, sshd, exceptions, seconds).run()


def _report(paths: Paths, log: str | None, now: int) -> HostReport:
    from daypass.host.account import Gate
    from daypass.host.tally import collect, count_log, read_log

    return collect(paths, now) if log is None else count_log(read_log(Path(log)), Gate.look(paths), now)


def _confirmed(paths: Paths, log: str | None) -> State:
    import os

    from daypass.host.enforce import confirm
    from daypass.host.session import forefathers, own_login
    from daypass.host.tally import logins_since

    now = int(time.time())

    def login(state: State) -> Login | None:
        found = logins_since(paths, state.since, now, None if log is None else Path(log))
        return own_login(found, state.since, forefathers(os.getpid()))

    return confirm(paths, login)


def _take_back(paths: Paths, sshd: Sshd, as_json: bool) -> None:
    from daypass.host.enforce import take_back

    changed = take_back(paths, sshd)
    if as_json:
        json_data({"enforced": False, "changed": changed})
    else:
        data("keys and passwords are let in as before" if changed else "nothing was enforced")


def _undo(paths: Paths, sshd: Sshd, number: str, wait: int) -> None:
    from daypass.host.enforce import take_back

    time.sleep(wait)
    if _once_free(lambda: take_back(paths, sshd, number)):
        note("daypass: warning: nobody has confirmed it: keys and passwords are let in again")


def _once_free(work: Callable[[], bool]) -> bool:
    """Another sync or enrolment may be at it: nobody is here to try again by hand."""
    from daypass.errors import Conflict

    for _ in range(_TRIES):
        try:
            return work()
        except Conflict as error:
            if error.code != "host.busy":
                raise
            time.sleep(1)
    return work()


def _told(state: State, as_json: bool) -> None:
    if as_json:
        json_data(_facts(state))
        return
    but = f", but for {', '.join(state.exceptions)}" if state.exceptions else ""
    data(f"sshd lets in certificates alone{but}: {state.path}")
    if not state.confirmed:
        data(f"taken back at {moment(state.deadline)}, in {duration(state.deadline - time.time())}")
        show_hint("keep this session, log in anew by certificate, and there: sudo daypass host enforce --confirm")


def _facts(state: State) -> dict[str, object]:
    return {
        "enforced": True, "confirmed": state.confirmed, "exceptions": state.exceptions, "since": utc(state.since),
        "deadline": utc(state.deadline) if state.deadline else None, "configuration": state.path,
    }  # fmt: skip


def _show(paths: Paths, sshd: Sshd, quiet: str, log: str | None, as_json: bool) -> bool:
    """Whether it is in force; else what stands against it."""
    from daypass.errors import DaypassError
    from daypass.host.enforce import check_in_force, refuse_unready
    from daypass.host.enforcement import State
    from daypass.model import parse_duration

    state = State.load(paths.enforcement)
    if state is not None:
        check_in_force(paths, sshd, state)
        _told(state, as_json)
        return True
    now, against = int(time.time()), ""
    try:
        refuse_unready(_report(paths, log, now), (), now, parse_duration(quiet))
    except DaypassError as error:
        against = error.message
    if as_json:
        json_data({"enforced": False, "against": against or None})
    else:
        data(against or "nothing stands against it: daypass host enforce --certificates-only")
    return False
