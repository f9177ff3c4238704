"""`daypass ssh-config`: every file it changes, as one list of changes that can be shown before it is made."""

from __future__ import annotations

from collections.abc import Sequence

from daypass.client import sshconfig, sshinclude, trust
from daypass.client.settings import Settings
from daypass.client.sshinclude import Change

__all__ = ["apply", "plan"]

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
    if remove:
        sshinclude.clean_up(settings)


def _set_up(settings: Settings) -> list[Change]:
    membership = trust.current(settings)
    ours = sshconfig.files(settings, membership).items()
    return [*(sshinclude.change(path, content.encode()) for path, content in ours), sshinclude.plan_add(settings)]


def _switch(settings: Settings, auto_login: bool | None) -> list[Change]:
    note = settings.no_auto_login
    return [] if auto_login is None else [sshinclude.change(note, None if auto_login else _NOTE)]


def _removal(settings: Settings) -> list[Change]:
    paths = [path for each in settings.contexts() for path in (each.ssh_config, each.known_hosts, each.check)]
    gone = (sshinclude.change(path, None) for path in (*paths, settings.no_auto_login))
    return [sshinclude.plan_remove(settings), *gone]
