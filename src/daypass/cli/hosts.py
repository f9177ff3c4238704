"""`daypass hosts`: what one may reach, as which accounts, through which bastion."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import click

from daypass.cli.options import with_settings
from daypass.cli.output import data, duration, json_data, moment, note, printable, utc

if TYPE_CHECKING:
    from collections.abc import Sequence

    from daypass.api import MyHost
    from daypass.client.settings import Settings

__all__ = ["hosts"]

_NONE_JOINED = "no company joined; ask your operator for the line that starts: daypass bootstrap"


@click.command(
    epilog="""\b
Examples:
  daypass hosts                      where you may log in, and as whom
  daypass hosts db                   those with db in one of their names
  daypass hosts 'web-*.example.com' --label env=prod
  daypass hosts --json | jq -r '.[].name'
  daypass hosts --all                every host that has enrolled

With a valid day pass it asks the CA for today's lists; else, and where the CA does not answer, it shows what came
last and says how old that is. A line that ends in (role NAME) takes: daypass login --role NAME. Exit code 1 if no
host fits."""
)
@click.argument("host", required=False, default="")
@click.option("--label", "labels", multiple=True, metavar="K=V", help="With this label; repeatable, all must fit.")
@click.option("--all", "everything", is_flag=True, help="Every name that has enrolled, whoever may log in there.")
@click.option("--json", "as_json", is_flag=True, help="A JSON list on stdout.")
@click.option("--offline", is_flag=True, help="Ask nobody.")
@with_settings
def hosts(
    host: str, labels: tuple[str, ...], everything: bool, as_json: bool, offline: bool, settings: Settings
) -> int:
    """List the hosts that you may log in to. HOST is a part of a name, or a pattern with * and ?."""
    from daypass.client import names

    settings.current()  # says so where there is no company of that name
    companies = names.companies(str(settings.home), settings.wanted)
    if everything:
        if labels:
            raise click.UsageError("labels are known of hosts that you may log in to: leave out --all")
        return _enrolled(settings, companies, host.lower(), as_json=as_json, offline=offline)
    return _mine(settings, companies, host, [_label(each) for each in labels], as_json=as_json, offline=offline)


def _label(text: str) -> tuple[str, str]:
    key, equals, value = text.partition("=")
    if not (key and equals):
        raise click.BadParameter("write a label like env=prod", param_hint="--label")
    return key, value


def _mine(
    settings: Settings,
    companies: Sequence[str],
    word: str,
    labels: Sequence[tuple[str, str]],
    *,
    as_json: bool,
    offline: bool,
) -> int:
    from daypass.client import reach, refreshing

    now, found, unknown, rows = time.time(), 0, 0, list[dict[str, object]]()
    for company in companies:
        context = settings.context(company)
        fresh = not offline and reach.refresh(context)
        if fresh:
            refreshing.refresh(settings, context)
        known = reach.kept(context)
        if known is None:
            unknown += 1
            note(f"{company}: which hosts are yours is not known here; sign in: daypass login --context {company}")
            continue
        fitting = list(reach.chosen(known.hosts, word, labels))
        found += len(fitting)
        rows += [_fields(each, company, known.issued_at) for each in fitting]
        if not as_json:
            _show(fitting)
            if not fresh:
                as_whom = f" as {printable(known.login)}" if known.login else ""
                note(f"{company}{as_whom}: as of {moment(known.issued_at)}, {duration(now - known.issued_at)} ago")
    if as_json:
        json_data(rows)
    elif not found and not unknown:
        such = "such " if word or labels else ""
        note(f"there is no {such}host that you may log in to" if companies else _NONE_JOINED)
    return 0 if found or not (word or labels) else 1


def _show(found: Sequence[MyHost]) -> None:
    """A line for each: name, accounts, and the way there."""
    width = max((len(printable(each.name)) for each in found), default=0)
    for each in found:
        accounts = ", ".join(_account(one.account, one.role, narrow=one.narrow) for one in each.accounts)
        via = f"  through {printable(each.via)}" if each.via else ""
        data(f"{printable(each.name):{width}}  {accounts}{via}")


def _account(account: str, role: str, *, narrow: bool) -> str:
    return f"{printable(account)} (role {printable(role)})" if narrow else printable(account)


def _fields(each: MyHost, company: str, issued_at: int) -> dict[str, object]:
    return {
        "name": each.name,
        "names": each.names,
        "company": company,
        "labels": each.labels,
        "accounts": [{"account": one.account, "role": one.role, "narrow": one.narrow} for one in each.accounts],
        "via": each.via or None,
        "as_of": utc(issued_at),
    }


def _enrolled(settings: Settings, companies: Sequence[str], word: str, *, as_json: bool, offline: bool) -> int:
    """Every name of the signed list that came with the last login, or of today's."""
    from fnmatch import fnmatchcase

    from daypass.client import names, refreshing

    fresh = {each for each in companies if not offline and refreshing.refresh(settings, settings.context(each))}
    pattern, now = word if set("*?") & set(word) else f"*{word}*", time.time()
    found = [
        (each.company, each.issued_at, [name for name in each.hosts if fnmatchcase(name, pattern)])
        for each in names.known(str(settings.home), companies)
    ]
    if as_json:
        json_data([
            {"name": name, "company": company, "as_of": utc(made)} for company, made, hosts in found for name in hosts
        ])  # fmt: skip
        return 0
    for company, made, hosts in found:
        for name in hosts:
            data(name)
        if company not in fresh:
            note(f"{company}: as of {moment(made)}, {duration(now - made)} ago")
    if not any(hosts for *_, hosts in found):
        note("no host is known; a login brings the list: daypass login" if companies else _NONE_JOINED)
    return 0 if any(hosts for *_, hosts in found) or not word else 1
