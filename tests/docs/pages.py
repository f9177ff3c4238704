"""What the pages say, for tests: their links, the paths they name, their tables and their console sessions."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

__all__ = [
    "PAGES",
    "ROOT",
    "Block",
    "Session",
    "anchors",
    "blocks",
    "links",
    "paths_named",
    "prose",
    "sessions",
    "tables",
]

ROOT = Path(__file__).parents[2]
PAGES = tuple(sorted({*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")}))

_FENCE = re.compile(r"^```.*?^```$", re.MULTILINE | re.DOTALL)
_LINK = re.compile(r"\[[^\]]+\]\(([^)\s]+)\)")
_PATH = re.compile(r"\b((?:src|tests|docs|bench)/[A-Za-z0-9_./-]*[A-Za-z0-9_/])")
_ADDRESS = re.compile(r"https?://[^\s)>]+")
_HEADING = re.compile(r"^#{1,6} (.+)$", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Block:
    """A fenced block: the number of its first line, the word behind the fence, what is in it."""

    line: int
    language: str
    text: str


@dataclass(frozen=True, slots=True)
class Session:
    """One command of a ```console block: the text after `$ ` (continued lines joined), the output shown below it."""

    line: int  # of its block
    command: str
    output: str


def prose(page: Path) -> str:
    """The page without its fenced blocks."""
    return _FENCE.sub("", page.read_text("utf-8"))


def links(page: Path) -> list[str]:
    return _LINK.findall(prose(page))


def paths_named(page: Path) -> list[str]:
    """Everything that looks like a path in the repository, in prose and in blocks; addresses have none."""
    return _PATH.findall(_ADDRESS.sub("", page.read_text("utf-8")))


def anchors(page: Path) -> set[str]:
    """The fragments that a page's headings make, as forges spell them."""
    found = set()
    for heading in _HEADING.findall(prose(page)):
        plain = re.sub(r"[^\w\s-]", "", heading.lower())
        found.add(re.sub(r"\s", "-", plain.strip()))
    return found


def tables(page: Path) -> Iterator[tuple[str, list[list[str]]]]:
    """(heading above it, rows without the head) of each table; cells lose their code marks."""
    for part in re.split(r"^## ", prose(page), flags=re.MULTILINE)[1:]:
        heading, _, body = part.partition("\n")
        rows = [line for line in body.splitlines() if line.startswith("|")]
        if rows:
            yield heading.strip().strip("`"), [_cells(row) for row in rows[2:]]


def blocks(page: Path) -> Iterator[Block]:
    """Every fenced block of the page, in order."""
    text = page.read_text("utf-8")
    for match in _FENCE.finditer(text):
        first, _, rest = match[0].partition("\n")
        yield Block(text.count("\n", 0, match.start()) + 2, first.removeprefix("```"), rest.removesuffix("```"))


def sessions(block: Block) -> Iterator[Session]:
    """Every command of a ```console block, in order."""
    text = re.sub(r" \\\n\s*", " ", block.text)
    for part in re.split(r"^\$ ", text, flags=re.MULTILINE)[1:]:
        command, _, output = part.partition("\n")
        yield Session(block.line, command, output.strip("\n"))


def _cells(row: str) -> list[str]:
    return [cell.strip().strip("`") for cell in row.strip("|").split(" | ")]
