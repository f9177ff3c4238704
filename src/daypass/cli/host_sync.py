"""`daypass host sync`: a server learns what has changed."""

from __future__ import annotations

import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import click

from daypass.cli.exits import Exit, exit_of
from daypass.cli.host_options import host_paths, json_option, root_option
from daypass.cli.output import data, json_data, moment, note, printable, show_hint, utc
from daypass.errors import DaypassError

if TYPE_CHECKING:
    from daypass.host.settings import Paths
    from daypass.host.sync import Synced

__all__ = ["sync"]

_NAMED = 5  # accounts that a warning names


@click.command(
    epilog="""\b
Examples:
  sudo daypass host sync
  sudo daypass host sync --json
  sudo daypass host sync --lock-many         when most are meant to go
  */5 * * * * root daypass host sync         in /etc/cron.d/daypass

Says nothing where nothing has changed, and for cron the same trouble only once a day. Renews what is due. Exit code
0: this server goes by what its CA says now. 7: another sync is running. 1: it goes by what its CA says, but for
accounts that were too many to be locked at once. Anything else: it goes by what it had."""
)
@root_option
@click.option(
    "--lock-many", is_flag=True, help="Lock all accounts whose people are not listed any more, however many."
)
@json_option
@click.pass_context
def sync(context: click.Context, root: Path, lock_many: bool, as_json: bool) -> None:
    """Ask the CA who may log in here; renew what is due."""
    paths = host_paths(root)
    synced = _synced(paths, lock_many, context, loud=as_json or sys.stderr.isatty())
    if as_json:
        json_data(_facts(synced))
    else:
        _show(synced)
    if synced.held:
        _show_held(synced.held)
        context.exit(Exit.NO)


def _synced(paths: Paths, lock_many: bool, context: click.Context, *, loud: bool) -> Synced:
    """cron mails what is said: the same trouble is said when it is new, when it gets worse, and once a day."""
    from daypass.host import said

    try:
        synced = _ask(paths, lock_many)
    except DaypassError as error:
        if not said.is_news(paths, error, time.time()) and not loud:
            context.exit(exit_of(error))
        raise
    said.well(paths)
    return synced


def _ask(paths: Paths, lock_many: bool) -> Synced:
    """Ask, and renew what is due. A renewal that fails is a warning until there is something to worry about."""
    from daypass.host.enforce import take_back_overdue
    from daypass.host.leaving import give_up
    from daypass.host.look_after import end_sessions, say
    from daypass.host.renewal import renew_due
    from daypass.host.renewing import renew
    from daypass.host.reporting import tell
    from daypass.host.sync import enrolled, sync_once
    from daypass.remote import Remote

    state = enrolled(paths)
    if take_back_overdue(paths, time.time()):
        note(
            "daypass: warning: nobody has confirmed that certificates alone are let in: keys and passwords are again"
        )
    with Remote(state.url, "\n".join(state.roots)) as remote:
        try:
            synced = sync_once(paths, remote, time.time(), lock_many=lock_many)
        except DaypassError:  # what is over ends without the CA, too
            end_sessions(paths, time.time())
            raise
        closed, said = end_sessions(paths, time.time())
        synced.closed += closed
        _look_for_remains(paths, synced)
        synced.said += [*said, *say(paths, remote)]
        if renew_due(synced.state, time.time()):
            synced.renewed, synced.state = True, renew(paths, remote, time.time()).state
        synced.said += give_up(paths, remote)
        synced.said += tell(paths, synced.state, remote, int(time.time()))
        return synced


def _look_for_remains(paths: Paths, synced: Synced) -> None:
    """What gone persons have left. The sync stands, whatever comes of it."""
    from daypass.host.remains.work import look

    try:
        look(paths, time.time())
    except (DaypassError, OSError) as error:
        why = error.message if isinstance(error, DaypassError) else error
        synced.said.append(f"what gone persons have left is not looked for: {why}")


def _show(synced: Synced) -> None:
    """What was not done is said when something was, or to a person: cron is not to mail it every five minutes."""
    for path in synced.changed:
        data(f"{path} {'changed' if path.exists() else 'taken away'}")
    for what in ("made", "locked", "unlocked"):
        for login in getattr(synced, what):
            data(f"account {login} {what}")
    for ended in synced.closed:
        who = printable(ended.session.key_id or ended.session.way)
        where = f"session {ended.session.id} of {who} as {printable(ended.session.account)}"
        data(f"{where} ended: {printable(ended.reason)}")
        for survivor in ended.survivors:
            note(f"daypass: warning: left of session {ended.session.id}: {printable(survivor)}")
    if synced.renewed:
        data(f"new certificates until {moment(synced.state.expires)}")
    if synced.did_something or sys.stderr.isatty():
        for each in synced.said:
            note(f"daypass: warning: {printable(each)}")
        for name in synced.unknown:
            note(f"daypass: warning: there is no account {printable(name)} here, which a role names")
    if not synced.did_something and sys.stdout.isatty():
        data(f"nothing has changed; it holds until {moment(synced.state.bundle_expires)}")


def _show_held(held: list[str]) -> None:
    """Every time: the operator has to decide, and cron's mail is how they learn of it."""
    some = ", ".join(printable(each) for each in held[:_NAMED])
    more = f" and {len(held) - _NAMED} more" if len(held) > _NAMED else ""
    note(f"daypass: warning: {len(held)} accounts are left open, too many to be locked at once: {some}{more}")
    show_hint("has the CA lost its records? if these people are meant to be gone: daypass host sync --lock-many")


def _facts(synced: Synced) -> dict[str, object]:
    state = synced.state
    return {
        "name": state.name, "bundle_version": state.bundle_version, "expires": utc(state.bundle_expires),
        "trust_version": state.trust_version, "krl_version": state.krl_version,
        "changed": [str(path) for path in synced.changed], "made": synced.made, "locked": synced.locked,
        "unlocked": synced.unlocked, "left_open": synced.held,
        "ended_sessions": [each.session.id for each in synced.closed],
        "unknown_accounts": synced.unknown, "warnings": synced.said, "renewed": synced.renewed,
    }  # fmt: skip
