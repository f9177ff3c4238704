"""Which line of ssh's configuration sets something: ssh itself does not say, so its files are read as it reads them.

ssh_config(5): the first value counts; blocks begin with Host or Match; Include stands for the files it names. What a
Match asks can't be answered here, so of its lines it is only said that they may count.
"""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path

__all__ = ["Line", "lines", "winner"]

_MAX_DEPTH = 16  # as readconf.c
_MAX_BYTES = 1 << 20


@dataclass(frozen=True, slots=True)
class Line:
    """`keyword` in lower case, and the block it stands in as it is written ("" before the first)."""

    path: Path
    number: int
    keyword: str
    value: str
    block: str

    def __str__(self) -> str:
        where = f" under `{self.block}`" if self.block else ""
        return f"{self.path} line {self.number}{where}"


def winner(config: Path, keyword: str, value: str, hosts: tuple[str, ...]) -> Line | None:
    """The line that gave `keyword` its `value`, as far as that can be told; None where no line seems to."""
    wanted = _normal(value)
    for line in lines(config, config.parent):
        if line.keyword == keyword.lower() and _may_count(line.block, hosts) and _normal(line.value) == wanted:
            return line
    return None


def lines(config: Path, folder: Path, block: str = "", depth: int = 0) -> Iterator[Line]:
    """Every setting in the order in which ssh meets it. Relative Includes lie in `folder`."""
    try:
        text = config.read_bytes()[:_MAX_BYTES].decode("utf-8", "replace")
    except OSError:
        return
    for number, raw in enumerate(text.splitlines(), 1):
        keyword, _, value = raw.strip().replace("=", " ", 1).partition(" ")
        keyword, value = keyword.lower(), value.strip()
        if not keyword or keyword.startswith("#"):
            continue
        if keyword in ("host", "match"):
            block = raw.strip()
        elif keyword == "include":
            for path in _included(value, folder) if depth < _MAX_DEPTH else ():
                yield from lines(path, folder, block, depth + 1)
        else:
            yield Line(config, number, keyword, value, block)


def _included(value: str, folder: Path) -> Iterator[Path]:
    for word in _words(value):
        path = Path(word).expanduser()
        path = path if path.is_absolute() else folder / path
        if any(each in path.name for each in "*?[") or "*" in str(path.parent):
            root = Path(path.anchor)
            yield from sorted(root.glob(str(path.relative_to(root))))
        else:
            yield path


def _may_count(block: str, hosts: tuple[str, ...]) -> bool:
    keyword, _, rest = block.partition(" ")
    if keyword.lower() != "host":
        return True
    patterns = [each.lower() for each in _words(rest)]
    refused = [each[1:] for each in patterns if each.startswith("!")]
    admitted = [each for each in patterns if not each.startswith("!")]
    return any(_matches(host, admitted) and not _matches(host, refused) for host in hosts)


def _matches(host: str, patterns: list[str]) -> bool:
    return any(fnmatchcase(host, each) for each in patterns)


def _normal(value: str) -> str:
    """`ssh -G` says true for yes, leaves quotes out and writes ~ as the home folder."""
    words = [str(Path(each).expanduser()) if each.startswith("~") else each for each in _words(value)]
    text = " ".join(words)
    return {"yes": "true", "no": "false"}.get(text.lower(), text)


def _words(value: str) -> list[str]:
    try:
        return shlex.split(value)
    except ValueError:
        return value.split()
