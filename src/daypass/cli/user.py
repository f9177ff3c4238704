"""A person's commands: join a company, see what one holds, give it back, set up ssh. `login` has its own file."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from daypass.cli.options import context_option, keep_log, root_option, with_settings
from daypass.cli.output import bold, counted, data, good, note, printable, show_hint

if TYPE_CHECKING:
    from daypass.client.settings import Settings
    from daypass.errors import DaypassError

__all__ = ["bootstrap", "logout", "ssh_config", "status"]


@click.command(
    epilog="""\b
Examples:
  daypass bootstrap https://ca.example.com/#3f0a…c41d
  daypass bootstrap https://ca.example.com --fingerprint 3f0a…c41d
  daypass bootstrap https://ca.other.example/#77b2…0d3e --context other

The line comes from your operator: daypass ca init prints it. The fingerprint is what makes the CA yours and
nobody else's; joining the same CA again does no harm."""
)
@click.argument("url")
@click.option("--fingerprint", metavar="HEX", help="SHA-256 of the CA's root certificate.")
@click.option("--context", "name", default="", metavar="NAME", help="What to call this company; else its host name.")
@root_option
def bootstrap(url: str, fingerprint: str | None, name: str, root: str) -> int:
    """Join a company: pin the roots of the CA at URL."""
    from daypass.client import trust
    from daypass.client.openssh import sshsetup
    from daypass.client.settings import Settings

    address, pinned = trust.split_address(url, fingerprint)
    settings = Settings.load(root)
    keep_log(settings)
    membership = trust.bootstrap(settings, address, pinned, name)
    called = f", called {name} here" if name else ""
    note(f"{good('joined')} {bold(printable(membership.ca_name))} at {membership.url}{called}")
    if sshsetup.follow(settings, membership):
        note(f"ssh is set up for its hosts too: {', '.join(membership.host_patterns)}")
        show_hint("every day: daypass login")
    else:
        show_hint("next, once: daypass ssh-config; then, every day: daypass login")
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
@context_option
@root_option
def status(as_json: bool, context: str, root: str) -> int:
    """Show what you hold, as whom, for how long."""
    from daypass.cli.quick import show_status

    return show_status(root, context, as_json)


@click.command(
    epilog="""\b
Examples:
  daypass logout          at the company in use
  daypass logout --all    at every company
  daypass logout --role db-admin    this role alone; the day pass stays
  daypass logout --everywhere       all that you hold, on every machine

Takes the certificates and their keys out of the agent, those of single roles too, removes the files, and ends shared
ssh connections to the company's hosts. Needs no network, but with --everywhere: then the CA takes back every
certificate of yours, and hosts end your open sessions. Your day pass speaks for you, so it has to be there. ssh
starts no sign-in by itself until the next daypass login. Exit code 1 if there was nothing to give up."""
)
@click.option("--all", "at_all", is_flag=True, help="At every company you have joined.")
@click.option("--role", metavar="NAME", help="Give up the certificate of this role, and nothing else.")
@click.option("--everywhere", is_flag=True, help="On every machine: the CA takes back all that is yours.")
@click.option("--reason", default="", metavar="TEXT", help="With --everywhere: why; it is kept in the CA's record.")
@click.option("--wait", is_flag=True, help="With --everywhere: wait some seconds for what hosts say.")
@with_settings
def logout(at_all: bool, role: str | None, everywhere: bool, reason: str, wait: bool, settings: Settings) -> int:
    """Give up the certificate: agent, file and open connections."""
    from daypass.client.logout import logout as give_up
    from daypass.client.logout import logout_role

    if role is not None:
        if at_all or everywhere:
            raise click.UsageError("--role is one certificate, so it does not go with --all and --everywhere")
        count = logout_role(settings, role)
        note(
            f"gave up the role {printable(role)}"
            + (f"; {counted(count, 'shared connection')} ended" if count else "")
        )
        return 0
    if (reason or wait) and not everywhere:
        raise click.UsageError("--reason and --wait go with --everywhere")
    failed = _leave(settings, reason, at_all=at_all, wait=wait) if everywhere else None
    done = give_up(settings, everywhere=at_all)
    for each in done:
        ended = f"; {counted(each.connections, 'shared connection')} ended" if each.connections else ""
        note(f"{'logged out of' if each.had_pass else 'you were not signed in at'} {each.company}{ended}")
    if any(settings.context(each.company).ssh_config.exists() for each in done):
        note("ssh will not sign you in by itself until you run: daypass login")
    if failed is not None:
        note("what you hold on other machines was NOT taken back: daypass login, then daypass logout --everywhere")
        raise failed
    return 0 if any(each.had_pass for each in done) else 1


def _leave(settings: Settings, reason: str, *, at_all: bool, wait: bool) -> DaypassError | None:
    """Have the CAs take back what is on other machines, too, before the day pass that asks for it is gone. Gives the
    first that did not: what is here is given up all the same."""
    from daypass.client import mine, trust
    from daypass.errors import DaypassError

    current = settings.current()
    failed: DaypassError | None = None
    for context in settings.contexts() if at_all else (current,) if current else ():
        try:
            ended = mine.leave(trust.load(context), reason, wait=wait)
        except DaypassError as error:
            failed = failed or error
        else:
            note(f"{counted(ended.count, 'certificate')} taken back by {printable(context.name)}")
            if ended.applied is not None:
                closed = f", {counted(ended.closed, 'session')} closed" if ended.closed else ""
                note(f"in force on {ended.applied} of {ended.hosts} hosts by their own word{closed}")
    return failed


@click.command(
    "ssh-config",
    epilog="""\b
Examples:
  daypass ssh-config --dry-run    show what would change
  daypass ssh-config              change it, and show what changed
  daypass ssh-config --remove     as it was before, byte for byte

Adds one Include to the top of ~/.ssh/config. It concerns hosts under the names your CA publishes, and no others.
Running it again changes nothing; a login keeps it up to date. It is for every company you have joined, and for
those you will join; with --context for that one alone.

Once your certificate has expired, plain ssh starts the next sign-in by itself. --no-auto-login turns that off until
--auto-login; DAYPASS_AUTO_LOGIN=0 does for a while.""",
)
@click.option("--remove", is_flag=True, help="Take out everything it wrote.")
@click.option("--dry-run", is_flag=True, help="Show the difference, change nothing.")
@click.option("--auto-login/--no-auto-login", default=None, help="Whether plain ssh starts the sign-in; kept.")
@with_settings
def ssh_config(remove: bool, dry_run: bool, auto_login: bool | None, settings: Settings) -> int:
    """Set up OpenSSH's client for your companies' hosts, once."""
    from daypass.client.openssh import sshsetup

    changes = sshsetup.plan(settings, remove=remove, auto_login=auto_login)
    for change in changes:
        data(change.diff().rstrip("\n"))
    if not dry_run:
        sshsetup.apply(settings, changes, remove=remove)
    if not changes:
        note("nothing to change")
    return 0
