"""`daypass revoke PERSON|--serial|--key|…`: take back anybody's certificates, as an operator."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from daypass.cli.admin_options import CONFIG_FILE, Where
from daypass.cli.administration import Administration
from daypass.cli.ending_options import asked_reason, require_yes, tell_hit
from daypass.cli.output import printable, show_hint
from daypass.cli.proof import carry_out, code_of

if TYPE_CHECKING:
    from daypass.api import RevokeRequest
    from daypass.client.settings import Settings

__all__ = ["key_of", "revoke_any"]


def revoke_any(
    settings: Settings, asked: RevokeRequest, *, config: Path | None, remote: bool, as_json: bool, yes: bool
) -> int:
    """By the socket on the CA's machine, else by a sign-in for exactly this."""
    from msgspec.structs import replace

    purpose = f"revoke {printable(_what(asked))}"
    asked = replace(asked, reason=asked_reason(asked.reason, dry_run=asked.dry_run))
    if not asked.dry_run:
        require_yes(purpose, yes=yes)
    ca = administration(settings, config, remote=remote)
    hit, came = carry_out(ca, "revoke", asked, purpose, as_json=as_json)
    tell_hit(hit, came, done="revoked", as_json=as_json)
    if not as_json and not asked.dry_run:
        _show_next(asked)
    return code_of(came)


def administration(settings: Settings, config: Path | None, *, remote: bool) -> Administration:
    root = click.get_current_context().params.get("root") or "/"
    where = Where(config or CONFIG_FILE, Path(root))
    named = config is not None or (root != "/" and where.file.exists())
    asks = remote or (bool(settings.wanted) and not named)
    return Administration(where, lambda: settings, named=named, remote=asks)


def key_of(word: str) -> str:
    """A fingerprint as it is, or that of the first key in a file. Raises Invalid, NotFound."""
    if not word or word.startswith("SHA256:"):
        return word
    from daypass.client.files.sshfile import entries

    return entries(word)[0].key.fingerprint


def _what(asked: RevokeRequest) -> str:
    if asked.role:
        return f"the role {asked.role}" + (f" of {asked.person}" if asked.person else " of everybody")
    if asked.key:
        return f"all certificates of the key {asked.key}"
    if asked.signin:
        return f"the sign-in {asked.signin}"
    if asked.person or asked.host:
        return f"all that {asked.person or asked.host} has"
    return ", ".join(map(str, asked.serials))


def _show_next(asked: RevokeRequest) -> None:
    if asked.person and not asked.role:
        who = printable(asked.person)
        show_hint(f"they can sign in again; to keep them out: daypass lock {who} --reason TEXT")
    elif asked.host:
        show_hint("it comes back with a new host key and a new token: daypass host replace; then daypass host enroll")
