"""`daypass revoke --serial|--host|--user`: take back anybody's certificates, as an operator."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from daypass.cli.admin_options import CONFIG_FILE, Where
from daypass.cli.administration import Administration
from daypass.cli.output import data, json_data, moment, note, printable, show_hint, utc

if TYPE_CHECKING:
    from daypass.api import RevokeRequest, RevokeResponse
    from daypass.client.settings import Settings

__all__ = ["revoke_any"]


def revoke_any(settings: Settings, asked: RevokeRequest, *, config: Path | None, remote: bool, as_json: bool) -> int:
    """By the socket on the CA's machine, else by a sign-in for exactly this."""
    from daypass.api import RevokeResponse

    if sum(map(bool, (asked.serials, asked.host, asked.user))) != 1 or not asked.reason:
        raise click.UsageError("an operator names serials, or a host, or a person, and why: --reason TEXT")
    root = click.get_current_context().params.get("root") or "/"
    where = Where(config or CONFIG_FILE, Path(root))
    named = config is not None or (root != "/" and where.file.exists())
    asks = remote or (bool(settings.wanted) and not named)
    ca = Administration(where, lambda: settings, named=named, remote=asks)
    answer = ca.call("revoke", asked, RevokeResponse, f"revoke {_whose(asked)}")
    if as_json:
        json_data(_facts(answer))
    else:
        _show(answer, asked)
    return 0


def _whose(asked: RevokeRequest) -> str:
    return asked.host or asked.user or ", ".join(map(str, asked.serials))


def _facts(answer: RevokeResponse) -> list[dict[str, object]]:
    return [
        {
            "serial": each.serial,
            "key_id": each.key_id,
            "valid_before": utc(each.valid_before),
            "revoked_at": utc(each.revoked_at),
        }
        for each in answer.certificates
    ]


def _show(answer: RevokeResponse, asked: RevokeRequest) -> None:
    for each in answer.certificates:
        data(f"{each.serial}  {printable(each.key_id)}  revoked {moment(each.revoked_at)}")
    if not answer.certificates:
        note(f"{printable(_whose(asked))} has no certificate that holds")
    if asked.user:
        show_hint(f"they can sign in again; to keep them out: daypass lock {printable(asked.user)} --reason TEXT")
    elif asked.host:
        show_hint("it comes back with a new host key and a new token: daypass host replace; then daypass host enroll")
