"""What ssh runs where its own look at the marker found no valid day pass: is there one after all, and who is to ask?

    a pass that is valid      the marker is put right; no network
    nobody to be asked        ssh goes on without: `ssh -G`, `-O`, BatchMode, after a logout, switched off
    else                      the sign-in, see client.sshsignin

What can be told without the rest of daypass is told here: a cron job with BatchMode waits for little more than
Python itself.
"""

# pathlib costs more than all there is to do here.
# ruff: noqa: PTH110, PTH118, PTH123

from __future__ import annotations

import os
import time

from daypass.client import glance, marker, place
from daypass.client.openssh import sshline

TYPE_CHECKING = False  # importing typing for it would cost more than all the rest
if TYPE_CHECKING:
    from collections.abc import Mapping

    from daypass.client.openssh.sshline import Ssh

__all__ = ["has_pass", "who_asks"]


def has_pass(folder: str, environ: Mapping[str, str]) -> bool:
    """Whether the agent holds the valid certificate of this company's folder. The marker says so from now on: it went
    with the machine's last run, or somebody touched it.
    """
    found = glance.look(folder)
    if found is None or not found.is_valid(time.time()):
        return False
    try:
        with open(os.path.join(folder, place.AGENT_NOTE), encoding="utf-8") as file:
            marker.write(folder, found.valid_before, file.read().strip(), environ)
    except (OSError, UnicodeDecodeError):
        return True
    return True


def who_asks(home: str, folder: str, environ: Mapping[str, str]) -> Ssh | None:
    """The ssh that waits for a sign-in; None where there is none, or where it says that none is wanted."""
    notes = (os.path.join(folder, place.SIGNED_OUT), os.path.join(home, place.NO_AUTO_LOGIN))
    if environ.get("DAYPASS_AUTO_LOGIN") == "0" or any(os.path.exists(each) for each in notes):
        return None
    ssh = sshline.running()
    return None if ssh is None or ssh.needs_nobody else ssh
