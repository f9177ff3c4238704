"""`daypass host list|show|remove|replace`: the hosts on record, for operators."""

from __future__ import annotations

from collections.abc import Iterator
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any

import click

from daypass.cli.admin_options import json_option
from daypass.cli.admin_token import from_option, label, lifetime_option, show_token
from daypass.cli.administration import Administration, administering
from daypass.cli.output import data, json_data, moment, note, printable, show_hint, utc

if TYPE_CHECKING:
    from daypass.api import HostDetails, HostLine

__all__ = ["host_list", "remove", "replace", "show"]

_MARKS = ("live", "expired", "cloned", "quiet")
_WHERE = "On the CA's machine by root, or by an operator's sign-in with the capability audit."


@click.command(
    "list",
    epilog=f"""\b
Examples:
  daypass host list
  daypass host list 'web-*' --label tier=gold
  daypass host list --mark cloned
  daypass host list --json | jq -r '.hosts[].name'

{_WHERE}
Marks: expired, without a certificate that holds; cloned, two machines speak under one certificate; quiet, no word
from it for a day. What a host says of itself admits nobody anywhere.""",
)
@click.argument("pattern", required=False, default="")
@click.option("--label", "labels", multiple=True, metavar="K=V", help="Only hosts with this label; repeatable.")
@click.option("--mark", type=click.Choice(_MARKS), help="Only hosts that are marked so.")
@administering
@json_option
def host_list(ca: Administration, pattern: str, labels: tuple[str, ...], mark: str | None, as_json: bool) -> None:
    """List the hosts on record, and what stands out.

    Until when each is certified, with its labels.
    """
    from daypass.api import HostLine, HostListRequest

    wanted, found = dict(map(label, labels)), list[HostLine]()

    def take(lines: Iterator[HostLine]) -> None:
        found[:] = [each for each in lines if _fits(each, pattern, wanted, mark)]

    ca.lines("host_list", HostListRequest(), HostLine, "read which hosts are on record", take)
    if as_json:
        json_data({"hosts": [_plain(each) for each in found]})
        return
    for each in found:
        data(printable(_line(each)))
    if not found:
        note("no such host is on record" if pattern or wanted or mark else "no host has enrolled yet")


@click.command(
    "show",
    epilog=f"""\b
Examples:
  daypass host show web-1.example.com
  daypass host show web-1 --json

{_WHERE}""",
)
@click.argument("host", metavar="HOST")
@administering
@json_option
def show(ca: Administration, host: str, as_json: bool) -> None:
    """Show one host: names, labels, certificates."""
    from daypass.api import HostDetails, HostShowRequest

    found = ca.call("host_show", HostShowRequest(host=host), HostDetails, f"read about {host}", as_json=as_json)
    if as_json:
        certificates = [_times(each, "valid_after", "valid_before", "revoked_at") for each in found.certificates]
        json_data({"host": _plain(found.host), "certificates": certificates})
        return
    for line in _details(found):
        data(printable(line))


@click.command(
    "remove",
    epilog="""\b
Examples:
  daypass host remove web-1.example.com --reason "machine sold"

Its sshd goes on as it is: people's certificates let them in there until `daypass host leave` on the machine. But no
laptop takes it for this host any more. An operator needs the capabilities token:NAME and revoke.""",
)
@click.argument("name")
@click.option("--reason", required=True, metavar="TEXT", help="Why; for the ledger.")
@administering
@json_option
def remove(ca: Administration, name: str, reason: str, as_json: bool) -> None:
    """Take host NAME off record.

    Its certificates are revoked, its names are free.
    """
    from daypass.api import HostRemoved, HostRemoveRequest

    body = HostRemoveRequest(name=name, reason=reason)
    found = ca.call("host_remove", body, HostRemoved, f"remove host {name}", as_json=as_json)
    if as_json:
        json_data({"name": found.name, "id": found.id, "serials": found.serials, "names": found.names})
        return
    revoked = ", ".join(map(str, found.serials)) or "nothing was live"
    data(printable(f"{found.name} removed; revoked: {revoked}; free: {', '.join(found.names)}"))


