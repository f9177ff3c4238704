"""`daypass token user`: a one-time token by which a person signs in."""

from __future__ import annotations

import click

from daypass.cli.admin_options import json_option
from daypass.cli.options import with_settings
from daypass.cli.token_offline import Offline, offline_options
from daypass.client.settings import Settings

__all__ = ["token_user"]


@click.command(
    "user",
    epilog="""\b
Examples:
  daypass token user alice@example.com --provisioner ops --key ops.jwe
  daypass token user alice@example.com --provisioner ops --key ops.jwe \\
      --for alice.pub --group oncall
  daypass token user alice --provisioner ops --key ops.jwe --role dba

Made here, by the key alone; the CA hears of it when it is used. Whoever has it is NAME, once: bind it to their key
with --for where you can. What they get for it roles say, whose provider is the provisioner.""",
)
@click.argument("name")
@click.option("--email", default="", metavar="ADDRESS", help="Their address, where NAME is none.")
@click.option("--group", "groups", multiple=True, metavar="NAME", help="A group they are in; repeatable.")
@click.option("--role", default="", metavar="NAME", help="For a certificate of this role alone.")
@click.option("--lifetime", default="5m", show_default=True, help="How long it can be used: an hour at most.")
@offline_options
@json_option
@with_settings
def token_user(
    name: str, email: str, groups: tuple[str, ...], role: str, lifetime: str, offline: Offline, as_json: bool,
    settings: Settings,
) -> None:  # fmt: skip
    """Make the token by which person NAME signs in, once."""
    from daypass.model import parse_duration

    said: dict[str, object] = {"email": email, "groups": list(groups), "role": role}
    more = {key: value for key, value in said.items() if value}
    offline.make(lambda: settings, name, "user", (), more, parse_duration(lifetime), as_json=as_json)
