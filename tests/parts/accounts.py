"""Accounts for sshd to log people in to, without touching the machine's own."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.parts.needs import need

__all__ = ["Accounts", "make_accounts"]


@dataclass(frozen=True, slots=True)
class Accounts:
    """Accounts that only processes started through `entered` see; nothing of the machine is changed."""

    directory: Path
    uids: Mapping[str, int]

    def home(self, name: str) -> Path:
        return self.directory / "home" / name

    def entered(self, command: Sequence[str | Path]) -> list[str | Path]:
        """`command`, run in a mount namespace of its own under the same pid."""
        script = 'mount --bind "$0/passwd" /etc/passwd && mount --bind "$0/group" /etc/group && exec "$@"'
        return [need("root with mount namespaces"), "-m", "sh", "-c", script, self.directory, *command]


def make_accounts(directory: Path, names: Sequence[str] = ("alice", "bob", "deploy")) -> Accounts:
    """Accounts with homes under `directory` (which must be safe, see safe_directory). Needs root."""
    need("root with mount namespaces")
    uids = {name: 5001 + number for number, name in enumerate(names)}
    passwd, group = Path("/etc/passwd").read_text(), Path("/etc/group").read_text()
    accounts = Accounts(directory, uids)
    for name, uid in uids.items():
        passwd += f"{name}:*:{uid}:{uid}::{accounts.home(name)}:/bin/sh\n"
        group += f"{name}:x:{uid}:\n"
        accounts.home(name).mkdir(parents=True)
        os.chown(accounts.home(name), uid, uid)
    (directory / "passwd").write_text(passwd)
    (directory / "group").write_text(group)
    return accounts
