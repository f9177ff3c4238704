"""`daypass ca init`: a new CA, from its options, or by asking for the few things it has to know."""

from __future__ import annotations

import json
import socket
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import click

from daypass.cli.admin_options import Where, json_option, where_options
from daypass.cli.output import bold, data, good, note

if TYPE_CHECKING:
    from daypass.founding import Founded

__all__ = ["init"]


@click.command(
    epilog="""\b
Examples:
  sudo daypass ca init
  sudo daypass ca init --url https://ca.example.com \\
      --host-domain '*.example.com' --provider-issuer https://id.example.com \\
      --client-id daypass --passphrase-file /root/passphrase
  daypass ca init --config /tmp/ca/daypass.toml --url https://localhost:8443 \\
      --host-domain '*.test.example' --no-passphrase    one's own, for a trial

Nothing that exists is written over. What is missing is asked for on a terminal."""
)
@where_options
@click.option("--name", help="What people see this CA called.")
@click.option("--url", help="How people and hosts reach it: https://NAME[:PORT].")
@click.option("--host-domain", "domains", multiple=True, metavar="PATTERN", help="What the host CA may speak for.")
@click.option("--provider-issuer", "issuer", metavar="URL", help="The OpenID provider where people sign in.")
@click.option("--client-id", help="What daypass is registered as there.")
@click.option("--database", metavar="URL", default="", help="sqlite:////PATH or postgresql://; SQLite unless told.")
@click.option(
    "--passphrase-file", type=click.Path(path_type=Path), help="Encrypt the keys with what is in this file."
)
@click.option("--no-passphrase", is_flag=True, help="Leave the keys unencrypted (readable by their owner alone).")
@json_option
def init(
    where: Where,
    name: str | None,
    url: str | None,
    domains: tuple[str, ...],
    issuer: str | None,
    client_id: str | None,
    database: str,
    passphrase_file: Path | None,
    no_passphrase: bool,
    as_json: bool,
) -> None:
    """Make a new CA: keys, trust root, configuration and database."""
    if passphrase_file and no_passphrase:
        raise click.UsageError("--passphrase-file and --no-passphrase exclude each other")
    from daypass.founding import Plan, found

    asking = sys.stdin.isatty() and sys.stderr.isatty()
    _refuse_gaps(asking, url, domains, passphrase_file, no_passphrase)
    if asking and issuer is None and url is None:
        issuer = _ask("OpenID issuer where people sign in (empty: later)", "") or None
    url = url or _ask("URL of this CA", f"https://{socket.getfqdn()}")
    host = urlsplit(url).hostname or ""
    domain = host.partition(".")[2]
    plan = Plan(
        name=name or (_ask("Name of this CA", domain or host) if asking else domain or host),
        url=url,
        host_domains=domains or tuple(_ask("Host names it may speak for", f"*.{domain or 'example.com'}").split()),
        config=where.config,
        database=database,
        issuer=issuer or "",
        client_id=client_id or ("daypass" if issuer else ""),
        passphrase=_passphrase(passphrase_file, no_passphrase),
        passphrase_file=_as_configured(passphrase_file, where.root),
        root=where.root,
    )
    founded = found(plan, now=int(time.time()), tell=lambda step: note(f"  {good('made')} {step}"))
    _tell_json(founded) if as_json else _tell(founded)


def _refuse_gaps(
    asking: bool, url: str | None, domains: Sequence[str], passphrase_file: Path | None, no_passphrase: bool
) -> None:
    """Where nobody can be asked, say all that is missing in one go."""
    missing = [] if url else ["--url"]
    missing += [] if domains else ["--host-domain"]
    missing += [] if passphrase_file or no_passphrase else ["--passphrase-file or --no-passphrase"]
    if missing and not asking:
        raise click.UsageError(f"there is no terminal to ask on: give {', '.join(missing)}")


def _ask(question: str, default: str) -> str:
    answer: str = click.prompt(question, default=default, show_default=bool(default), err=True)
    return answer.strip()


def _passphrase(file: Path | None, no_passphrase: bool) -> bytes | None:
    if no_passphrase:
        return None
    if file is not None:
        from daypass.signers.passphrase import read_passphrase

        return read_passphrase(file)
    question = "Passphrase for the CA's keys (empty: none)"
    answer: str = click.prompt(question, default="", show_default=False, hide_input=True, err=True)
    if answer and answer != click.prompt("The same again", hide_input=True, err=True):
        raise click.UsageError("the two passphrases differ")
    return answer.encode() or None


def _as_configured(file: Path | None, root: Path) -> Path | None:
    """The passphrase file as the configuration names it: as seen from the root it is for."""
    if file is None:
        return None
    path = file.absolute()
    return Path("/") / path.relative_to(root) if path.is_relative_to(root) else None


def _tell(founded: Founded) -> None:
    note(f"""
The trust root alone can say which keys speak for this CA. Move it to offline storage now:
  {founded.offline}
It is needed again when keys are rotated, and never for daily work.

Redirect addresses to register at the identity provider:
  http://127.0.0.1/callback
  {founded.url.rstrip("/")}/device/callback

Fingerprint of this CA: {founded.fingerprint}
Next: a role in the configuration, then {bold("daypass ca check-config")}, {bold("ca reload")} and {bold("ca serve")}
Everybody joins with this line:""")
    data(founded.join)


def _tell_json(founded: Founded) -> None:
    data(
        json.dumps(
            {
                "ca_id": founded.ca_id.hex(),
                "fingerprint": founded.fingerprint,
                "bootstrap": founded.join,
                "offline": str(founded.offline),
                "files": [str(path) for path in founded.files],
            },
            indent=2,
        )
    )
