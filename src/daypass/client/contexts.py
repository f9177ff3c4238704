"""Several companies on one laptop: which are joined, which is in use, which one a host belongs to.

Each has its own folder, roots, agent entry and ssh patterns; nothing is shared but our own ssh-agent.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import combinations

from daypass.client import enrolled, place, trust
from daypass.client.logout import LoggedOut, logout_at
from daypass.client.openssh import sshconfig
from daypass.client.settings import Context, Settings
from daypass.client.trust import Membership
from daypass.errors import DaypassError
from daypass.model import host_pattern_matches

__all__ = ["Overlap", "for_host", "joined", "login_command", "overlaps", "remove", "use"]


@dataclass(frozen=True, slots=True)
class Overlap:
    """Two companies that both claim a host pattern: ssh takes what `first` says."""

    pattern: str
    first: str
    second: str


def joined(settings: Settings) -> tuple[tuple[Context, Membership | None], ...]:
    """Every company, by name; None beside one whose files are damaged."""
    return tuple((context, _readable(context)) for context in settings.contexts())


def for_host(settings: Settings, host: str) -> Membership | None:
    """The company that a host name belongs to: by its patterns, or as a Git server that its day pass names. The one
    asked for by name is the only one that counts; else the first that ssh would go by. None where it is no company's.
    """
    current = settings.current()
    if settings.wanted and current is not None:
        candidates = [trust.load(current)]
    else:
        readable = [membership for _, membership in joined(settings) if membership is not None]
        candidates = sorted(readable, key=lambda each: not each.context.ssh_config.exists())
    name = host.lower().rstrip(".")
    return next((each for each in candidates if _admits(each, name)), None)


def login_command(settings: Settings, context: Context) -> str:
    """What the person types to sign in there: it names the company where another one is in use."""
    in_use = settings.environ.get("DAYPASS_CONTEXT") or place.current_name(str(settings.home))
    return "daypass login" if context.name == in_use else f"daypass login --context {context.name}"


def overlaps(settings: Settings) -> tuple[Overlap, ...]:
    """Patterns that more than one company claims, in the order in which ssh reads them."""
    readable = [membership for _, membership in joined(settings) if membership is not None]
    return tuple(overlap for first, second in combinations(readable, 2) for overlap in _shared(first, second))


def use(settings: Settings, name: str) -> Membership:
    """Make a company the one in use. Raises NotFound for one that was never joined."""
    membership = trust.load(settings.joined(name))
    settings.use(membership.context)
    return membership


def remove(settings: Settings, name: str) -> LoggedOut:
    """Leave a company: log out there, and take away all that is known of it. Another one is in use afterwards.

    Raises NotFound for one that was never joined, Misconfigured where the agent is locked; then nothing is removed.
    """
    context = settings.joined(name)
    given_up = logout_at(settings, context)
    # ssh reads these through a pattern: what is gone from there is gone for ssh at once.
    context.ssh_config.unlink(missing_ok=True)
    shutil.rmtree(context.folder)
    _choose_another(settings, name)
    return given_up


def _choose_another(settings: Settings, removed: str) -> None:
    current = settings.home / "current"
    if not current.exists() or current.read_text("ascii", errors="replace").strip() != removed:
        return
    left = settings.contexts()
    if left:
        settings.use(left[0])
    else:
        current.unlink()


def _readable(context: Context) -> Membership | None:
    try:
        return trust.load(context)
    except DaypassError:
        return None


def _admits(membership: Membership, host: str) -> bool:
    by_pattern = any(host_pattern_matches(pattern, host) for pattern in membership.host_patterns)
    return by_pattern or host in enrolled.names(membership) or host in sshconfig.git_hosts(membership.context)


def _shared(first: Membership, second: Membership) -> Iterator[Overlap]:
    """A name that both admit, or a pattern that lies within one of the other's."""
    for one in first.host_patterns:
        for other in second.host_patterns:
            if one == other or host_pattern_matches(one, other) or host_pattern_matches(other, one):
                narrower = other if host_pattern_matches(one, other) else one
                yield Overlap(narrower, first.context.name, second.context.name)
