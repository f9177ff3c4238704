"""`daypass token`: the secrets with which machines join, made, listed and taken back."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import click

from daypass.cli.admin_options import json_option
from daypass.cli.administration import Administration, administering
from daypass.cli.output import data, duration, json_data, moment, note, printable, utc
from daypass.cli.token_offline import Offline, offline_options
from daypass.cli.token_user import token_user

if TYPE_CHECKING:
    from daypass.api import JoinTokenRequest, TokenLine, TokenListResponse

__all__ = ["from_option", "label", "lifetime_option", "show_token", "token"]

from_option = click.option(
    "--from",
    "networks",
    multiple=True,
    metavar="NETWORK",
    help="Enrol from there only, as the CA sees it; repeatable.",
)
lifetime_option = click.option(
    "--lifetime", default="1h", show_default=True, help="How long the token can be used: an hour at most."
)


@click.group(
    epilog="""\b
Examples:
  sudo daypass token host web-1.example.com
  daypass token user alice@example.com --provisioner ops --key ops.jwe
  daypass token list
  daypass token revoke web-1.example.com --reason "sent to the wrong person" """.rstrip()
)
def token() -> None:
    """Tokens for machines that join: made, listed, revoked; and one-time tokens of a provisioner's key.

    On the CA's machine by root, or by an operator's sign-in; with a key anywhere.
    """


token.add_command(token_user)


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
  daypass token host 'web-*.example.com' --uses 50 --from 10.0.0.0/8
  daypass token host web-1.example.com --provisioner ops --key ops.jwe

With a pattern (* any characters, ? one) or several NAMEs the machine says which of them it is; the name must be
nobody's with a live certificate. With --uses --from is needed, and it lives for 24 hours at most: never put it into
user data. An operator needs the capability token:PATTERN for every name. With --provisioner and --key it is made
here, by that key, and the first NAME is the host's own; daypass token list knows nothing of it.""",
)
@click.argument("names", metavar="NAME...", nargs=-1, required=True)
@click.option("--alias", "aliases", multiple=True, metavar="NAME", help="A further name for the host; repeatable.")
@click.option("--address", "addresses", multiple=True, metavar="ADDRESS", help="An address that is its name, too.")
@click.option("--label", "labels", multiple=True, metavar="K=V", help="A label for the host; repeatable.")
@click.option("--uses", default=1, show_default=True, type=click.IntRange(1, 1000), help="How many may join.")
@from_option
@lifetime_option
@offline_options
@administering
@json_option
def token_host(
    ca: Administration, names: tuple[str, ...], aliases: tuple[str, ...], addresses: tuple[str, ...],
    labels: tuple[str, ...], uses: int, networks: tuple[str, ...], lifetime: str, offline: Offline, as_json: bool,
) -> None:  # fmt: skip
    """Make the token with which host NAME joins, once.

    It is printed once and kept only as a hash. Whoever has it can become this host: hand it over as a secret.
    """
    from daypass.api import JoinTokenRequest, JoinTokenResponse
    from daypass.model import parse_duration

    if offline.wanted:
        if addresses or networks or uses > 1:
            raise click.UsageError("a token by a key is for names alone, and once: no --address, --from, --uses")
        said: dict[str, object] = {"labels": dict(map(label, labels))} if labels else {}
        names = (*names, *aliases)
        offline.make(ca.settings, names[0], "host", names, said, parse_duration(lifetime), as_json=as_json)
        return
    several = uses > 1 or len(names) > 1 or any(set("*?") & set(name) for name in names)
    request = JoinTokenRequest(
        name="" if several else names[0],
        patterns=list(names) if several else [],
        aliases=list(aliases),
        addresses=list(addresses),
        labels=dict(map(label, labels)),
        networks=list(networks),
        uses=uses,
        lifetime=parse_duration(lifetime),
    )
    answer = ca.call("join_token", request, JoinTokenResponse, _purpose(request), as_json=as_json)
    show_token(answer.token, answer.name, answer.expires_at, uses, as_json)


