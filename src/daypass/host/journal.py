"""The journal of sshd, read on from where one stopped.

Each entry has a cursor of its own; reading goes on behind it however often the journal was rotated. Where the entry
of a cursor is gone, journalctl goes on at the one after it. (With --after-cursor it would pass over that one.)
"""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

from daypass.errors import Unavailable
from daypass.host import tools
from daypass.host.sshdlog import PROGRAMS, Line, from_journal

__all__ = ["has_journal", "read_on"]

_FOLDERS = (Path("/run/log/journal"), Path("/var/log/journal"))
_MOST = "200000"  # entries of one reading, the newest: some 200 MB on the way, never in memory at once


def has_journal() -> bool:
    """Whether journald keeps one on this machine."""
    return any(folder.is_dir() for folder in _FOLDERS) and shutil.which("journalctl") is not None


def read_on(cursor: str, since: int, boot: str = "") -> Iterator[Line]:
    """Entries of sshd's behind `cursor`, else of this boot, whatever the clock was set to in it, else since this unix
    second. Raises Unavailable where it can't be read."""
    program = tools.find("journalctl", "systemd")
    start = f"_BOOT_ID={boot}" if boot else f"--since=@{since}"
    place = [f"--cursor={cursor}"] if cursor else [start, f"--lines={_MOST}"]
    names = [f"--identifier={each}" for each in PROGRAMS]
    command = [str(program), "--output=json", "--no-pager", "--quiet", *place, "_UID=0", *names]
    nothing, pipe = subprocess.DEVNULL, subprocess.PIPE
    with subprocess.Popen(command, stdin=nothing, stdout=pipe, stderr=nothing) as ran:
        found = from_journal(line.decode(errors="replace") for line in ran.stdout or ())
        yield from (line for line in found if not cursor or line.cursor != cursor)
    if ran.returncode != 0:
        raise Unavailable("journalctl does not read sshd's journal", code="host.journal")
