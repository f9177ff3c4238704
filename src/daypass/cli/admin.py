"""`daypass ca`, `daypass ledger`: what is done on the CA's machine."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import sys
import time
from functools import partial
from typing import TYPE_CHECKING

import click

from daypass.cli.admin_break_glass import break_glass
from daypass.cli.admin_check import check_config
from daypass.cli.admin_config import config as configs
from daypass.cli.admin_events import events
from daypass.cli.admin_init import init
from daypass.cli.admin_ledger import show, verify
from daypass.cli.admin_options import Where, where_options
from daypass.cli.admin_provisioner import provisioner
from daypass.cli.admin_reload import reload, standing
from daypass.cli.admin_rotate import rotate
from daypass.cli.admin_trust import trust
from daypass.cli.output import good, note, show_hint

if TYPE_CHECKING:
    from daypass.config import Config

__all__ = ["ca", "ledger"]


@click.group(
    epilog="""\b
Examples:
  sudo daypass ca init --name Example --url https://ca.example.com
  sudo daypass ca check-config
  sudo daypass ca serve"""
)
def ca() -> None:
    """Make a CA, check its configuration, run it."""


@click.group(
    epilog="""\b
Examples:
  sudo daypass ledger verify
  sudo daypass ledger show --limit 20"""
)
def ledger() -> None:
    """Read and verify the record of what the CA did."""


ca.add_command(init)
ca.add_command(check_config)
ca.add_command(reload)
ca.add_command(configs)
ca.add_command(events)
ca.add_command(provisioner)
ca.add_command(trust)
ca.add_command(rotate)
ca.add_command(break_glass)
ledger.add_command(verify)
ledger.add_command(show)


@ca.command(
    epilog="""\b
Examples:
  sudo daypass ca serve
  sudo daypass ca serve --log info                  a line for each request
  daypass ca serve --config /tmp/ca/daypass.toml    one's own, for a trial

The passphrase of the keys is read from ca.passphrase_file, or from systemd's credential "passphrase"
($CREDENTIALS_DIRECTORY), or asked for on the terminal. It decides by the version of the configuration that is
published, whatever its own file says. SIGHUP publishes the file, as daypass ca reload does;
SIGTERM ends it after the requests in flight."""
)
@click.option(
    "--log",
    "level",
    type=click.Choice(["warning", "info", "debug"]),
    default="warning",
    show_default=True,
    help="How much is written to standard error: what is wrong, each request, everything. Never a token.",
)
@where_options
def serve(where: Where, level: str) -> None:
    """Run the CA until it is told to stop."""
    signal.signal(signal.SIGHUP, signal.SIG_IGN)  # until it can be answered it must not end us
    _write_log(level)
    config = where.load()
    secret = _passphrase(config)
    if remark := asyncio.run(standing(config)):
        show_hint(remark)
    from daypass.assemble import run_ca
    from daypass.server.serve import run

    ready = partial(_say_ready, config.ca.name)
    run(run_ca(config, secret, read=where.load, file=where.file, ready=ready))


def _say_ready(name: str, url: str) -> None:
    note(f"{good('serving')} {name} on {url}")


def _write_log(level: str) -> None:
    """Lines for a journal: UTC, level, logger. What issued what to whom is in the ledger, not here."""
    logging.Formatter.converter = time.gmtime
    form = "%(asctime)s %(levelname)s %(name)s: %(message)s"
    logging.basicConfig(level=level.upper(), format=form, datefmt="%Y-%m-%dT%H:%M:%SZ")
    for name in ("httpx2", "httpcore2"):  # whole URLs, with the paths by which receivers know us, and cookies
        logging.getLogger(name).setLevel(logging.WARNING)


def _passphrase(config: Config) -> bytes | None:
    from daypass.signers.passphrase import find_passphrase, is_locked

    found = find_passphrase(config.ca.passphrase_file, os.environ)
    if found is None and sys.stdin.isatty() and any(is_locked(key.file) for key in config.keys):
        answer: str = click.prompt("Passphrase of the CA's keys", hide_input=True, err=True)
        return answer.encode()
    return found


@ca.command(
    epilog="""\b
Example:
  sudo daypass ca migrate     after an upgrade of daypass, with the CA stopped"""
)
@where_options
def migrate(where: Where) -> None:
    """Bring the database to the form that this version expects."""
    config = where.load()
    from daypass.store.migrate import migrate as run

    run(config.ca.database)
    note(good("the database is up to date"))
