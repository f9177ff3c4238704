"""`daypass host run`: dispatched before click is loaded, since it lives for months."""

from __future__ import annotations

import gc
import os
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["quick", "run_agent"]


def quick(arguments: Sequence[str]) -> int | None:
    """`run` and `run --root DIR`; everything else of `daypass host` is click's."""
    if list(arguments[:1]) != ["run"]:
        return None
    if len(arguments) == 1:
        return run_agent("/")
    if len(arguments) == 3 and arguments[1] == "--root":
        return run_agent(arguments[2])
    return None


def run_agent(root: str) -> int:
    """Until it is told to stop. Conflict where another one runs; Misconfigured where this machine is not enrolled."""
    from pathlib import Path

    from daypass.cli.host_paths import paths_below
    from daypass.host.alone import only_agent
    from daypass.host.run.agent import Agent
    from daypass.host.run.systemd import Stops
    from daypass.host.run.voice import Level, Voice
    from daypass.host.sync import enrolled

    paths, stops = paths_below(Path(root)), Stops()
    state = enrolled(paths)
    stops.listen()
    with only_agent(paths):
        gc.enable()
        gc.freeze()
        journal = "JOURNAL_STREAM" in os.environ or not sys.stderr.isatty()
        voice = Voice(prefix=journal)
        if not journal:
            voice.say(Level.NOTICE, f"keeps {state.name} fresh with {state.url}, until Ctrl-C")
        Agent(paths, stops, voice).run()
    return 0
