"""What agent.sh has left on this machine: `daypass host` takes over from it, and nothing of it goes on beside.

Its state knows no word of the CA that came since: its timer would have a host that is to fail closed do so.
"""

from __future__ import annotations

import shutil
from pathlib import Path

from daypass.host import files, service, tools
from daypass.host.settings import Paths

__all__ = ["remove"]

_UNITS = ("daypass-agent.timer", "daypass-agent.service")
_LINE = b"/agent.sh sync --quiet"  # of the crontab, where there is no folder for such


def remove(paths: Paths) -> bool:
    """Its timer, its lines for cron, its memory; says whether there was any of it. What sshd reads stays."""
    memory = paths.memory / "agent"
    timers = [each for each in _timers(paths) if each.is_file()]
    found = bool(timers) or memory.is_dir()
    if timers and service.booted(paths):
        tools.run(["systemctl", "disable", "--quiet", "--now", _UNITS[0]])
        tools.run(["systemctl", "stop", _UNITS[1]])
    for each in timers:
        files.remove(each)
    if timers and service.booted(paths):
        tools.run(["systemctl", "daemon-reload"])
    _leave_crontab(paths.root / "etc/crontabs/root")
    if memory.is_dir() and not memory.is_symlink():
        shutil.rmtree(memory)
    return found


def _timers(paths: Paths) -> list[Path]:
    units = [paths.root / "etc/systemd/system" / name for name in _UNITS]
    return [*units, paths.root / "etc/cron.d/daypass-agent"]


def _leave_crontab(path: Path) -> None:
    before = files.Snapshot.take(path)
    kept = b"".join(each for each in (before.content or b"").splitlines(keepends=True) if _LINE not in each)
    if kept != (before.content or b""):
        files.write(path, kept, before.mode, before.owner)
