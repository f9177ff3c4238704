"""What cron's `host sync` has said already: mail comes when something goes wrong or gets worse, and once a day."""

from __future__ import annotations

from contextlib import suppress

import msgspec

from daypass.errors import DaypassError, Unavailable
from daypass.host import files
from daypass.host.run.voice import Level
from daypass.host.settings import Paths
from daypass.host.state import State
from daypass.host.worries import worries

__all__ = ["is_news", "well"]

_AGAIN = 86400  # seconds


class _Said(msgspec.Struct, frozen=True):
    code: str
    level: int
    at: int


def is_news(paths: Paths, error: DaypassError, now: float) -> bool:
    """Whether somebody should read of it now; then it is noted. Where nothing can be noted it is said."""
    level = _level(paths, error, now)
    try:
        files.check(paths.said)
        before = msgspec.json.decode(paths.said.read_bytes(), type=_Said)
    except (OSError, msgspec.DecodeError, DaypassError):
        before = None
    if before and before.code == error.code and level >= before.level and before.at <= now < before.at + _AGAIN:
        return False
    with suppress(OSError):
        if paths.memory.is_dir():
            files.write(paths.said, msgspec.json.encode(_Said(error.code, level, int(now))), 0o600)
    return True


def well(paths: Paths) -> None:
    """What comes next is news again."""
    with suppress(OSError):
        if paths.said.exists():
            files.remove(paths.said)


def _level(paths: Paths, error: DaypassError, now: float) -> int:
    """As grave as the gravest worry that comes of it."""
    with suppress(DaypassError):
        state = State.load(paths.state)
        if state is not None and (found := worries(paths, state, now)):
            return int(found[0].level)
    return int(Level.NOTICE if isinstance(error, Unavailable) else Level.ERR)
