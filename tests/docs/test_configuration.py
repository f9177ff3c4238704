"""docs/reference/configuration.md has every key of daypass.toml, with its type and default, and no other."""

from __future__ import annotations

import json
import types
import typing
from pathlib import Path
from typing import Any

import msgspec
import pytest
from msgspec.structs import FieldInfo
from tests.docs.pages import ROOT, tables

from daypass.config import Config

PAGE = ROOT / "docs/reference/configuration.md"
WORDS: dict[Any, tuple[str, ...]] = {
    str: ("text", "duration"),
    int: ("integer",),
    bool: ("boolean",),
    Path: ("path",),
    list[str]: ("list of text",),
    list[int]: ("list of integers",),
    dict[str, str]: ("table of text",),
    dict[str, list[str]]: ("table of lists",),
}


def _plain(kind: Any) -> Any:
    return typing.get_args(kind)[0] if typing.get_origin(kind) is types.UnionType else kind


def sections() -> dict[str, type[msgspec.Struct]]:
    """Heading on the page -> the type that reads it."""
    return {"Top level": Config, **_below(Config, "")}


def _below(section: type[msgspec.Struct], above: str) -> dict[str, type[msgspec.Struct]]:
    found: dict[str, type[msgspec.Struct]] = {}
    for field in msgspec.structs.fields(section):
        kind, pattern = _plain(field.type), "[{}]"
        if typing.get_origin(kind) is list:
            kind, pattern = typing.get_args(kind)[0], "[[{}]]"
        if isinstance(kind, type) and issubclass(kind, msgspec.Struct):
            found[pattern.format(above + field.name)] = kind
            found |= _below(kind, f"{above}{field.name}.")
    return found


DOCUMENTED = {heading: rows for heading, rows in tables(PAGE) if rows}


def test_the_page_has_exactly_the_tables_of_the_file() -> None:
    assert set(DOCUMENTED) == set(sections())


@pytest.mark.parametrize("heading", sections())
def test_a_table_lists_every_key_in_order_with_type_and_default(heading: str) -> None:
    fields = [field for field in msgspec.structs.fields(sections()[heading]) if _is_key(field)]
    fields.sort(key=lambda field: not field.required)  # the types begin with what they share with others
    rows = DOCUMENTED[heading]
    assert [row[0] for row in rows] == [field.name for field in fields]
    for row, field in zip(rows, fields, strict=True):
        assert row[1] in WORDS[_plain(field.type)], f"{heading} {field.name}"
        assert row[2] == _default(field), f"{heading} {field.name}"
        assert row[3], f"{heading} {field.name} says nothing"


def _is_key(field: FieldInfo) -> bool:
    return _plain(field.type) in WORDS


def _default(field: FieldInfo) -> str:
    if field.required:
        return "required"
    value = field.default if field.default is not msgspec.NODEFAULT else field.default_factory()
    if value is None:
        return "none"
    return json.dumps(str(value) if isinstance(value, Path) else value)
