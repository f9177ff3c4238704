"""One look: for every ending of the bundle that it is time for, what is found, what is done about it, and the report.

    undone    what was taken or locked for it is put back
    lock      an own account expires, its processes end
    take      keys, jobs, linger and units that are surely theirs go into quarantine
    report    what still stands, what was taken, what is locked

Looked at again soon after the ending, then ever less often, up to once an hour while the bundle names it: who deletes
a key by hand sees it go from the report, and what comes back is met.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from daypass.api import HostBundle, HostEnding, HostLogin
from daypass.errors import DaypassError
from daypass.host.documents import Documents
from daypass.host.remains.memory import Known, Memory, by_itself
from daypass.host.remains.one import One
from daypass.host.remains.places import Places
from daypass.host.settings import Paths, Settings
from daypass.host.state import State
from daypass.host.tally import collect

__all__ = ["due", "look"]

_SOONEST, _LATEST = 15, 3600  # seconds between two looks
_POLICIES = ("report", "quarantine", "lock")


def due(paths: Paths, now: float) -> bool:
    """Whether there is something to look for."""
    bundle = _bundle(paths)
    return bundle is not None and bool(bundle.endings) and any(_due(paths, bundle, Memory.load(paths), now))


def look(paths: Paths, now: float) -> bool:
    """Whether it was done: another process may be at it. Raises any of the error tree where nothing can be known."""
    bundle = _bundle(paths)
    if bundle is None:
        return False
    with by_itself(paths) as free:
        if free:
            _look(paths, bundle, Memory.load(paths), now)
        return free


def _look(paths: Paths, bundle: HostBundle, memory: Memory, now: float) -> None:
    ceiling = Settings.load(paths.settings)
    listed = {each.id for each in bundle.endings}
    memory.endings = {number: known for number, known in memory.endings.items() if number in listed}
    wanted = list(_due(paths, bundle, memory, now))
    if wanted:
        logins, blind = _logins(paths, int(now))
        places = Places.look(paths, bundle, logins, ceiling.never)
        for ending in sorted(wanted, key=lambda each: not each.undone):
            policy = _policy(paths, ending, ceiling)
            one = One(paths, ending, memory, places, int(now), policy, blind)
            known = Known(report=one.report(), policy=policy, undone=ending.undone)
            memory.endings = {**memory.endings, ending.id: known}
            memory.save(paths)
    memory.save(paths)


def _logins(paths: Paths, now: int) -> tuple[list[HostLogin], str]:
    """Who came in here, as far as is known; and why it is not."""
    try:
        return collect(paths, now).logins, ""
    except DaypassError as error:
        return [], error.message


def _bundle(paths: Paths) -> HostBundle | None:
    """Only documents that hold are gone by."""
    state = State.load(paths.state)
    kept = Documents.load(paths, state) if state is not None else None
    return kept.bundle if kept is not None else None


def _due(paths: Paths, bundle: HostBundle, memory: Memory, now: float) -> Iterator[HostEnding]:
    ceiling = Settings.load(paths.settings)
    for ending in bundle.endings:
        known = memory.endings.get(ending.id)
        if known is None or known.undone != ending.undone or known.policy != _policy(paths, ending, ceiling):
            yield ending
        elif not ending.undone or _owed(known):
            wait = min(max((known.report.time - ending.time) / 4, _SOONEST), _LATEST)
            if not known.report.time <= now < known.report.time + wait:
                yield ending


def _owed(known: Known) -> bool:
    """Something could not be put back yet."""
    return any(each.done == "failed" for each in known.report.remains)


def _policy(paths: Paths, ending: HostEnding, ceiling: Settings) -> str:
    """What the CA asks for, as far as the owner lets it; of a folder that stands for a machine nothing is locked."""
    asked = _POLICIES.index(ending.remains) if ending.remains in _POLICIES else 0
    most = min(_POLICIES.index(ceiling.remains), 2 if paths.root == Path("/") else 1)
    return _POLICIES[min(asked, most)]
