"""When a role holds: its windows, asked thousands of times a second, looked up once a minute."""

from __future__ import annotations

from collections.abc import Sequence

from daypass.config.windows import Window, ends

__all__ = ["Schedule"]

_SEEN_FOR = 86400  # seconds; nobody looks further ahead than a week, so far less of an answer is kept


class Schedule:
    """All windows of a role. Without any it holds always."""

    def __init__(self, windows: Sequence[str]) -> None:
        self.texts = tuple(windows)
        self._windows = tuple(Window.parse(text) for text in windows)
        self._open: tuple[int, int] = (0, 0)  # it was seen to hold from here on, and up to there
        self._shut = -1  # a minute in which it does not: windows begin with a minute

    def holds(self, now: int) -> bool:
        return not self._windows or self.ends(now) is not None

    def ends(self, now: int) -> int | None:
        """Unix time up to which it holds; None outside of all windows. Only for a schedule with windows."""
        start, end = self._open
        if start <= now < end and now < start + _SEEN_FOR:
            return end
        if now // 60 == self._shut:
            return None
        found = ends(self._windows, now)
        if found is None:
            self._shut = now // 60
        else:
            self._open = now, found
        return found
