"""All that stands in one account now."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from daypass.errors import DaypassError
from daypass.host import tools
from daypass.host.remains.found import Found
from daypass.host.remains.jobs import jobs
from daypass.host.remains.keys import Keys
from daypass.host.remains.places import Place
from daypass.host.remains.running import left_running
from daypass.host.settings import Paths
from daypass.host.sshd import Sshd
from daypass.host.state import State

__all__ = ["find"]


def find(place: Place, paths: Paths) -> Iterator[Found]:
    """Nothing is changed, and nothing of it judged."""
    yield from Keys(_sshd_here(paths), paths.root).found(place)
    yield from jobs(place, paths.root)
    if paths.root == Path("/"):
        yield from left_running(place)


def _sshd_here(paths: Paths) -> Sshd | None:
    """The one that was set up at the enrolment."""
    state = State.load(paths.state)
    try:
        binary = Path(state.sshd) if state is not None and state.sshd else tools.find("sshd", "openssh-server")
    except DaypassError:
        return None
    config = Path(state.sshd_config) if state is not None and state.sshd_config else paths.sshd_config
    return Sshd(binary, config)
