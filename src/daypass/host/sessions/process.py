"""Processes as the kernel knows them: proc(5). Of all that is read here only the program's name is their own word."""

from __future__ import annotations

import os
import re
import signal
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from daypass.host.sshdlog import PROGRAMS

__all__ = ["NO_AUDIT", "Process", "boot_id", "everything", "send", "uptime_of"]

PROC = Path("/proc")
NO_AUDIT = 2**32 - 1  # the audit session of what no login has started
_UNIFIED, _NAMED = re.compile(r"^0::(.*)$", re.M), re.compile(r"^\d+:name=systemd:(.*)$", re.M)
_UID = re.compile(r"^Uid:\s+(\d+)\s", re.M)  # the real one; /proc/PID itself is root's where nothing may be dumped
_SLEPT = re.compile(r"^voluntary_ctxt_switches:\s+(\d+)$", re.M)
_PTS = range(136, 144)  # majors of /dev/pts/N: Documentation/admin-guide/devices.txt


@dataclass(frozen=True, slots=True)
class Process:
    """`start`: clock ticks since the boot; with the pid it names one process and no other of this boot. `audit`: its
    audit session (pam_loginuid(8)), which only the administrator can leave. `terminal`: N of /dev/pts/N, else -1."""

    pid: int
    parent: int
    start: int
    uid: int
    name: str
    audit: int
    terminal: int

    @classmethod
    def read(cls, pid: int) -> Process | None:
        """None for one that has ended, and for a zombie; not where its first thread alone is one: the others run."""
        try:
            head, _, tail = _text(pid, "stat").rpartition(")")
            owner = _UID.search(_text(pid, "status"))
        except OSError:
            return None
        fields = tail.split()
        if owner is None or len(fields) < 20 or (fields[0] in "ZX" and int(fields[17]) < 2):
            return None
        name = head.partition("(")[2]
        return cls(pid, int(fields[1]), int(fields[19]), int(owner[1]), name, _audit(pid), _terminal(int(fields[4])))

    @property
    def is_alive(self) -> bool:
        found = Process.read(self.pid)
        return found is not None and found.start == self.start

    @property
    def slept(self) -> int:
        """How often it has gone to sleep by itself; 0 for one that has ended."""
        try:
            found = _SLEPT.search(_text(self.pid, "status"))
        except OSError:
            return 0
        return int(found[1]) if found else 0

    @property
    def runs_sshd(self) -> bool:
        """By the file it runs, which its own name can't change. Everybody may run a program of theirs called so."""
        try:
            return (PROC / str(self.pid) / "exe").readlink().name.removesuffix(" (deleted)") in PROGRAMS
        except OSError:
            return False

    @property
    def is_sshd_of_root(self) -> bool:
        return self.uid == 0 and self.runs_sshd

    @property
    def cgroup(self) -> str:
        """Its control group, "" where there is none: of cgroup v2, else of systemd's own hierarchy."""
        try:
            text = _text(self.pid, "cgroup")
        except OSError:
            return ""
        found = [match[1] for each in (_UNIFIED, _NAMED) if (match := each.search(text))]
        return next((each for each in found if each != "/"), "")


def _text(pid: int, name: str) -> str:
    return (PROC / str(pid) / name).read_text(encoding="utf-8", errors="replace")


def _audit(pid: int) -> int:
    """Without one where the kernel has no audit."""
    try:
        return int(_text(pid, "sessionid"))
    except (OSError, ValueError):
        return NO_AUDIT


def _terminal(device: int) -> int:
    """Of the device's number as stat has it: 12 bits of major between 8 and 12 of minor."""
    major, minor = device >> 8 & 0xFFF, device & 0xFF | device >> 12 & 0xFFF00
    return (major - _PTS.start) * 256 + minor if major in _PTS else -1


def everything() -> dict[int, Process]:
    """By pid."""
    found = (Process.read(int(each.name)) for each in PROC.iterdir() if each.name.isdigit())
    return {each.pid: each for each in found if each is not None}


def send(process: Process, which: signal.Signals) -> None:
    """To this very process; nothing where it has ended. By a pidfd that is looked at after it was opened: its pid may
    be another's by then."""
    with suppress(OSError):
        descriptor = os.pidfd_open(process.pid)
        try:
            if process.is_alive:
                signal.pidfd_send_signal(descriptor, which)
        finally:
            os.close(descriptor)


def boot_id() -> str:
    """As the journal writes it: 32 hex digits. As PID 1 sees it: a container has one of its own, which our unit, that
    has a /proc/sys of its own, does not see."""
    for root in ("/proc/1/root", "/"):
        with suppress(OSError):
            text = (Path(root) / "proc/sys/kernel/random/boot_id").read_text(encoding="ascii")
            return text.strip().replace("-", "")
    return ""


def uptime_of(ticks: int) -> float:
    """Seconds since the boot, of a process's `start`."""
    return ticks / os.sysconf("SC_CLK_TCK")
