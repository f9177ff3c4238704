"""`daypass login`: the one command of every morning."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING

import click

from daypass.cli.login_shown import shown_instead
from daypass.cli.options import with_settings
from daypass.cli.output import bold, duration, good, json_data, note, printable, utc
from daypass.errors import Invalid

if TYPE_CHECKING:
    from daypass.client.holding import Held
    from daypass.client.settings import Settings
    from daypass.client.signin.login import Login
    from daypass.client.signin.typed import Code

__all__ = ["login", "opener_for", "show_code"]

_SIGN_IN_TAKES = 300  # seconds that a certificate asked for may be short of, unremarked


@click.command(
    epilog="""\b
Examples:
  daypass login                      a browser opens; then a work day of ssh
  daypass login --device             sign in on another device
  daypass login --lifetime 1h        for less than the day
  daypass login --confirm            your agent asks you before each use
  daypass login --provider unix      with your password, where the CA has PAM
  daypass login --role db-admin      one role alone, beside the day pass

With a certificate that holds it says so at once (one that was revoked is replaced); in its last two hours (of a short
one: the last eighth) it is replaced, and --force replaces it at any time. BROWSER chooses the browser. Where none can
be opened, as over ssh and in containers, you sign in on another device if the CA has a page for it: you type a code
there, after comparing machine and key. Only type a code that you asked for yourself.
With --role you sign in anew, and get a certificate of that role and nothing else: roles that are kept short, or are
for certain hours, are had in no other way. ssh offers it to your company's hosts before the day pass. Three at most
are held at a time; daypass logout --role NAME gives one up.
Without a sign-in: --token-file with what daypass token user made, or --x5c-cert and --x5c-key with --provider NAME.
In a job (GitHub Actions, GitLab CI, Buildkite, CircleCI, Kubernetes) the platform's token signs in; nobody is asked.
The private key is never written to a disk: it is in your ssh-agent until it expires."""
)
@click.option("--force", is_flag=True, help="Sign in even with a valid certificate; use even a forwarded agent.")
@click.option("--lifetime", metavar="TIME", help="For how long, such as 8h or 30m; at most what your roles give.")
@click.option(
    "--provider", "--provisioner", metavar="NAME", help="Which identity provider, where the CA knows several."
)
@click.option("--user", metavar="NAME", help="Your account, where the CA itself asks for its password (PAM).")
@click.option("--confirm", is_flag=True, help="Have the agent ask before each use of the key, as ssh-add -c does.")
@click.option("--device", "--no-browser", is_flag=True, help="Sign in on another device, at the CA's own page.")
@click.option(
    "--device-grant", is_flag=True, help="The same at the identity provider's page, where the CA allows it."
)
@click.option("--role", metavar="NAME", help="A certificate of this role alone, beside the day pass.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object on stdout: what you hold then.")
@click.option("--token-file", metavar="FILE", help="By the one-time token in FILE; - reads it.")
@click.option("--x5c-cert", metavar="FILE", help="By this X.509 client certificate (PEM), with --provider and:")
@click.option("--x5c-key", metavar="FILE", help="Its private key (PEM).")
@click.option("--notify", is_flag=True, help="Have your desktop tell you shortly before the day pass ends.")
@click.option("--no-browser-open", is_flag=True, help="Print the address to open, and open nothing.")
@with_settings
def login(
    force: bool,
    lifetime: str | None,
    provider: str | None,
    user: str | None,
    confirm: bool,
    device: bool,
    device_grant: bool,
    role: str | None,
    as_json: bool,
    token_file: str | None,
    x5c_cert: str | None,
    x5c_key: str | None,
    notify: bool,
    no_browser_open: bool,
    settings: Settings,
) -> int:
    """Sign in and get today's certificate."""
    from daypass.client.signin.desk import has_browser
    from daypass.client.signin.login import Login
    from daypass.client.signin.terminal import asker

    defaults = settings.machine_defaults()
    browser = has_browser(settings.environ)
    attempt = Login(
        settings,
        lambda text: note(printable(text)),
        opener_for(browser and not no_browser_open),
        lifetime=_seconds(lifetime or (defaults.lifetime if role is None else "") or None),
        provider=provider,
        force=force,
        confirm=confirm or defaults.confirm,
        device=device,
        grant=device_grant,
        browser=browser or no_browser_open or sys.stderr is None or not sys.stderr.isatty(),
        show_code=show_code,
        notify=notify or defaults.notify,
        ask=asker(),
        account=user or "",
        shown=shown_instead(token_file, x5c_cert, x5c_key, provider),
    )
    held = _sign_in(attempt, asked=lifetime is not None) if role is None else _take_role(attempt, role)
    if as_json:
        json_data(_fields(held, role))
    return 0


