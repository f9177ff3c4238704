"""[[keys]] of the configuration, changed in place: every comment and every other line stays as it was."""

from __future__ import annotations

import tomllib
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import tomlkit
from tomlkit.exceptions import TOMLKitError
from tomlkit.items import AoT

from daypass.errors import Misconfigured
from daypass.signers.generate import replace_file

__all__ = ["list_keys", "with_keys"]


def list_keys(config: Path, use: str, files: Sequence[Path]) -> None:
    """Have the configuration name these files for this use, in this order. Whole or not at all, also in a crash.

    Raises Misconfigured for a file that can't be changed in place.
    """
    try:
        text, about = config.read_text("utf-8"), config.stat()
    except OSError as error:
        raise Misconfigured(f"{config} can't be read: {error.strerror}", code="config.unreadable") from error
    changed = with_keys(text, use, [str(each) for each in files])
    if changed != text:
        replace_file(config, changed.encode(), about.st_mode & 0o7777, owner=(about.st_uid, about.st_gid))


def with_keys(text: str, use: str, files: Sequence[str]) -> str:
    """The text whose tables of this use name these files. What is left over is taken out from the end."""
    changed = ""
    with suppress(TOMLKitError, LookupError, AttributeError, TypeError):
        document = tomlkit.parse(text)
        _change(document["keys"], use, files)
        changed = document.as_string()
    if not _is_all_there(text, changed, use, files):
        raise Misconfigured(
            f"the {use} keys can't be changed in place in this configuration",
            code="rotate.file",
            hint=f"write them yourself as [[keys]], in this order: {', '.join(files)}; then run this again",
        )
    return changed


def _is_all_there(text: str, changed: str, use: str, files: Sequence[str]) -> bool:
    """Whether the change is the one that was meant, and no other."""
    (others, _), (kept, mine) = (_apart(tomllib.loads(each), use) for each in (text, changed))
    return kept == others and [key["file"] for key in mine] == list(files) and _comments(text) <= _comments(changed)


def _change(keys: Any, use: str, files: Sequence[str]) -> None:
    if not isinstance(keys, AoT):
        raise TypeError("keys is no array of tables")
    places = [index for index, key in enumerate(keys) if key["use"] == use]
    for index, file in zip(places, files, strict=False):
        if keys[index]["file"] != file:
            keys[index]["file"] = file
    for number, file in enumerate(files[len(places) :]):
        table = tomlkit.table()
        table.add("use", use)
        table.add("file", file)
        table.add(tomlkit.nl())
        keys.insert(places[-1] + 1 + number, table)
    for index in reversed(places[len(files) :]):
        del keys[index]


def _apart(raw: dict[str, Any], use: str) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """All but the keys of this use, and those, in their order."""
    keys = raw.get("keys", [])
    mine = [key for key in keys if key["use"] == use]
    return raw | {"keys": [key for key in keys if key["use"] != use]}, mine


def _comments(text: str) -> set[str]:
    return {line.strip() for line in text.splitlines() if line.lstrip().startswith("#")}
