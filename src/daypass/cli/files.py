"""`daypass needs-renewal`, `check-host` and `list`: what a file, the agent, the company has."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import click

from daypass.cli.options import context_option, root_option, with_settings
from daypass.cli.output import data, duration, json_data, moment, note, printable, utc

if TYPE_CHECKING:
    from daypass.client.files.listed import Listed
    from daypass.client.settings import Settings

__all__ = ["check_host", "list_keys", "needs_renewal"]


@click.command(
    "needs-renewal",
    epilog="""\b
Examples:
  daypass needs-renewal hostkey-cert.pub && echo renew it
  daypass needs-renewal id-cert.pub --expires-in 75%    75 % of it is used
  daypass needs-renewal id-cert.pub --expires-in 8h     8 h or less are left

Exit codes of its own, as step has them: 0 it needs renewal, 1 it does not, 2 there is no such file, 255 anything
else. Cheap enough for cron: it asks nobody.""",
)
@click.argument("file", default="-")
@click.option("--expires-in", default="66%", metavar="WHEN", help="A share such as 75%, or a time such as 1h15m.")
@click.option("-v", "--verbose", is_flag=True, help="Say what was found.")
def needs_renewal(file: str, expires_in: str, verbose: bool) -> int:
    """Tell by the exit code whether the certificate in FILE needs renewal. FILE is - for standard input."""
    from daypass.cli.files_due import check

    return check(file, expires_in, verbose=verbose)


@click.command(
    "check-host",
    epilog="""\b
Examples:
  daypass check-host web-1.example.com && echo known
  daypass check-host -v web-1.example.com

Prints true or false; exit code 0 or 1. It goes by the list that came with your last login (daypass hosts fetches a
new one) and asks nobody.""",
)
@click.argument("host")
@click.option("-v", "--verbose", is_flag=True, help="Say which company the host belongs to.")
@context_option
@root_option
def check_host(host: str, verbose: bool, context: str, root: str) -> int:
    """Tell whether HOST has enrolled with a company of yours."""
    from daypass.cli.files_hosts import check

    return check(host, root, context, verbose=verbose)


@click.command(
    "list",
    epilog="""\b
Examples:
  daypass list               as ssh-add -l, and which entries are a company's
  daypass list me@laptop     those with this comment alone
  daypass list --raw         whole public keys, as ssh-add -L
  daypass list --json | jq -r '.[] | select(.company) | .valid_before'
  daypass list --remote      what you hold by the CA's record

Looks into your ssh-agent (SSH_AUTH_SOCK), our own, and the ones that hold a day pass. Exit code 1 if no agent
answers.""",
)
@click.argument("comment", required=False)
@click.option("--raw", is_flag=True, help="Print the public keys themselves.")
@click.option("--remote", is_flag=True, help="Your certificates at the CA instead: serial, key id, end.")
@click.option("--json", "as_json", is_flag=True, help="A JSON list on stdout.")
@with_settings
def list_keys(comment: str | None, raw: bool, remote: bool, as_json: bool, settings: Settings) -> int:
    """List what your ssh-agent holds."""
    if remote:
        from daypass.cli.files_revoke import show_mine

        show_mine(settings, as_json=as_json)
        return 0
    from daypass.client.files import listed

    answer = listed.look(settings)
    if answer is None:
        note("no ssh-agent answers")
        return 1
    found, now = [each for each in answer if comment in (None, each.comment)], time.time()
    if as_json:
        json_data([_fields(each, now) for each in found])
        return 0
    for each in found:
        data(printable(each.line()) if raw else _line(each, now))
    if not found:
        note("the agent holds nothing" + (f" with the comment {printable(comment)}" if comment else ""))
    return 0


def _line(each: Listed, now: float) -> str:
    key = each.key
    head = f"{key.bits} {key.fingerprint}" if key else "? ?"
    role = f", role {printable(each.role)}" if each.role else ""
    ours = f"  {each.company}{role}, {_time_left(each, now)}" if each.company else ""
    return f"{head} {printable(each.comment) or 'no comment'} ({key.name if key else printable(each.type)}){ours}"


def _time_left(each: Listed, now: float) -> str:
    left = each.valid_before - now
    return f"until {moment(each.valid_before)} ({duration(left)} left)" if left > 0 else "expired"


def _fields(each: Listed, now: float) -> dict[str, object]:
    key, certificate = each.key, each.key.certificate if each.key else None
    fields: dict[str, object] = {
        "type": each.type,
        "bits": key.bits if key else None,
        "fingerprint": key.fingerprint if key else None,
        "comment": each.comment,
        "agent": each.agent,
        "company": each.company,
        "role": each.role,
    }
    if certificate is not None and each.company:
        fields |= {
            "key_id": certificate.key_id,
            "serial": certificate.serial,
            "valid_before": utc(certificate.valid_before),
            "seconds_left": max(0, int(certificate.valid_before - now)),
        }
    return fields