def _take_role(attempt: Login, role: str) -> Held:
    from daypass.client.signin.rolelogin import RoleLogin

    held = RoleLogin(attempt, role).run()
    _say_who(held, f"role {role} for")
    day_pass = attempt.held(to_the_end=True)
    if day_pass is not None and set(held.certificate.principals) <= set(day_pass.certificate.principals):
        note(f"your day pass carries this role already; daypass logout --role {role} gives this one up")
    wanted = attempt.lifetime
    if wanted is not None and held.seconds_left(time.time()) < wanted - _SIGN_IN_TAKES:
        _say_less(wanted)
    return held


def _sign_in(attempt: Login, *, asked: bool) -> Held:
    """Unless there is no need to."""
    now = time.time()
    # What the machine's owner set for all days is no wish for another certificate.
    held = (attempt if asked else replace(attempt, lifetime=None)).held(to_the_end=True)
    if held is not None and _is_taken_back(attempt.settings):
        note("your day pass was revoked; signing in for a new one")
        held = None
    if held is not None and not held.ends_soon(now):
        _say_who(held, "already signed in as", "; daypass login --force replaces it")
        return held
    if held is not None:
        note(f"your day pass ends in {duration(held.seconds_left(now))}; signing in for a new one")
    held = attempt.run()
    _say_who(held, "signed in as")
    wanted = attempt.lifetime
    if asked and wanted is not None and held.seconds_left(time.time()) < wanted - _SIGN_IN_TAKES:
        _say_less(wanted)
    return held


def _is_taken_back(settings: Settings) -> bool:
    """Then it is taken out of the agent, too. With a CA that is away it goes on."""
    from daypass.client.logout import logout_at
    from daypass.client.refreshing import taken_back

    context = settings.current()
    if context is None or not taken_back(settings, context):
        return False
    logout_at(settings, context)
    return True


def _say_less(wanted: int) -> None:
    note(f"that is less than the {duration(wanted)} you asked for, and as much as you may have")


def _fields(held: Held, role: str | None) -> dict[str, object]:
    from daypass.client.glance import login_name

    certificate = held.certificate
    return {
        "role": role,
        "login": login_name(certificate.principals, certificate.key_id),
        "key_id": certificate.key_id,
        "principals": list(certificate.principals),
        "serial": certificate.serial,
        "valid_after": utc(certificate.valid_after),
        "valid_before": utc(certificate.valid_before),
        "seconds_left": held.seconds_left(time.time()),
    }


def opener_for(opens: bool) -> Callable[[str], None]:
    """What sends the person to an address."""

    def opener(url: str) -> None:
        from daypass.client.signin.browser import open_in_browser

        if opens:
            open_in_browser(url, note)
        else:
            note(f"open this address in a browser on this machine:\n\n  {url}\n")

    return opener


def show_code(code: Code) -> None:
    """Big and clear; on stderr, as all that is not data."""
    note(f"\nOn a device with a browser, open\n\n    {bold(code.page)}\n\nand type this code there:\n")
    note(f"    {bold(code.code)}\n")
    if code.fingerprint:
        note("Go on there only if the page shows the same:\n")
        note(f"    machine  {printable(code.machine)}\n    key      {code.fingerprint}\n")
    note(f"The code is good for {code.minutes} min. Ctrl-C stops the sign-in.")


def _seconds(lifetime: str | None) -> int | None:
    from daypass.model import parse_duration

    seconds = None if lifetime is None else parse_duration(lifetime)
    if seconds == 0:
        raise Invalid(
            "a certificate for no time at all is of no use", hint="ask for as long as you need it: 8h or 30m"
        )
    return seconds


def _say_who(held: Held, how: str, more: str = "") -> None:
    from daypass.client.glance import login_name
    from daypass.client.signin.login import until

    certificate = held.certificate
    who = login_name(certificate.principals, certificate.key_id)
    left = duration(held.seconds_left(time.time()))
    note(f"{good(how)} {bold(printable(who))}, until {until(certificate)} ({left}){more}")
