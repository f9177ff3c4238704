"""A person's commands: join a company, sign in, see what one holds, give it back, set up ssh."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import click

from daypass.cli.output import bold, data, duration, good, note, printable, show_hint
from daypass.errors import Invalid

__all__ = ["bootstrap", "login", "logout", "root_option", "ssh_config", "status"]

_Command = Callable[..., Any]
_SIGN_IN_TAKES = 300  # seconds that a certificate asked for may be short of, unremarked


def root_option(command: _Command) -> _Command:
    """`--root DIR`, which stands for / in tests and images."""
    return click.option("--root", default="", metavar="DIR", help="Work below DIR instead of /.")(command)


@click.command(
    epilog="""\b
Examples:
  daypass bootstrap https://ca.example.com/#3f0a…c41d
  daypass bootstrap https://ca.example.com --fingerprint 3f0a…c41d

The line comes from your operator: daypass ca init prints it. The fingerprint is what makes the CA yours and
nobody else's; joining the same CA again does no harm."""
)
@click.argument("url")
@click.option("--fingerprint", metavar="HEX", help="SHA-256 of the CA's root certificate.")
@root_option
def bootstrap(url: str, fingerprint: str | None, root: str) -> int:
    """Join a company: pin the roots of the CA at URL."""
    from daypass.client import trust
    from daypass.client.settings import Settings

    address, pinned = trust.split_address(url, fingerprint)
    membership = trust.bootstrap(Settings.load(root), address, pinned)
    note(f"{good('joined')} {bold(printable(membership.ca_name))} at {membership.url}")
    show_hint("next, once: daypass ssh-config; then, every day: daypass login")
    return 0


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
@root_option
def login(force: bool, lifetime: str | None, provider: str | None, no_browser_open: bool, root: str) -> int:
    """Sign in and get today's certificate."""
    from daypass.client.browser import open_in_browser
    from daypass.client.login import Login
    from daypass.client.settings import Settings

    def opener(url: str) -> None:
        if no_browser_open:
            note(f"open this address in a browser on this machine:\n\n  {url}\n")
        else:
            open_in_browser(url, note)

    settings = Settings.load(root)
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


@click.command(
    epilog="""\b
Examples:
  daypass status
  daypass status --json | jq .seconds_left
  daypass status >/dev/null 2>&1 || daypass login

Exit code 0 with a valid certificate whose key the agent has, else 1. Asks nobody but the agent; cheap enough for
a shell prompt."""
)
@click.option("--json", "as_json", is_flag=True, help="One JSON object on stdout.")
@root_option
def status(as_json: bool, root: str) -> int:
    """Show what you hold, as whom, for how long."""
    from daypass.cli.quick import show_status

    return show_status(root, as_json)


@click.command(
    epilog="""\b
Examples:
  daypass logout          at the company in use
  daypass logout --all    at every company

Takes the certificate and its key out of the agent, removes the file, and ends shared ssh connections to the
company's hosts. Needs no network. Exit code 1 if there was nothing to give up."""
)
@click.option("--all", "everywhere", is_flag=True, help="At every company you have joined.")
@root_option
def logout(everywhere: bool, root: str) -> int:
    """Give up the certificate: agent, file and open connections."""
    from daypass.client.logout import logout as give_up
    from daypass.client.settings import Settings

    done = give_up(Settings.load(root), everywhere=everywhere)
    for each in done:
        ended = f"; {each.connections} shared connection(s) ended" if each.connections else ""
        note(f"{'logged out of' if each.had_pass else 'you were not signed in at'} {each.company}{ended}")
    return 0 if any(each.had_pass for each in done) else 1


@click.command(
    "ssh-config",
    epilog="""\b
Examples:
  daypass ssh-config --dry-run    show what would change
  daypass ssh-config              change it, and show what changed
  daypass ssh-config --remove     as it was before, byte for byte

Adds one Include to the top of ~/.ssh/config. It concerns hosts under the names your CA publishes, and no others.
Running it again changes nothing; a login keeps it up to date.""",
)
@click.option("--remove", is_flag=True, help="Take out everything it wrote.")
@click.option("--dry-run", is_flag=True, help="Show the difference, change nothing.")
@root_option
def ssh_config(remove: bool, dry_run: bool, root: str) -> int:
    """Set up OpenSSH's client for your company's hosts, once."""
    from daypass.client import sshsetup
    from daypass.client.settings import Settings

    settings = Settings.load(root)
    changes = sshsetup.plan(settings, remove=remove)
    for change in changes:
        data(change.diff().rstrip("\n"))
    if not dry_run:
        sshsetup.apply(settings, changes, remove=remove)
    if not changes:
        note("nothing to change")
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
