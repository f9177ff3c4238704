"""The documents made from the code: `python -m tests.reference` checks them, `--write` writes them."""

from __future__ import annotations

import functools
import sys
from collections.abc import Callable
from pathlib import Path

from daypass.server import openapi
from tests.docs import commands, figures, manual, words

__all__ = ["DOCUMENTS", "ROOT", "stale"]

ROOT = Path(__file__).parent.parent
DOCUMENTS: dict[str, Callable[[], bytes]] = {
    "README.md": figures.readme,
    "docs/reference/commands.md": commands.document,
    "src/daypass/cli/words.py": words.document,
    "docs/reference/openapi.json": openapi.document_bytes,
    **{name: functools.partial(manual.document, name) for name in manual.names()},
}


def stale() -> list[str]:
    """Names of the documents that do not say what the code says."""
    return [name for name, made in DOCUMENTS.items() if _read(ROOT / name) != made()]


def _read(path: Path) -> bytes:
    return path.read_bytes() if path.exists() else b""


def _write() -> None:
    for gone in set((ROOT / "docs/man").glob("*.1")) - {ROOT / name for name in DOCUMENTS}:
        gone.unlink()
    for name, made in DOCUMENTS.items():
        (ROOT / name).parent.mkdir(exist_ok=True)
        (ROOT / name).write_bytes(made())


if __name__ == "__main__":
    if "--write" in sys.argv[1:]:
        _write()
    for found in stale():
        print(f"{found} is out of date: run make docs", file=sys.stderr)
    raise SystemExit(bool(stale()))
