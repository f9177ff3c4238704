"""`daypass token`: the one-time secrets with which machines join."""

from __future__ import annotations

import time

import click

from daypass.cli.admin_options import json_option
from daypass.cli.administration import Administration, administering
from daypass.cli.output import data, duration, json_data, note, utc

__all__ = ["label", "token"]


@click.group(
    epilog="""\b
Examples:
  sudo daypass token host web-1.example.com"""
)
def token() -> None:
    """Make one-time tokens: on the CA's machine, or as an operator by a sign-in."""


@token.command(
    "host",
    epilog="""\b
Examples:
  sudo daypass token host web-1.example.com > token
  sudo daypass token host db-3.example.com --alias db.example.com \\
      --label tier=gold --lifetime 10m
  ssh ca.example.com sudo daypass token host web-1.example.com |
      sudo daypass host enroll --token-file -
  daypass token host web-1.example.com     an operator, by a sign-in

An operator needs the capability token:PATTERN for every name.""",
)
@click.argument("name")
@click.option("--alias", "aliases", multiple=True, metavar="NAME", help="A further name for the host; repeatable.")
@click.option("--label", "labels", multiple=True, metavar="K=V", help="A label for the host; repeatable.")
@click.option("--lifetime", default="1h", show_default=True, help="How long the token can be used.")
@administering
@json_option
def token_host(
    ca: Administration, name: str, aliases: tuple[str, ...], labels: tuple[str, ...], lifetime: str, as_json: bool
) -> None:
    """Make the one-time token with which host NAME joins.

    It is printed once and kept only as a hash. Whoever has it can become this host: hand it over as a secret.
    """
    from daypass.api import JoinTokenRequest, JoinTokenResponse
    from daypass.model import parse_duration

    pairs = dict(map(label, labels))
    request = JoinTokenRequest(name=name, aliases=list(aliases), labels=pairs, lifetime=parse_duration(lifetime))
    purpose = f"make a token with which {' and '.join((name, *aliases))} can join"
    answer = ca.call("join_token", request, JoinTokenResponse, purpose, as_json=as_json)
    if as_json:
        json_data({"token": answer.token, "name": answer.name, "expires_at": utc(answer.expires_at)})
        return
    data(answer.token)
    left = duration(answer.expires_at - time.time() + 1)
    note(f"good for {answer.name}, once, for {left}; there: daypass host enroll --token-file FILE")


def label(text: str) -> tuple[str, str]:
    """Key and value of `tier=gold`."""
    key, equals, value = text.partition("=")
    if not (key and equals):
        raise click.BadParameter("write a label like tier=gold", param_hint="--label")
    return key, value
