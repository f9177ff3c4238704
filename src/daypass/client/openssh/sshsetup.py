"""`daypass ssh-config`: every file it changes, as one list of changes that can be shown before it is made.

For every company that was joined, or the one asked for alone. A company joined later is set up with it.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from daypass.client import contexts, trust
from daypass.client.openssh import sshconfig, sshinclude
from daypass.client.openssh.sshinclude import Change
from daypass.client.settings import Context, Settings
from daypass.client.trust import Membership

__all__ = ["apply", "follow", "plan"]

_NOTE = b"ssh starts no sign-in while this file is here; daypass ssh-config --auto-login takes it away\n"


def plan(settings: Settings, *, remove: bool = False, auto_login: bool | None = None) -> list[Change]:
    """What would change; an empty list where nothing would. `auto_login`: whether ssh starts the sign-in from now
    on; None leaves that as it is.
    """
    changes = _removal(settings) if remove else [*_set_up(settings), *_switch(settings, auto_login)]
    return [change for change in changes if change.is_needed]


def apply(settings: Settings, changes: Sequence[Change], *, remove: bool = False) -> None:
    """Make the changes. ~/.ssh/config is the last to include files and the first to let go of them."""
    if changes and not remove:
        sshinclude.note_before(settings)
    for change in changes:
        change.apply()
    if remove and not sshinclude.is_there(settings):
        sshinclude.clean_up(settings)


def follow(settings: Settings, membership: Membership) -> bool:
    """Set ssh up for a company just joined, where it is set up for daypass already. Whether it is."""
    if not sshinclude.is_there(settings):
        return False
    for change in _files(settings, membership):
        if change.is_needed:
            change.apply()
    return True


def _set_up(settings: Settings) -> list[Change]:
    current = trust.current(settings)
    joined = () if settings.wanted else contexts.joined(settings)
    # Whose files are damaged is said where it matters: `daypass doctor`, `daypass context list`.
    others = [each for context, each in joined if each is not None and context != current.context]
    ours = [change for each in (current, *others) for change in _files(settings, each)]
    return [*ours, sshinclude.plan_add(settings)]


def _files(settings: Settings, membership: Membership) -> list[Change]:
    ours = sshconfig.files(settings, membership).items()
    return [sshinclude.change(path, content.encode()) for path, content in ours]


def _switch(settings: Settings, auto_login: bool | None) -> list[Change]:
    note = settings.no_auto_login
    return [] if auto_login is None else [sshinclude.change(note, None if auto_login else _NOTE)]


def _removal(settings: Settings) -> list[Change]:
    """All of it; of the company asked for its own files, as long as ssh is set up for another."""
    leaving = (settings.joined(settings.wanted),) if settings.wanted else settings.contexts()
    gone = [sshinclude.change(path, None) for each in leaving for path in _paths(each)]
    if any(each.ssh_config.exists() for each in settings.contexts() if each not in leaving):
        return gone
    return [sshinclude.plan_remove(settings), *gone, sshinclude.change(settings.no_auto_login, None)]


def _paths(context: Context) -> tuple[Path, ...]:
    return context.ssh_config, context.known_hosts, context.check
