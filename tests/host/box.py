"""A machine of its own for each test: folders under a root, host keys, an sshd_config, and a CA to enrol with."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.host.fake_ca import FakeCa
from tests.parts.needs import need
from tests.parts.openssh import Accounts, Sshd, make_key, run_sshd

from daypass.host.enrol import Enrolled, enrol, prepare
from daypass.host.settings import Paths
from daypass.host.sshd import Sshd as HostSshd
from daypass.host.sync import Synced, sync_once

TOKEN = "dpj1.stands-for-a-token"
URL = "https://ca.example.com"


@dataclass
class Box:
    """One machine: `root` holds all of it. `elsewhere` is a configuration that no running sshd reads."""

    root: Path
    ca: FakeCa
    binary: Path
    elsewhere: Path | None = None

    @property
    def paths(self) -> Paths:
        return Paths(self.root)

    @property
    def config(self) -> Path:
        return self.root / "sshd" / "sshd_config"

    @property
    def sshd(self) -> HostSshd:
        return HostSshd(self.binary, self.elsewhere or self.config)

    def write_config(self, *lines: str) -> None:
        key = f"HostKey {self.root}/sshd/ssh_host_ed25519_key"
        self.config.write_text("\n".join([*lines, key, "# the owner's last line"]) + "\n")

    def include(self) -> str:
        """The line that makes sshd read a drop-in folder, and the folder."""
        folder = self.root / "etc/ssh/sshd_config.d"
        folder.mkdir(parents=True, exist_ok=True)
        return f"Include {folder}/*.conf"

    def enrol(self, *, with_reload: bool = False) -> Enrolled:
        machine = prepare(self.paths, self.sshd, with_reload=with_reload)
        return enrol(
            machine, self.ca, self.ca.ca_id, TOKEN, url=URL, roots=[], now=time.time(), with_reload=with_reload
        )

    def sync(self, *, lock_many: bool = False) -> Synced:
        return sync_once(self.paths, self.ca, time.time(), lock_many=lock_many)

    def change(self, **bundle: Any) -> None:
        """The CA says something else from now on."""
        version = int(self.ca.bundle.get("version", 1)) + 1
        self.ca.bundle |= {"version": version, "digest": f"d{version}", **bundle}

    def tree(self) -> dict[str, tuple[int, bytes]]:
        """Every file below the root with mode and content."""
        found = (
            path
            for path in sorted(self.root.rglob("*"))
            if path.is_file() and path.name not in ("sshd.log", "pid", "lock")
        )
        return {str(path.relative_to(self.root)): (path.stat().st_mode, path.read_bytes()) for path in found}

    @contextmanager
    def running(self, *lines: str, accounts: Accounts | None = None) -> Iterator[Sshd]:
        """A real sshd with these lines first in its configuration."""
        folder = self.root / "sshd"
        with run_sshd(folder, [*lines, f"PidFile {folder}/pid"], accounts=accounts) as sshd:
            yield sshd


def new_box(folder: Path) -> Box:
    """A machine in this folder, with a host key and accounts of its own."""
    (folder / "etc/ssh").mkdir(parents=True)
    (folder / "etc/passwd").write_text(
        "root:x:0:0::/root:/bin/sh\ndaemon:x:1:1::/:/bin/false\nalice:x:5001:5001::/home/alice:/bin/sh\n"
        "bob:x:5002:5002::/home/bob:/bin/sh\nnobody:x:65534:65534::/:/bin/false\n"
    )
    (folder / "sshd").mkdir()
    make_key(folder / "sshd" / "ssh_host_ed25519_key")
    made = Box(folder, FakeCa(), need("sshd"))
    made.write_config()
    return made
