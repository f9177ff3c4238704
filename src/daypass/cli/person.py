"""`daypass person`: administration of people."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from daypass.cli.admin_options import json_option
from daypass.cli.administration import Administration, administering
from daypass.cli.output import counted, data, json_data, note
from daypass.cli.person_show import conflict_lines, details_lines, is_of_system, person_line, plain

if TYPE_CHECKING:
    from daypass.api import PersonChanged

__all__ = ["person"]

_optional_reason = click.option("--reason", default="", metavar="TEXT", help="Why; for the ledger.")


@click.group(
    epilog="""\b
Examples:
  daypass person list --conflicts
  daypass person show alice
  daypass person link alice okta:00u1abcd"""
)
def person() -> None:
    """People on record: list, show, link identities, rename, reserve names.

    On the CA's machine by root, or by an operator's sign-in: with the capability audit to read, persons to change.
    """


@person.command(
    "list",
    epilog="""\b
Examples:
  daypass person list
  daypass person list --conflicts      who was refused a name, and what to do
  daypass person list --reserved       those of hosts' system accounts, too
  daypass person list --json | jq -r '.people[] | select(.locked_at) | .login'""",
)
@click.option("--conflicts", is_flag=True, help="Who was refused a name, and the commands that settle it.")
@click.option("--reserved", is_flag=True, help="All names that nobody gets: those of hosts' system accounts, too.")
@administering
@json_option
def person_list(ca: Administration, conflicts: bool, reserved: bool, as_json: bool) -> None:
    """List everybody on record, and the names that nobody gets."""
    from daypass.api import PeopleRequest, PeopleResponse

    found = ca.call("person_list", PeopleRequest(), PeopleResponse, "read who is on record", as_json=as_json)
    if as_json:
        json_data(plain(found))
        return
    if conflicts:
        for each in found.conflicts:
            for line in conflict_lines(each):
                data(line)
        if not found.conflicts:
            note("no sign-in is waiting for a name")
        return
    for one in found.people:
        data(person_line(one))
    kept = [each for each in found.reserved if reserved or not is_of_system(each)]
    for name in kept:
        data(person_line(name))
    if left := len(found.reserved) - len(kept):
        note(f"{left} names are those of hosts' system accounts: daypass person list --reserved")
    if found.conflicts:
        note(f"{len(found.conflicts)} refused for want of a name: daypass person list --conflicts")


@person.command(
    "show",
    epilog="""\b
Examples:
  daypass person show alice
  daypass person show okta:00u1abcd
  daypass person show '#17' --json""",
)
@click.argument("who", metavar="PERSON")
@administering
@json_option
def person_show(ca: Administration, who: str, as_json: bool) -> None:
    """Show one person: identities, groups, live certificates, history."""
    from daypass.api import PersonDetails, PersonRequest

    found = ca.call("person_show", PersonRequest(person=who), PersonDetails, f"read about {who}", as_json=as_json)
    if as_json:
        json_data(plain(found))
        return
    for line in details_lines(found):
        data(line)


@person.command(
    "link",
    epilog="""\b
Examples:
  daypass person link alice okta:00u1abcd
  daypass person link alice entra:TENANT/OBJECT-ID --reason "moved to Entra"
  daypass person link alice okta:00u1abcd --merge

Where the other identity is a person who has had certificates, --merge says that both are one human being: what that
person holds is revoked, their identities move over, and their name goes to nobody else. By a sign-in this takes the
capability persons, and a second person who approves it.""",
)
@click.argument("who", metavar="PERSON")
@click.argument("identity", metavar="PROVIDER:SUBJECT")
@click.option("--merge", is_flag=True, help="Also where the identity is another person by now.")
@_optional_reason
@administering
@json_option
def person_link(ca: Administration, who: str, identity: str, merge: bool, reason: str, as_json: bool) -> None:
    """Give PERSON one more identity.

    Whoever signs in by it is that person, and has their login name.
    """
    from daypass.api import LinkRequest, PersonChanged

    body = LinkRequest(person=who, identity=identity, merge=merge, reason=reason)
    purpose = f"let {identity} be {who}"
    _tell(ca.call("person_link", body, PersonChanged, purpose, as_json=as_json), "linked", as_json)


@person.command(
    "rename",
    epilog="""\b
Examples:
  daypass person rename alice asmith
  daypass person rename '#17' asmith --reason "married"

The old name goes to nobody else; this person may be renamed back. Accounts on hosts keep
their name: rename them there.
""",
)
@click.argument("who", metavar="PERSON")
@click.argument("new")
@_optional_reason
@administering
@json_option
def person_rename(ca: Administration, who: str, new: str, reason: str, as_json: bool) -> None:
    """Give PERSON the login name NEW.

    Live certificates with the old one are revoked.
    """
    from daypass.api import PersonChanged, RenameRequest

    body = RenameRequest(person=who, name=new, reason=reason)
    _tell(
        ca.call("person_rename", body, PersonChanged, f"rename {who} to {new}", as_json=as_json), "renamed", as_json
    )


@person.command(
    "reserve",
    epilog="""\b
Examples:
  daypass person reserve backup --reason "an account on the old machines"
  daypass person reserve asmith2 --for okta:00u1abcd""",
)
@click.argument("name")
@click.option("--for", "identity", default="", metavar="PROVIDER:SUBJECT", help="Who is to have it.")
@_optional_reason
@administering
@json_option
def person_reserve(ca: Administration, name: str, identity: str, reason: str, as_json: bool) -> None:
    """Keep the login name NAME for nobody, or for one.

    With --for only whoever signs in as PROVIDER:SUBJECT gets it.
    """
    from daypass.api import PersonChanged, ReserveRequest

    body = ReserveRequest(name=name, identity=identity, reason=reason)
    purpose = f"reserve the name {name}" + (f" for {identity}" if identity else "")
    changed = ca.call("person_reserve", body, PersonChanged, purpose, as_json=as_json)
    _tell(changed, "made in advance" if identity else f"reserved {name}", as_json)


def _tell(changed: PersonChanged, done: str, as_json: bool) -> None:
    if as_json:
        json_data(plain(changed))
        return
    if changed.person is not None:
        data(person_line(changed.person))
    ended = f"; {counted(len(changed.serials), 'certificate')} revoked" if changed.serials else ""
    merged = f"; #{changed.merged} is this person now" if changed.merged is not None else ""
    note(f"{done}{merged}{ended}")
