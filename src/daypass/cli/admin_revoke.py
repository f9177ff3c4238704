"""`daypass revoke --operator`: take back anybody's certificates, as an operator."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from daypass.cli.admin_options import CONFIG_FILE, Where
from daypass.cli.administration import Administration
from daypass.cli.output import data, json_data, moment, printable, utc

if TYPE_CHECKING:
    from daypass.client.settings import Settings

__all__ = ["revoke_any"]


def revoke_any(
    settings: Settings, serials: Sequence[int], reason: str, *, config: Path | None, remote: bool, as_json: bool
) -> int:
    """By the socket on the CA's machine, else by a sign-in for exactly these serials."""
    from daypass.api import RevokeRequest, RevokeResponse

    if not serials or not reason:
        raise click.UsageError("an operator names the serials, and why: --reason TEXT")
    root = click.get_current_context().params.get("root") or "/"
    where = Where(config or CONFIG_FILE, Path(root))
    named = config is not None or (root != "/" and where.file.exists())
    asks = remote or (bool(settings.wanted) and not named)
    ca = Administration(where, lambda: settings, named=named, remote=asks)
    purpose = f"revoke {', '.join(map(str, serials))}"
    answer = ca.call("revoke", RevokeRequest(serials=list(serials), reason=reason), RevokeResponse, purpose)
    if as_json:
        json_data(
            [
                {
                    "serial": each.serial,
                    "key_id": each.key_id,
                    "valid_before": utc(each.valid_before),
                    "revoked_at": utc(each.revoked_at),
                }
                for each in answer.certificates
            ]
        )
        return 0
    for each in answer.certificates:
        data(f"{each.serial}  {printable(each.key_id)}  revoked {moment(each.revoked_at)}")
    return 0
