"""`daypass explain` and `daypass who`: who may log in where, by which role, and what keeps somebody out."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import click

from daypass.cli.admin_options import json_option
from daypass.cli.administration import Administration, administering
from daypass.cli.output import bold, data, duration, good, json_data, printable, show_hint, warn

if TYPE_CHECKING:
    from daypass.api import Explanation, RoleHolders, WayIn

__all__ = ["explain", "place", "show", "who"]

SHOWN = 40  # people of a role that a terminal is shown


@click.command(
    epilog="""\b
Examples:
  daypass explain root@web-1                     yourself, by your day pass
  daypass explain bob@example.com root@web-1     another: for operators
  daypass explain bob root@web-1 --with group=dba
  daypass explain new@example.com sql@db-1 --with group=dba --from corp
  daypass explain --json root@web-1 | jq -r .code

A no names the nearest role and the condition that failed, as a sign-in and the ledger do. The answer is for a sign-in
right now. Exit code: 0 yes, 1 no."""
)
@click.argument("words", nargs=-1, required=True, metavar="[WHO] ACCOUNT@HOST")
@click.option("--with", "facts", multiple=True, metavar="K=V", help="Suppose group=…, amr=…, acr=…, claims.NAME=….")
@click.option("--from", "source", default="", metavar="NAME", help="Suppose they sign in at this provider.")
@click.option("--role", default="", metavar="NAME", help="By this role and no other.")
@administering
@json_option
def explain(
    ca: Administration, words: tuple[str, ...], facts: tuple[str, ...], source: str, role: str, as_json: bool
) -> int:
    """Say whether you, or WHO, may log in as ACCOUNT on HOST, and why."""
    if len(words) > 2:
        raise click.UsageError("one or two words: [WHO] ACCOUNT@HOST")
    account, host = place(words[-1])
    if len(words) == 1:
        if facts or source or role:
            raise click.UsageError("--with, --from and --role are about somebody: daypass explain WHO ACCOUNT@HOST")
        found = _own(ca, account, host)
    else:
        from daypass.api import ExplainRequest, Explanation

        body = ExplainRequest(
            who=words[0], account=account, host=host, facts=_supposed(facts), provider=source, role=role
        )
        found = ca.call("explain", body, Explanation, f"ask about {words[0]}", as_json=as_json)
    if as_json:
        from msgspec import to_builtins

        json_data(to_builtins(found))
    else:
        show(found)
    return 0 if found.yes else 1


def place(word: str) -> tuple[str, str]:
    """Account and host; addresses of IPv6 may stand in brackets. Raises UsageError."""
    account, at, host = word.rpartition("@")
    if not (account and at and host):
        raise click.UsageError(f"{printable(word[:60])!r} is not ACCOUNT@HOST, like root@web-1")
    return account, host.removeprefix("[").removesuffix("]")


def show(found: Explanation) -> None:
    """For a person to read."""
    subject = f"{printable(found.who)} as {printable(found.account)}@{printable(found.host)}"
    if found.yes:
        best = found.ways[0]
        by = f'by role "{printable(best.role)}"' if best.role else "by the account's own name"
        data(f"{good('yes', sys.stdout)}: {subject}, {by}")
        for way in found.ways:
            _show_way(way)
    else:
        data(f"{warn('no', sys.stdout)}: {subject}: {printable(found.message)}")
        data(f"  code        {printable(found.code)}")
        if found.role:
            data(f"  role        {printable(found.role)}")
            data(f"  condition   {printable(found.condition)}")
            data(f"  wanted      {_values(found.wanted)}")
            data(f"  found       {_values(found.found)}")
    for each in found.notes:
        data(f"  note        {printable(each)}")
    if found.hint:
        show_hint(found.hint)


def _show_way(way: WayIn) -> None:
    how = f"daypass login --role {printable(way.role)}" if way.narrow else "the day pass: daypass login"
    data(f"  how         {how}, for {duration(way.seconds)}")
    data(f"  line        {printable(f'{way.options} {way.principal}'.strip())}")
    if way.max_session:
        data(f"  session     ends {duration(way.max_session)} after the login")


def _values(values: list[str]) -> str:
    return ", ".join(printable(each) for each in values[:20]) + (" …" if len(values) > 20 else "") or "nothing"


def _own(ca: Administration, account: str, host: str) -> Explanation:
    from daypass.client import trust
    from daypass.client.mine import speaking

    with speaking(trust.current(ca.settings())) as (remote, prove, _):
        return remote.my_explain(account, host, prove)


def _supposed(facts: tuple[str, ...]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for each in facts:
        key, equals, value = each.partition("=")
        if not (key and equals):
            raise click.BadParameter("write a fact like group=dba", param_hint="--with")
        found.setdefault(key, []).append(value)
    return found


@click.command(
    epilog="""\b
Examples:
  daypass who root@web-1
  daypass who --json sql@db-1 | jq -r '.roles[].people[]'

Lists everybody on record, by what their providers said at their last sign-in; and whom else each role is for. Exit
code: 0 somebody, 1 nobody on record."""
)
@click.argument("target", metavar="ACCOUNT@HOST")
@administering
@json_option
def who(ca: Administration, target: str, as_json: bool) -> int:
    """List who could log in as ACCOUNT on HOST."""
    from daypass.api import WhoAnswer, WhoRequest

    account, host = place(target)
    body = WhoRequest(account=account, host=host)
    found = ca.call("who", body, WhoAnswer, f"ask who could log in as {target}", as_json=as_json)
    if as_json:
        from msgspec import to_builtins

        json_data(to_builtins(found))
    else:
        for each in found.roles:
            _show_holders(each)
        if not found.roles:
            data(f"nobody: no role gives {printable(account)} on {printable(found.host)}")
    return 0 if any(each.people for each in found.roles) else 1


def _show_holders(found: RoleHolders) -> None:
    how = f"daypass login --role {printable(found.role)}" if found.narrow else "the day pass"
    data(f"{bold(f'role {printable(found.role)}', sys.stdout)}, by {how}: {printable(found.options)}")
    for each in found.people[:SHOWN]:
        data(f"  {printable(each)}")
    if beyond := len(found.people) - SHOWN + found.more if len(found.people) > SHOWN else found.more:
        data(f"  and {beyond} more: --json lists them")
    data(f"  and whoever meets: {printable(found.conditions)}")
