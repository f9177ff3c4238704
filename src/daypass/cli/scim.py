"""`daypass scim`: the bearers with which identity providers push their people and groups to the CA."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from daypass.cli.admin_options import json_option
from daypass.cli.administration import Administration, administering
from daypass.cli.output import data, json_data, moment, note, printable, utc

if TYPE_CHECKING:
    from daypass.api import ScimTokenLine

__all__ = ["scim", "scim_token"]


@click.group(
    epilog="""\b
Examples:
  sudo daypass scim token create corp
  daypass scim token list
  daypass scim token revoke 0123456789ab --reason "new one in use" """.rstrip()
)
def scim() -> None:
    """Identity providers that push their directories, by SCIM 2.0.

    On the CA's machine by root, or by an operator's sign-in.
    """


@scim.group(
    "token",
    epilog="""\b
Examples:
  sudo daypass scim token create corp
  daypass scim token list
  daypass scim token revoke 0123456789ab --reason "new one in use" """.rstrip(),
)
def scim_token() -> None:
    """Bearers with which providers call: made, listed, revoked."""


@scim_token.command(
    "create",
    epilog="""\b
Examples:
  sudo daypass scim token create corp
  daypass scim token create corp --lifetime 90d   an operator, by a sign-in
  sudo daypass scim token create corp --json | jq -r .token

The provider needs [providers.scim] in daypass.toml. An operator needs the capability configure.""",
)
@click.argument("directory", metavar="PROVIDER")
@click.option("--lifetime", default="365d", show_default=True, help="How long it is good for: two years at most.")
@administering
@json_option
def scim_token_create(ca: Administration, directory: str, lifetime: str, as_json: bool) -> None:
    """Make the bearer with which PROVIDER pushes its directory.

    It is printed once and kept only as a hash. Whoever has it says who may have access: hand it over as a secret.
    """
    from daypass.api import ScimTokenRequest, ScimTokenResponse
    from daypass.model import parse_duration

    body = ScimTokenRequest(provider=directory, lifetime=parse_duration(lifetime))
    purpose = f"make a bearer for the directory of {directory}"
    made = ca.call("scim_token_create", body, ScimTokenResponse, purpose, as_json=as_json)
    if as_json:
        json_data({"token": made.token, "url": made.url, **_plain(made.line)})
        return
    data(made.token)
    ends = moment(made.line.expires_at)
    note(printable(f"for the settings of {directory}, as secret token, with the URL {made.url}; good until {ends}"))


@scim_token.command(
    "list",
    epilog="""\b
Examples:
  daypass scim token list
  daypass scim token list corp --json | jq -r '.tokens[].used_at'""",
)
@click.argument("directory", metavar="[PROVIDER]", default="")
@administering
@json_option
def scim_token_list(ca: Administration, directory: str, as_json: bool) -> None:
    """List the bearers, and when each was used last."""
    from daypass.api import ScimTokenListRequest, ScimTokenListResponse

    body = ScimTokenListRequest(provider=directory)
    found = ca.call(
        "scim_token_list", body, ScimTokenListResponse, "read the bearers of directories", as_json=as_json
    )
    if as_json:
        json_data({"tokens": [_plain(each) for each in found.tokens]})
        return
    for each in found.tokens:
        data(printable(_line(each)))
    if not found.tokens:
        note("no bearer was made")


@scim_token.command(
    "revoke",
    epilog="""\b
Examples:
  daypass scim token revoke 0123456789ab --reason "new one in use"
  daypass scim token revoke 0123456789ab --reason leaked --json

What the directory has said stays as it is: nobody is let in or out by this.""",
)
@click.argument("number", metavar="ID")
@click.option("--reason", required=True, metavar="TEXT", help="Why; for the ledger.")
@administering
@json_option
def scim_token_revoke(ca: Administration, number: str, reason: str, as_json: bool) -> None:
    """Take back a bearer: whoever calls with it is refused from now on."""
    from daypass.api import ScimTokenLine, ScimTokenRevokeRequest

    body = ScimTokenRevokeRequest(id=number, reason=reason)
    found = ca.call("scim_token_revoke", body, ScimTokenLine, f"revoke SCIM bearer {number}", as_json=as_json)
    if as_json:
        json_data(_plain(found))
    else:
        data(printable(_line(found)))


def _line(one: ScimTokenLine) -> str:
    used = f"used {moment(one.used_at)}" if one.used_at is not None else "never used"
    ends = f"revoked {moment(one.revoked_at)}" if one.revoked_at is not None else f"until {moment(one.expires_at)}"
    return "  ".join((one.id, one.provider, used, ends, f"by {one.created_by}"))


def _plain(one: ScimTokenLine) -> dict[str, object]:
    return {
        "id": one.id,
        "provider": one.provider,
        "created_by": one.created_by,
        "created_at": utc(one.created_at),
        "expires_at": utc(one.expires_at),
        "used_at": None if one.used_at is None else utc(one.used_at),
        "revoked_at": None if one.revoked_at is None else utc(one.revoked_at),
    }
