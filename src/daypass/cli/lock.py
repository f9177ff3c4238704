"""`daypass lock` and `unlock`: out, and in again."""

from __future__ import annotations

import click

from daypass.cli.admin_options import json_option
from daypass.cli.administration import Administration, administering
from daypass.cli.ending_options import asked_reason, ending_options, require_yes, tell_hit
from daypass.cli.output import data, json_data, note, printable
from daypass.cli.proof import carry_out, code_of, wait_options

__all__ = ["lock", "unlock"]

_WHO = (
    """PERSON is a login name, an e-mail, PROVIDER:SUBJECT or '#ID', exactly as it stands in `daypass person list`."""
)


@click.command(
    epilog=f"""\b
Examples:
  daypass lock alice --reason "laptop stolen"
  daypass lock alice --reason "laptop stolen" --wait
  daypass lock alice --dry-run
  sudo daypass lock okta:00u1abcd --reason "left the company" --yes

{_WHO}
Hosts end their open sessions, and report what stays behind there. An operator needs the capability lock."""
)
@click.argument("who", metavar="PERSON")
@ending_options
@wait_options
@administering
@json_option
def lock(ca: Administration, who: str, reason: str, dry_run: bool, yes: bool, wait: int | None, as_json: bool) -> int:
    """Lock PERSON out: no further sign-in, and every live certificate revoked."""
    from daypass.api import LockRequest
    from daypass.cli.person_show import person_line

    reason = asked_reason(reason, dry_run=dry_run)
    if not dry_run:
        require_yes(f"lock {printable(who)} out", yes=yes)
    body = LockRequest(person=who, reason=reason, dry_run=dry_run, wait=0 if dry_run else wait or 0)
    hit, came = carry_out(ca, "lock", body, f"lock {who}", as_json=as_json)
    for each in hit.people if not as_json else ():
        data(person_line(each))
    tell_hit(hit, came, done="locked", as_json=as_json)
    return code_of(came)


@click.command(
    epilog=f"""\b
Examples:
  sudo daypass unlock alice --reason "laptop found"
  daypass unlock alice --reason "laptop found"      by two operators
  sudo daypass unlock --ending e7k2m4qsx3d --reason "the directory erred"

{_WHO}
Whoever has locked them, an operator or their identity provider: this undoes it, and hosts put back what they took for
it. By a sign-in this takes the capability unlock, and a second person who approves it."""
)
@click.argument("who", metavar="[PERSON]", required=False, default="")
@click.option("--ending", default="", metavar="ID", help="Everybody whom this ending has locked, instead.")
@click.option("--reason", default="", metavar="TEXT", help="Why; it is kept in the CA's record.")
@administering
@json_option
def unlock(ca: Administration, who: str, ending: str, reason: str, as_json: bool) -> None:
    """Let PERSON sign in again; what was revoked stays revoked."""
    from daypass.api import Unlocked, UnlockRequest
    from daypass.cli.person_show import person_line, plain

    if bool(who) == bool(ending):
        raise click.UsageError("name a PERSON or an --ending, one of the two")
    body = UnlockRequest(person=who, ending=ending, reason=asked_reason(reason))
    purpose = f"unlock {who}" if who else f"unlock everybody whom {ending} has locked"
    found = ca.call("unlock", body, Unlocked, purpose, as_json=as_json)
    if as_json:
        json_data(plain(found))
        return
    for each in found.people:
        data(person_line(each))
    note(f"unlocked{f' {len(found.people)} people' if len(found.people) > 1 else ''}")
