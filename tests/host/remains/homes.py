"""A host with homes, and gone persons who have used them."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from tests.host.box import Box
from tests.host.fake_ca import public

from daypass.api import EndingReport, HostEnding
from daypass.host.account import Gate
from daypass.host.remains.memory import Memory
from daypass.host.remains.work import look

__all__ = ["ALICE", "BOB", "Homes", "key_line"]

ALICE, BOB = "alice@example.com", "bob@example.com"
UIDS = {"alice": 5001, "bob": 5002, "deploy": 5003}


def key_line(comment: str = "", options: str = "") -> tuple[str, str]:
    """A new key's line, and its fingerprint."""
    key = public(Ed25519PrivateKey.generate())
    return f"{options} {key.line()} {comment}".strip(), key.fingerprint


class Homes:
    """`ended` says what the CA says; times are seconds from now."""

    def __init__(self, box: Box) -> None:
        self.box, self.now = box, int(time.time())
        with box.paths.passwd.open("a") as file:
            file.write("deploy:x:5003:5003::/home/deploy:/bin/sh\n")
        for name, uid in UIDS.items():
            self.home(name).mkdir(parents=True)
            os.chown(self.home(name), uid, uid)
        box.enrol()
        box.sync()
        self.log.parent.mkdir(parents=True)
        self.log.touch()

    @property
    def log(self) -> Path:
        return self.box.root / "var/log/auth.log"

    def home(self, account: str) -> Path:
        return self.box.root / "home" / account

    def put(self, account: str, name: str, content: str | bytes, mode: int = 0o600) -> Path:
        """A file of theirs, in their home."""
        path, uid = self.home(account) / name, UIDS[account]
        for folder in (*reversed(path.relative_to(self.home(account)).parents[:-1]),):
            (self.home(account) / folder).mkdir(exist_ok=True)
            os.chown(self.home(account) / folder, uid, uid)
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        path.chmod(mode)
        os.chown(path, uid, uid)
        return path

    def spool(self, name: str, content: str, uid: int = 0, mode: int = 0o600) -> Path:
        path = self.box.root / "var" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content)
        path.chmod(mode)
        os.chown(path, uid, uid)
        return path

    def came(self, account: str, *, by: str = "", key: str = "") -> None:
        """Somebody came in: with a certificate of this key id, or with this key."""
        ca, some = next(iter(Gate.look(self.box.paths).trusted)), "SHA256:" + "K" * 43
        what = f"ED25519-CERT {some} ID {by} (serial 7) CA ED25519 {ca}" if by else f"ED25519 {key}"
        stamp = time.strftime("%b %e %H:%M:%S", time.localtime(self.now - 60))
        with self.log.open("a") as file:
            file.write(
                f"{stamp} web-1 sshd[7]: Accepted publickey for {account} from 192.0.2.7 port 22 ssh2: {what}\n"
            )

    def ended(self, who: str = ALICE, remains: str = "quarantine", **changes: Any) -> HostEnding:
        """Someone's access has ended: the host hears of it."""
        fields: dict[str, Any] = {
            "id": f"e-{who}",
            "time": self.now,
            "key_ids": [who],
            "logins": [who.partition("@")[0]],
        }
        ending = HostEnding(**(fields | {"remains": remains} | changes))
        others = [each for each in self.box.ca.bundle.get("endings", []) if each.id != ending.id]
        self.box.change(endings=[*others, ending])
        self.box.sync()
        return ending

    def looked(self, who: str = ALICE, later: float = 0) -> EndingReport:
        assert look(self.box.paths, self.now + later)
        return Memory.load(self.box.paths).endings[f"e-{who}"].report

    def told(self, who: str = ALICE, later: float = 0) -> list[tuple[str, str, str]]:
        """Account, kind, and what was done."""
        return [(each.account, each.kind, each.done) for each in self.looked(who, later).remains]

    def tree(self) -> dict[str, tuple[int, int, bytes]]:
        """Mode, owner and content of all in homes and spools."""
        every = (
            path for folder in ("home", "var/spool", "var/lib/systemd") for path in _files(self.box.root / folder)
        )
        return {str(path): (path.lstat().st_mode, path.lstat().st_uid, _content(path)) for path in every}


def _files(folder: Path) -> list[Path]:
    return [each for each in sorted(folder.rglob("*")) if each.is_symlink() or each.is_file()]


def _content(path: Path) -> bytes:
    return os.fsencode(path.readlink()) if path.is_symlink() else path.read_bytes()
