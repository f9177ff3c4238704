"""What a sign-in by password left on this device: shown the next time, its mistakes are counted apart from those of
whoever else is behind the same address. It lets nobody in; without it a sign-in works as well.
"""

from __future__ import annotations

import contextlib
from pathlib import Path

import msgspec

from daypass.client.settings import write_file
from daypass.errors import DaypassError

__all__ = ["known", "remember"]

MAX_SIZE = 64 * 1024  # bytes
_read = msgspec.json.Decoder(dict[str, str]).decode


def known(file: Path, way: str, account: str) -> str:
    """Empty for none."""
    return _all(file).get(_key(way, account), "")


def remember(file: Path, way: str, account: str, device: str) -> None:
    """Where the disk takes it."""
    found = _all(file)
    if not device or found.get(_key(way, account)) == device:
        return
    data = msgspec.json.encode(found | {_key(way, account): device})
    if len(data) > MAX_SIZE:
        data = msgspec.json.encode({_key(way, account): device})
    with contextlib.suppress(DaypassError):
        write_file(file, data)


def _key(way: str, account: str) -> str:
    return f"{way} {account}"


def _all(file: Path) -> dict[str, str]:
    try:
        return _read(file.read_bytes())
    except (OSError, ValueError):  # msgspec's errors are ValueErrors
        return {}
