"""The first look at a parsed file: unknown keys, missing keys, wrong types, all of them.

A decoder stops at the first mistake; this walk goes on, and fills each hole with a stand-in (empty text, empty
list), so that the meaning of the rest can be judged in the same run.
"""

from __future__ import annotations

import types
import typing
from collections.abc import Iterator, Mapping
from datetime import date, datetime, time
from pathlib import Path
from typing import Any, TypeVar

import msgspec
from msgspec.structs import FieldInfo

from daypass.config.problem import Problem, did_you_mean, error, key_path
from daypass.config.schema import Section

__all__ = ["shape"]

_S = TypeVar("_S", bound=Section)
_WORDS: dict[type, str] = {
    str: "text in quotes",
    bool: "true or false",
    int: "a whole number",
    float: "a number",
    list: "a list in brackets",
    dict: "a table",
    Path: "a path in quotes",
    datetime: "a date and time",
    date: "a date",
    time: "a time",
}
_STAND_INS: dict[type, object] = {str: "", bool: False, int: 0, Path: Path()}


def shape(raw: Mapping[str, object], kind: type[_S]) -> tuple[_S, list[Problem]]:
    """The table with its holes filled, and every problem of its shape. It is whole if there are none."""
    found: list[Problem] = []
    return _Walk(found).table(raw, kind, ""), found


class _Walk:
    def __init__(self, found: list[Problem]) -> None:
        self.found = found

    def table(self, raw: object, kind: type[_S], path: str) -> _S:
        if not isinstance(raw, dict):
            self.wrong(raw, dict, path)
            return _empty(kind)
        fields = {field.name: field for field in msgspec.structs.fields(kind)}
        self.found += _unknown(raw, fields, path)
        return kind(**{name: self.field(raw, field, key_path(path, name)) for name, field in fields.items()})

    def field(self, raw: Mapping[str, object], field: FieldInfo, path: str) -> Any:
        if field.name in raw:
            return self.value(raw[field.name], field.type, path)
        if field.required:
            self.found.append(error(path, "is missing"))
            return _stand_in(field.type)
        return field.default if field.default is not msgspec.NODEFAULT else field.default_factory()

    def value(self, raw: object, kind: Any, path: str) -> Any:
        if typing.get_origin(kind) is types.UnionType:  # only X | None: TOML has no null, so "" stands for it
            return None if raw == "" else self.value(raw, typing.get_args(kind)[0], path)
        if typing.get_origin(kind) is list:
            return self.items(raw, typing.get_args(kind)[0], path)
        if typing.get_origin(kind) is dict:
            return self.entries(raw, typing.get_args(kind)[1], path)
        if issubclass(kind, Section):
            return self.table(raw, kind, path)
        if type(raw) is not (str if kind is Path else kind):
            self.wrong(raw, kind, path)
            return _stand_in(kind)
        return kind(raw)

    def items(self, raw: object, kind: Any, path: str) -> list[Any]:
        if not isinstance(raw, list):
            self.wrong(raw, list, path)
            return []
        return [self.value(item, kind, f"{path}[{index}]") for index, item in enumerate(raw)]

    def entries(self, raw: object, kind: Any, path: str) -> dict[str, Any]:
        if not isinstance(raw, dict):
            self.wrong(raw, dict, path)
            return {}
        return {name: self.value(item, kind, key_path(path, name)) for name, item in raw.items()}

    def wrong(self, raw: object, kind: type, path: str) -> None:
        is_table_list = (kind is dict and path.endswith("]")) or (kind is list and isinstance(raw, dict))
        suggestion = f"start each one with [[{path.partition('[')[0]}]]" if is_table_list else ""
        self.found.append(error(path, f"must be {_WORDS[kind]}, not {_WORDS[type(raw)]}", suggestion))


def _unknown(raw: Mapping[str, object], fields: Mapping[str, FieldInfo], path: str) -> Iterator[Problem]:
    where = f"[{path}]" if path else "the file"
    for key in raw:
        if key not in fields:
            suggestion = did_you_mean(key, fields) or f"{where} has: {', '.join(fields)}"
            yield error(key_path(path, key), "there is no such key", suggestion)


def _stand_in(kind: Any) -> Any:
    if typing.get_origin(kind) in (list, dict):
        return typing.get_origin(kind)()
    return _empty(kind) if issubclass(kind, Section) else _STAND_INS[kind]


def _empty(kind: type[_S]) -> _S:
    required = {f.name: _stand_in(f.type) for f in msgspec.structs.fields(kind) if f.required}
    return kind(**required)
