"""An agent of a box, as a process of its own."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.parts.processes import stop, wait_until

from daypass.host.settings import Paths
from daypass.host.state import State

__all__ = ["RunningAgent", "run_agent"]

_START = """
import sys
from pathlib import Path
from daypass.host.alone import only_agent
from daypass.host.run.agent import Agent
from daypass.host.run.pace import Pace
from daypass.host.run.systemd import Stops
from daypass.host.run.voice import Voice
from daypass.host.settings import Paths
stops = Stops()
stops.listen()
pace = Pace(first=0, retry=0.2, longest=0.5, told=0.2, poll=0.3, stream_again=5, renew=0.2, renew_longest=0.5)
paths = Paths(Path(sys.argv[1]))
with only_agent(paths):
    Agent(paths, stops, Voice(), pace).run()
"""
"""`daypass host run` in a hurry."""


@dataclass
class RunningAgent:
    process: subprocess.Popen[bytes]
    journal: Path
    paths: Paths

    def said(self) -> str:
        return self.journal.read_text()

    def wait_for(self, words: str, seconds: float = 30) -> None:
        wait_until(lambda: words in self.said() or self._ended(), f"{words!r} in the journal", seconds=seconds)

    def state(self) -> State:
        found = State.load(self.paths.state)
        assert found is not None
        return found

    def _ended(self) -> bool:
        assert self.process.poll() is None, self.said()
        return False


@contextmanager
def run_agent(paths: Paths, *, env: dict[str, str] | None = None) -> Iterator[RunningAgent]:
    journal = paths.root / "journal"
    command: list[str | Path] = [sys.executable, "-c", _START, paths.root]
    with journal.open("ab") as log:
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stderr=log, env={**os.environ, **(env or {})})
    try:
        yield RunningAgent(process, journal, paths)
    finally:
        stop(process)
