"""`daypass login`: the one command of every morning."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import click

from daypass.cli.options import with_settings
from daypass.cli.output import bold, duration, good, note, printable
from daypass.errors import Invalid

if TYPE_CHECKING:
    from daypass.client.settings import Settings

__all__ = ["login"]

_SIGN_IN_TAKES = 300  # seconds that a certificate asked for may be short of, unremarked


@click.command(
    epilog="""\b
Examples:
  daypass login                      a browser opens; then a work day of ssh
  daypass login --lifetime 1h        for less than the day
  daypass login --no-browser-open    print the address instead of opening it

With a valid certificate it says so at once and asks nobody; --force signs in anew. BROWSER chooses the browser.
The private key is never written to a disk: it is in your ssh-agent until it expires."""
)
@click.option("--force", is_flag=True, help="Sign in even with a valid certificate; use even a forwarded agent.")
@click.option("--lifetime", metavar="TIME", help="For how long, such as 8h or 30m; at most what your roles give.")
@click.option("--provider", metavar="NAME", help="Which identity provider, where the CA knows several.")
@click.option("--no-browser-open", is_flag=True, help="Print the address to open, and open nothing.")
@with_settings
def login(force: bool, lifetime: str | None, provider: str | None, no_browser_open: bool, settings: Settings) -> int:
    """Sign in and get today's certificate."""
    from daypass.client.browser import open_in_browser
    from daypass.client.login import Login

    def opener(url: str) -> None:
        if no_browser_open:
            note(f"open this address in a browser on this machine:\n\n  {url}\n")
        else:
            open_in_browser(url, note)

    wanted = _seconds(lifetime)
    attempt = Login(settings, lambda text: note(printable(text)), opener, wanted, provider, force)
    held = attempt.held()
    if held is None:
        held = attempt.run()
        _say_who(held, "signed in as")
        if wanted is not None and held.seconds_left(time.time()) < wanted - _SIGN_IN_TAKES:
            note(f"that is less than the {duration(wanted)} you asked for, and as much as you may have")
    else:
        _say_who(held, "already signed in as")
    return 0


def _seconds(lifetime: str | None) -> int | None:
    from daypass.model import parse_duration

    seconds = None if lifetime is None else parse_duration(lifetime)
    if seconds == 0:
        raise Invalid(
            "a certificate for no time at all is of no use", hint="ask for as long as you need it: 8h or 30m"
        )
    return seconds


def _say_who(held: Any, how: str) -> None:
    from daypass.client.glance import login_name
    from daypass.client.login import until

    certificate = held.certificate
    who = login_name(certificate.principals, certificate.key_id)
    left = duration(held.seconds_left(time.time()))
    note(f"{good(how)} {bold(printable(who))}, until {until(certificate)} ({left})")
