"""Certificates of one role alone, as their files show them: cheap enough for a shell prompt.

    CONTEXT/role-NAME-cert.pub   the certificate; its key is in the agent alone
    CONTEXT/roles-agent          which agent, as text: ssh asks one agent only, so they are all in one

One that has expired is taken off the disk by whoever looks here. As in client.glance nothing is verified.
"""

# pathlib costs as much as all the rest of `daypass status`.
# ruff: noqa: PTH108, PTH118, PTH208

from __future__ import annotations

import os

from daypass.client import glance, place

TYPE_CHECKING = False  # importing typing for it would cost more than all the rest
if TYPE_CHECKING:
    from daypass.client.glance import Glance

__all__ = ["file_of", "look", "names"]


def file_of(role: str) -> str:
    """What its certificate's file is called."""
    return f"{place.ROLE}{role}{place.ROLE_END}"


def names(folder: str) -> list[str]:
    """Every role with a file in the company's folder, expired or not."""
    try:
        found = sorted(os.listdir(folder))
    except OSError:
        return []
    ours = [each for each in found if each.startswith(place.ROLE) and each.endswith(place.ROLE_END)]
    return [each[len(place.ROLE) : -len(place.ROLE_END)] for each in ours]


def look(folder: str, now: float) -> dict[str, Glance]:
    """By role, those that have not expired; the others go."""
    found: dict[str, Glance] = {}
    for role in names(folder):
        seen = glance.look(folder, file_of(role), place.ROLES_AGENT)
        if seen is None:
            continue
        if now < seen.valid_before:
            found[role] = seen
        else:
            _forget(os.path.join(folder, file_of(role)))
    return found


def _forget(path: str) -> None:
    """What ssh is told of it names its end (client.openssh.roleconfig), and may stay until the next is written."""
    try:
        os.unlink(path)
    except OSError:  # a read-only disk; it says nothing to anybody any more
        return
