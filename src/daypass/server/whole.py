"""What may wait for a second person: a request that says all it means, and holds nothing that nobody may read.

It waits in the database for an hour, and everybody with `audit` sees it.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterator
from typing import Any

from daypass import api
from daypass.config.document import SECRETS
from daypass.errors import Invalid

__all__ = ["require_whole"]


def require_whole(body: Any) -> None:
    """Raises Invalid."""
    if isinstance(body, api.ConfigRollbackRequest) and body.base is None:
        raise Invalid(
            "a second person has to see which version this would undo",
            code="config.base",
            hint=f"name the one in force: daypass ca config rollback {body.version} --base NUMBER",
        )
    if isinstance(body, api.ConfigPublishRequest) and (found := next(_secrets(_read(body.toml)), None)):
        raise Invalid(
            f"{found} would be shown to whoever approves it, and to every auditor",
            code="config.secret",
            hint="leave it out: each machine of the CA has its secrets in its own file; and have a new one made",
        )


def _read(toml: str) -> object:
    try:
        return tomllib.loads(toml)
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        where = str(error) if isinstance(error, tomllib.TOMLDecodeError) else "it is nested too deep"
        raise Invalid(f"that is no TOML: {where}", code="config.invalid") from None


def _secrets(value: object) -> Iterator[str]:
    """Keys of secrets that have a value, wherever they stand."""
    if isinstance(value, list):
        for each in value:
            yield from _secrets(each)
    if isinstance(value, dict):
        for key, each in value.items():
            yield from [key] if key in SECRETS and each else _secrets(each)