@click.command(
    "replace",
    epilog="""\b
Examples:
  daypass host replace web-1.example.com > token
  daypass host replace web-1.example.com --from 10.0.0.0/8 --lifetime 15m

The host of that name works on until the new machine has joined by `daypass host enroll --token-file token`. Then what
it held is revoked, and it has to join anew under another name. An operator needs the capability token:NAME.""",
)
@click.argument("name")
@from_option
@lifetime_option
@administering
@json_option
def replace(ca: Administration, name: str, networks: tuple[str, ...], lifetime: str, as_json: bool) -> None:
    """Let another machine become host NAME.

    Prints the token with which it joins; it gets the names and labels of that host.
    """
    from daypass.api import HostReplaceRequest, JoinTokenResponse
    from daypass.model import parse_duration

    body = HostReplaceRequest(name=name, networks=list(networks), lifetime=parse_duration(lifetime))
    purpose = f"let another machine take the place of {name}"
    answer = ca.call("host_replace", body, JoinTokenResponse, purpose, as_json=as_json)
    show_token(answer.token, answer.name, answer.expires_at, 1, as_json)
    if not as_json:
        show_hint(f"when it has joined, what the machine before it held is revoked: daypass host show {name}")


def _fits(host: HostLine, pattern: str, labels: dict[str, str], mark: str | None) -> bool:
    named = not pattern or any(fnmatchcase(name, pattern) for name in (host.name, *host.aliases))
    return named and labels.items() <= host.labels.items() and (mark is None or mark in host.marks)


def _line(host: HostLine) -> str:
    until = f"until {moment(host.live_until)}" if host.live_until else "no certificate"
    labels = " ".join(f"{key}={value}" for key, value in sorted(host.labels.items()))
    shouted = " ".join(mark.upper() for mark in host.marks if mark != "live")
    return "  ".join(part for part in (f"{host.name:<30}", until, labels, shouted) if part)


def _details(found: HostDetails) -> Iterator[str]:
    host = found.host
    yield f"{host.name}  ({host.id})"
    if others := (*host.aliases, *host.addresses):
        yield f"  also called   {', '.join(others)}"
    for key, value in sorted(host.labels.items()):
        yield f"  label         {key}={value}"
    origin = f" from {host.enrolled_from}" if host.enrolled_from else ""
    yield f"  on record     since {moment(host.enrolled_at)}{origin}"
    yield f"  certified     {f'until {moment(host.live_until)}' if host.live_until else 'no more'}"
    yield f"  leaves        {moment(host.leaves_at)}, if it gets no other certificate"
    yield from _said(host)
    if "cloned" in host.marks:
        yield f"  CLONED        {len(host.machines)} machines speak under its certificates: enrol each anew"
    for each in found.certificates:
        ended = f", revoked {moment(each.revoked_at)}" if each.revoked_at is not None else ""
        yield f"  certificate   {each.serial}, until {moment(each.valid_before)}{ended}"
        yield f"                {each.key}  {', '.join(each.principals)}"


def _said(host: HostLine) -> Iterator[str]:
    """By its own word."""
    last = "never" if host.synced_at is None else moment(host.synced_at)
    yield f"  last word     {last}{', QUIET' if 'quiet' in host.marks else ''}"
    about = host.about
    if about is None:
        return
    yield f"  says          {', '.join(filter(None, (about.agent, about.openssh))) or 'nothing of its programs'}"
    yield from (f"  sshd's key    {key}" for key in about.keys)
    yield from (f"  break-glass   {key}" for key in about.break_glass)


def _plain(host: HostLine) -> dict[str, Any]:
    return {
        **_times(host, "live_until", "leaves_at", "enrolled_at", "synced_at"),
        "about": None if host.about is None else _times(host.about, "expires", "since"),
    }


def _times(value: Any, *names: str) -> dict[str, Any]:
    """Its fields, these as times; 0 and None are none."""
    import msgspec

    fields = msgspec.structs.asdict(value)
    return {**fields, **{name: utc(fields[name]) if fields[name] else None for name in names}}
