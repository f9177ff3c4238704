"""`daypass-host.service`: what keeps a host fresh where systemd runs it, and how it gets there and away again.

It makes accounts, writes below /etc and has sshd read its configuration again, so it is root; it may do little beside
that (systemd.exec(5)).
"""

from __future__ import annotations

import shutil
import stat
import sys
from collections.abc import Sequence
from pathlib import Path

from daypass.errors import DaypassError, Misconfigured
from daypass.host import files, tools
from daypass.host.passwd import FIRST_ORDINARY_UID
from daypass.host.settings import Paths

__all__ = ["NAME", "booted", "exec_start", "install", "is_active", "path", "program", "remove", "unit"]

NAME = "daypass-host.service"
_BOOTED = Path("/run/systemd/system")  # sd_booted(3)
_QUOTED = set(" \t\"'\\$%;")  # what ExecStart= gives a meaning of its own; none is in a path of ours

_UNIT = """\
# Written by `daypass host enroll`; `daypass host leave` takes it away. Your own settings: systemctl edit {name}
[Unit]
Description=Certificates and access lists of this host, kept fresh by its SSH CA
Wants=network-online.target
After=network-online.target ssh.service sshd.service
ConditionPathExists=/var/lib/daypass/state.json
StartLimitIntervalSec=0

[Service]
Type=notify
NotifyAccess=main
ExecStart={command}
Restart=on-failure
RestartSec=20
WatchdogSec=300
TimeoutStopSec=60
KillMode=mixed
UMask=0077

# What it is there for: host certificates, principals, accounts of people, word to sshd, and the end of sessions,
# whose control groups it kills: ProtectControlGroups= is left out.
ProtectSystem=strict
# In homes and spools it takes out what gone persons have left, as the account that it is in (SETUID, SETGID).
ReadWritePaths=/etc /home /var/lib/daypass -/root/.ssh -/var/spool
StateDirectory=daypass
StateDirectoryMode=0700
CapabilityBoundingSet=CAP_CHOWN CAP_DAC_OVERRIDE CAP_FOWNER CAP_KILL CAP_AUDIT_WRITE CAP_SYS_PTRACE
CapabilityBoundingSet=CAP_SETUID CAP_SETGID
RestrictAddressFamilies=AF_UNIX AF_INET AF_INET6 AF_NETLINK

# What it is not there for.
NoNewPrivileges=yes
PrivateTmp=yes
PrivateDevices=yes
PrivateMounts=yes
ProtectClock=yes
ProtectHostname=yes
ProtectKernelLogs=yes
ProtectKernelModules=yes
ProtectKernelTunables=yes
LockPersonality=yes
MemoryDenyWriteExecute=yes
RestrictNamespaces=yes
RestrictRealtime=yes
RestrictSUIDSGID=yes
SystemCallArchitectures=native
SystemCallFilter=@system-service
SystemCallErrorNumber=EPERM

[Install]
WantedBy=multi-user.target
"""


def path(paths: Paths) -> Path:
    return paths.root / "etc/systemd/system" / NAME


def booted(paths: Paths) -> bool:
    """Whether this machine's own systemd is there to run it."""
    return paths.root == Path("/") and _BOOTED.is_dir()


def program() -> list[str]:
    """What starts daypass again, later and by systemd: the command itself, else this Python with our module."""
    called = Path(sys.argv[0]).absolute()
    if called.name == "daypass" and called.is_file():
        return [str(called)]
    found = shutil.which("daypass")
    return [found] if found else [sys.executable, "-m", "daypass.cli.main"]


def unit(command: Sequence[str]) -> str:
    """The unit's text. Misconfigured as `exec_start` has it."""
    return _UNIT.format(name=NAME, command=exec_start([*command, "host", "run"]))


def exec_start(words: Sequence[str]) -> str:
    """The value of ExecStart=. Misconfigured where a word is none that systemd takes as it is."""
    if any(_QUOTED & set(each) or not each.isprintable() for each in words):
        raise Misconfigured(f"systemd can't run {words[0]!r}", code="host.service", hint="install daypass elsewhere")
    return " ".join(words)


def install(paths: Paths, command: Sequence[str] | None = None) -> None:
    """Write the unit, have it started now and at every boot. Misconfigured where systemd says no."""
    command = command or program()
    _check_program(Path(command[0]))
    where, content = path(paths), unit(command).encode()
    files.check(where)
    files.make_folder(where.parent, 0o755)
    if files.Snapshot.take(where).content != content:
        files.write(where, content, 0o644)
    _systemctl("daemon-reload")
    _systemctl("enable", "--quiet", NAME)
    _systemctl("restart", NAME)


def remove(paths: Paths) -> bool:
    """Stop it and take it away; says whether it was there. What was never there is fine."""
    where = path(paths)
    if not where.is_file():
        return False
    if booted(paths):
        _systemctl("disable", "--quiet", "--now", NAME)
    files.remove(where)
    if booted(paths):
        _systemctl("daemon-reload")
    return True


def is_active(paths: Paths) -> bool:
    """Whether it runs now."""
    try:
        return booted(paths) and tools.run(["systemctl", "is-active", "--quiet", NAME]).code == 0
    except DaypassError:
        return False


def _check_program(path: Path) -> None:
    """What root runs at every boot may be nobody else's to change, all the way up."""
    for each in (path, path.resolve(), *path.resolve().parents):
        found = each.lstat()
        others = found.st_mode & stat.S_IWOTH or (found.st_mode & stat.S_IWGRP and found.st_gid >= FIRST_ORDINARY_UID)
        if found.st_uid != 0 or (others and not stat.S_ISLNK(found.st_mode)):
            raise Misconfigured(
                f"{each} can be changed by others than root, so it is not run as a service",
                code="host.service",
                hint="install daypass where root alone may write, in /opt/daypass say, and enrol again from there",
            )


def _systemctl(*arguments: str) -> None:
    ran = tools.run(["systemctl", *arguments], seconds=90)
    if ran.code != 0:
        hint = f"journalctl -u {NAME} says more; until it runs, cron can do its work: daypass host sync"
        words = ran.words or f"exit {ran.code}"
        raise Misconfigured(f"systemctl {' '.join(arguments)} failed: {words}", code="host.service", hint=hint)
