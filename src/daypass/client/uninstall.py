"""`daypass uninstall`: this account as it was before daypass, but for the program itself.

What is in the agents goes first, ssh's configuration before the files it names, our folder last: whatever fails on
the way can be mended and run again. Only what we write is taken away: DAYPASS_HOME may be a folder with more in it.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from daypass.client.agents.ownagent import end_own_agent
from daypass.client.logout import LoggedOut, logout
from daypass.client.openssh import sshsetup
from daypass.client.settings import Settings

__all__ = ["Traces", "find", "remove"]

_COMPLETIONS = (
    ".local/share/bash-completion/completions/daypass",
    ".config/fish/completions/daypass.fish",
    ".zfunc/_daypass",
    ".zsh/completions/_daypass",
)
_OURS_AT_HOME = ("contexts", "current", "agent.sock*", "ssh-before.json", "no-auto-login", "daypass.log*")
_OURS = b"# daypass: completion"
_MAX_SCRIPT = 1 << 20  # bytes; ours is a hundredth


@dataclass(frozen=True, slots=True)
class Traces:
    """What there is of us on this account."""

    companies: tuple[str, ...]
    changes_ssh: bool
    paths: tuple[Path, ...]  # folders and files that would be gone

    def __bool__(self) -> bool:
        return bool(self.companies or self.changes_ssh or self.paths)


def find(settings: Settings) -> Traces:
    """Looks, and changes nothing."""
    return Traces(
        companies=tuple(each.name for each in settings.contexts()),
        changes_ssh=bool(sshsetup.plan(_all(settings), remove=True)),
        paths=tuple(_paths(settings)),
    )


def remove(settings: Settings) -> tuple[LoggedOut, ...]:
    """All of it. Raises Misconfigured where an agent is locked or a file can't be changed; run it again then."""
    given_up = logout(settings, everywhere=True) if settings.contexts() else ()
    sshsetup.apply(settings, sshsetup.plan(_all(settings), remove=True), remove=True)
    end_own_agent(settings)
    for path in _paths(settings):
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)
    _leave(settings)
    return given_up


def _all(settings: Settings) -> Settings:
    """Whichever company DAYPASS_CONTEXT names."""
    return replace(settings, wanted="")


def _paths(settings: Settings) -> Iterator[Path]:
    yield from _completions(settings)
    for name in _OURS_AT_HOME:
        yield from settings.home.glob(name)


def _leave(settings: Settings) -> None:
    """Our folder, and those above it that nobody else has put anything into."""
    for folder in (settings.home, *settings.home.parents):
        if folder == settings.ssh_folder.parent or not folder.is_dir() or any(folder.iterdir()):
            return
        folder.rmdir()


def _completions(settings: Settings) -> Iterator[Path]:
    """Where people were told to put them; only files that are ours."""
    for name in _COMPLETIONS:
        path = settings.ssh_folder.parent / name
        if path.is_file() and path.stat().st_size < _MAX_SCRIPT and _OURS in path.read_bytes():
            yield path
