"""The dead man's switch: what takes an enforcement back that nobody has confirmed, whatever became of us meanwhile.

Where systemd is there, a timer of its own, which a reboot starts anew; elsewhere a process that outlives our session.
Beside both, every `daypass host sync` and `host run` takes back what is overdue.
"""

from __future__ import annotations

import subprocess
from contextlib import suppress
from pathlib import Path

from daypass.errors import DaypassError, Misconfigured
from daypass.host import files, service, tools
from daypass.host.settings import Paths
from daypass.host.sshd import Sshd

__all__ = ["NAME", "arm", "disarm"]

NAME = "daypass-enforce-undo"
_SERVICE = """\
# Written by `daypass host enforce`, and taken away by --confirm and --off.
[Unit]
Description=Let keys and passwords in again: that certificates alone are let in was not confirmed

[Service]
Type=oneshot
ExecStart={command}
"""
_TIMER = """\
# Written by `daypass host enforce`, and taken away by --confirm and --off.
[Unit]
Description=Time to confirm that certificates alone are let in

[Timer]
OnActiveSec={seconds}s
# Until it has done its work: another sync may have been busy with the same files.
OnUnitInactiveSec=30s
AccuracySec=1s

[Install]
WantedBy=timers.target
"""


def arm(paths: Paths, sshd: Sshd, number: str, seconds: int) -> None:
    """From now on: in so many seconds enforcement `number` is taken back. Misconfigured where that can't be."""
    undo = ["host", "enforce", "--undo", number, "--root", str(paths.root)]
    undo += ["--sshd", str(sshd.binary), "--sshd-config", str(sshd.config)]
    if service.booted(paths):
        _arm_timer(paths, [*service.program(), *undo], seconds)
    else:
        _spawn([*service.program(), *undo, "--wait", str(seconds)])


def disarm(paths: Paths) -> None:
    """A process is not looked for: it finds that its enforcement is no more, or confirmed."""
    found = [each for each in _units(paths) if each.is_file()]
    if service.booted(paths) and found:
        tools.run(["systemctl", "disable", "--quiet", "--now", f"{NAME}.timer"])
    for each in found:
        files.remove(each)
    if service.booted(paths) and found:
        with suppress(DaypassError):
            tools.run(["systemctl", "daemon-reload"])


def _arm_timer(paths: Paths, command: list[str], seconds: int) -> None:
    disarm(paths)
    unit, timer = _units(paths)
    files.write(unit, _SERVICE.format(command=service.exec_start(command)).encode(), 0o644)
    files.write(timer, _TIMER.format(seconds=seconds).encode(), 0o644)
    for words in (["daemon-reload"], ["enable", "--quiet", "--now", timer.name]):
        ran = tools.run(["systemctl", *words])
        if ran.code != 0:
            disarm(paths)
            raise Misconfigured(f"systemctl {' '.join(words)} failed: {ran.words}", code="host.deadman")


def _units(paths: Paths) -> tuple[Path, Path]:
    folder = paths.root / "etc/systemd/system"
    return folder / f"{NAME}.service", folder / f"{NAME}.timer"


def _spawn(command: list[str]) -> None:
    """In a session of its own: what ends ours does not end it."""
    nothing = subprocess.DEVNULL
    subprocess.Popen(command, stdin=nothing, stdout=nothing, stderr=nothing, start_new_session=True, cwd="/")
