"""`daypass host prepare-image`: what must not be on two machines, taken off the one that others are copied from.

The CA knows this machine by its name, its host keys and its machine-id. A copy that had them could speak for it; so
they go, as systemd's and cloud-init's guides to images have it: host keys, /etc/machine-id, the seed of the random
numbers, and all that `host leave` takes away. The program stays, and a unit that makes host keys at first boot where
the distribution has none.
"""

from __future__ import annotations

import shutil
from pathlib import Path

from daypass.errors import NotFound
from daypass.host import files, service, tools
from daypass.host.leave import leave
from daypass.host.settings import Paths
from daypass.host.sshd import Sshd

__all__ = ["KEYS_UNIT", "prepare_image"]

KEYS_UNIT = "daypass-host-keys.service"
_UNIT = """\
# Written by `daypass host prepare-image`: sshd does not start without host keys.
[Unit]
Description=Make the host keys of sshd where there are none
Before=ssh.service sshd.service ssh.socket sshd.socket
ConditionPathExistsGlob=!/etc/ssh/ssh_host_*_key

[Service]
Type=oneshot
ExecStart={keygen} -A
RemainAfterExit=yes

[Install]
WantedBy=multi-user.target ssh.service sshd.service
"""
_WANTED_BY = ("multi-user.target", "ssh.service", "sshd.service")
_ONCE = (
    "var/lib/systemd/random-seed", "var/lib/systemd/credential.secret", "var/lib/dbus/machine-id",
    "root/.ssh/known_hosts",
)  # fmt: skip


def prepare_image(paths: Paths, sshd: Sshd) -> list[Path]:
    """What was taken off, in order. The running sshd goes on with what it has read; after it nothing starts it
    again on this machine but a boot."""
    tools.find("ssh-keygen", "openssh-client")
    gone = list[Path]()
    keys = _host_keys(paths)
    if paths.memory.is_dir() or paths.ours.is_dir():
        try:
            leave(paths, sshd, with_reload=False)
            shutil.rmtree(paths.memory, ignore_errors=True)  # what it has left in quarantine, too
            gone += [paths.ours, paths.memory]
        except NotFound:
            pass
    _make_keys_at_boot(paths)
    for each in (*keys, *(paths.root / name for name in _ONCE)):
        if each.is_file() and not each.is_symlink():
            files.remove(each)
            gone.append(each)
    machine_id = paths.root / "etc/machine-id"
    if machine_id.is_file() and machine_id.read_bytes():
        files.write(machine_id, b"", 0o444)  # empty, not missing: a boot then fills it in, and resets no services
        gone.append(machine_id)
    return gone


def _host_keys(paths: Paths) -> list[Path]:
    """Both halves, and certificates that others have put beside them."""
    return sorted(paths.host_keys.glob("ssh_host_*_key*"))


def _make_keys_at_boot(paths: Paths) -> None:
    """By links, as `systemctl enable` does it: an image below --root has no systemd to ask."""
    folder = paths.root / "etc/systemd/system"
    if not (paths.root / "usr/lib/systemd/systemd").exists() and not service.booted(paths):
        return
    if any((paths.root / lib / "systemd/system/sshd-keygen@.service").exists() for lib in ("usr/lib", "lib")):
        return
    keygen = "/usr/bin/ssh-keygen"
    files.make_folder(folder, 0o755)
    files.write(folder / KEYS_UNIT, _UNIT.format(keygen=keygen).encode(), 0o644)
    for target in _WANTED_BY:
        link = folder / f"{target}.wants" / KEYS_UNIT
        files.make_folder(link.parent, 0o755)
        if not link.is_symlink():
            link.symlink_to(f"../{KEYS_UNIT}")