@token.command(
    "list",
    epilog="""\b
Examples:
  daypass token list
  daypass token list --all --json | jq -r '.tokens[].id'""",
)
@click.option("--all", "ended", is_flag=True, help="Also used, revoked and expired ones of the last 30 days.")
@administering
@json_option
def token_list(ca: Administration, ended: bool, as_json: bool) -> None:
    """List the tokens that machines could still join with."""
    from daypass.api import TokenListRequest, TokenListResponse

    found = ca.call(
        "token_list", TokenListRequest(ended=ended), TokenListResponse, "read the join tokens", as_json=as_json
    )
    _show(found, as_json)
    if not found.tokens and not as_json:
        note("no join token is open" if not ended else "no join token was made in the last 30 days")


@token.command(
    "revoke",
    epilog="""\b
Examples:
  daypass token revoke 9f86d081884c7d65 --reason leaked
  daypass token revoke web-1.example.com --reason "sent to the wrong person"
  daypass token revoke 'web-*.example.com' --reason "image withdrawn"

Hosts that have joined keep what they have; see: daypass host remove. An operator needs the capability token:NAME by
name, revoke by id.""",
)
@click.argument("which", metavar="ID|NAME")
@click.option("--reason", required=True, metavar="TEXT", help="Why; for the ledger.")
@administering
@json_option
def token_revoke(ca: Administration, which: str, reason: str, as_json: bool) -> None:
    """Take back a token, or all open ones for just this name or pattern."""
    from daypass.api import TokenListResponse, TokenRevokeRequest

    is_id = len(which) == _ID and not set(which) - set("0123456789abcdef")
    body = TokenRevokeRequest(id=which if is_id else "", name="" if is_id else which, reason=reason)
    purpose = f"revoke join tokens for {which}" if not is_id else f"revoke join token {which}"
    _show(ca.call("token_revoke", body, TokenListResponse, purpose, as_json=as_json), as_json)


_ID = 16  # characters of a token's id


def show_token(token: str, name: str, expires_at: int, uses: int, as_json: bool) -> None:
    if as_json:
        json_data({"token": token, "name": name, "expires_at": utc(expires_at)})
        return
    data(token)
    often = "once" if uses == 1 else f"{uses} times"
    left = duration(expires_at - time.time() + 1)
    note(printable(f"good for {name}, {often}, for {left}; there: daypass host enroll --token-file FILE"))


def label(text: str) -> tuple[str, str]:
    """Key and value of `tier=gold`."""
    key, equals, value = text.partition("=")
    if not (key and equals):
        raise click.BadParameter("write a label like tier=gold", param_hint="--label")
    return key, value


def _purpose(request: JoinTokenRequest) -> str:
    names = (*([request.name] if request.name else request.patterns), *request.aliases)
    often = "" if request.uses == 1 else f", {request.uses} of them"
    return f"make a token with which {' and '.join(names)} can join{often}"


def _show(found: TokenListResponse, as_json: bool) -> None:
    if as_json:
        json_data({"tokens": [_plain(each) for each in found.tokens]})
        return
    for each in found.tokens:
        data(printable(_line(each)))


def _line(one: TokenLine) -> str:
    names = ", ".join((*one.names, *one.aliases, *one.addresses))
    parts = [one.id, f"{one.state:<7}", f"{one.uses}/{one.max_uses}", names]
    parts += [" ".join(f"{key}={value}" for key, value in sorted(one.labels.items()))] if one.labels else []
    parts += [f"from {', '.join(one.networks)}"] if one.networks else []
    parts += ["takes a host's place"] if one.replaces else []
    ends = f"revoked {moment(one.revoked_at)}" if one.revoked_at is not None else f"until {moment(one.expires_at)}"
    return "  ".join([*parts, ends, f"by {one.created_by}"])


def _plain(one: TokenLine) -> dict[str, object]:
    import msgspec

    times = {name: utc(getattr(one, name)) for name in ("created_at", "expires_at")}
    revoked = None if one.revoked_at is None else utc(one.revoked_at)
    return {**msgspec.structs.asdict(one), **times, "revoked_at": revoked}
