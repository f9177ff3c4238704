"""What is shown instead of a sign-in: a one-time token, or an X.509 client certificate."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from daypass.errors import Invalid

if TYPE_CHECKING:
    from daypass.client.signin.onetime import Shown

__all__ = ["read_token", "shown_instead"]

_MAX_TOKEN = 16 * 1024  # characters


def shown_instead(
    token_file: str | None, certificate: str | None, key: str | None, provider: str | None
) -> Shown | None:
    """None where neither is wanted. Raises UsageError for halves of it."""
    if token_file is None and certificate is None and key is None:
        return None
    from pathlib import Path

    from daypass.client.signin.onetime import by_certificate, by_token

    if token_file is not None:
        if certificate or key:
            raise click.UsageError("--token-file goes without --x5c-cert and --x5c-key")
        return by_token(read_token(token_file))
    if not (certificate and key and provider):
        raise click.UsageError("--x5c-cert FILE, --x5c-key FILE and --provider NAME go together")
    return by_certificate(provider, Path(certificate), Path(key))


def read_token(file: str) -> str:
    """From the file, or standard input for -. Raises Invalid."""
    try:
        with click.open_file(file, encoding="utf-8") as opened:
            text = str(opened.read(_MAX_TOKEN + 1)).strip()
    except (OSError, UnicodeDecodeError) as error:
        raise Invalid(f"the token can't be read from {file}", code="token.file") from error
    if not text or len(text) > _MAX_TOKEN:
        raise Invalid(f"there is no token in {file}", code="token.file")
    return text
