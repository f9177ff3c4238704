"""One configuration from several files, and back: which file and key a mistake in the whole is in."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field, replace

import msgspec

from daypass.config.problem import Problem
from daypass.config.schema import Config, IncludedFile

__all__ = ["Origins", "joined"]

_LISTS = tuple(each.name for each in msgspec.structs.fields(IncludedFile))
_PLACE = re.compile(rf"({'|'.join(_LISTS)})\[([0-9]+)\](.*)", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Origins:
    """List of the configuration -> of each of its items the file it came from, and its number there."""

    items: dict[str, list[tuple[str, int]]] = field(default_factory=lambda: {name: [] for name in _LISTS})

    def add(self, file: str, part: Config | IncludedFile) -> None:
        for name, items in self.items.items():
            items += [(file, number) for number in range(len(getattr(part, name)))]

    def home(self, found: Problem) -> Problem:
        """The problem, told by the file that it is in."""
        match = _PLACE.fullmatch(found.path)
        if match is None:
            return found
        file, number = self.items[match[1]][int(match[2])]
        return replace(found, path=f"{match[1]}[{number}]{match[3]}", file=file)


def joined(main: Config, parts: Iterable[tuple[str, IncludedFile]]) -> tuple[Config, Origins]:
    """The main file's items come first, then each further file's, in order."""
    origins, whole = Origins(), {name: list(getattr(main, name)) for name in _LISTS}
    origins.add("", main)
    for file, part in parts:
        origins.add(file, part)
        for name, items in whole.items():
            items += getattr(part, name)
    return msgspec.structs.replace(main, **whole), origins
