"""What the agent says to the journal: syslog levels as systemd reads them from stderr (sd-daemon(3))."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from enum import IntEnum

__all__ = ["AGAIN", "Level", "Voice"]

AGAIN = 6 * 3600.0  # seconds after which what is still wrong is said once more


class Level(IntEnum):
    """syslog(3): the smaller, the louder."""

    CRIT = 2
    ERR = 3
    WARNING = 4
    NOTICE = 5
    INFO = 6


def _write(line: str) -> None:
    sys.stderr.write(line)
    sys.stderr.flush()


@dataclass(slots=True)
class Voice:
    """`prefix`: whether systemd reads along; a person sees the plain words."""

    prefix: bool = True
    write: Callable[[str], None] = _write
    clock: Callable[[], float] = time.monotonic
    _said: dict[str, tuple[Level, float]] = field(default_factory=dict, init=False)

    def say(self, level: Level, text: str) -> None:
        """One line, whatever stands in `text`: others wrote parts of it."""
        words = "".join(each if each.isprintable() else " " for each in text)
        try:
            self.write(f"<{level.value}>{words}\n" if self.prefix else f"{words}\n")
        except OSError:  # a full disk or a closed terminal keeps no host from its work
            return

    def complain(self, what: str, level: Level, text: str) -> bool:
        """The same trouble only when it gets worse, or hours later. Says whether it was said."""
        before, now = self._said.get(what), self.clock()
        if before is not None and level >= before[0] and now < before[1] + AGAIN:
            return False
        self._said[what] = (level, now)
        self.say(level, text)
        return True

    def over(self, what: str, text: str = "") -> None:
        """The trouble is gone; `text` is said if it was ever told."""
        if self._said.pop(what, None) is not None and text:
            self.say(Level.NOTICE, text)

    def over_all(self, kind: str, text: str = "", *, except_for: Collection[str] = ()) -> None:
        """Every trouble whose name begins so; `text` is said once if there was one."""
        gone = [what for what in self._said if what.startswith(kind) and what not in except_for]
        for what in gone:
            self.over(what)
        if gone and text:
            self.say(Level.NOTICE, text)
