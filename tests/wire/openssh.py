"""The real OpenSSH tools, as a second opinion on every byte."""

from __future__ import annotations

import os
import subprocess
from dataclasses import dataclass, field
from pathlib import Path

from tests.parts.needs import PARTS, need

PLAIN = ("ed25519", "ecdsa-256", "ecdsa-384", "ecdsa-521", "rsa-2048")
SECURITY_KEYS = ("ed25519-sk", "ecdsa-sk")
ALL = PLAIN + SECURITY_KEYS

PUBLISHED_TYPE = {
    "ed25519": "ssh-ed25519",
    "ecdsa-256": "ecdsa-sha2-nistp256",
    "ecdsa-384": "ecdsa-sha2-nistp384",
    "ecdsa-521": "ecdsa-sha2-nistp521",
    "rsa-2048": "ssh-rsa",
    "ed25519-sk": "sk-ssh-ed25519@openssh.com",
    "ecdsa-sk": "sk-ecdsa-sha2-nistp256@openssh.com",
}
YEAR_2026 = "20260101000000Z:20270101000000Z"


def run(*arguments: str | Path, stdin: bytes | None = None) -> str:
    """Run a tool that must succeed; its standard output."""
    done = attempt(*arguments, stdin=stdin)
    assert done.returncode == 0, done.stderr
    return done.stdout.decode()


def attempt(*arguments: str | Path, stdin: bytes | None = None) -> subprocess.CompletedProcess[bytes]:
    """Run a tool that may fail. FIDO keys live in OpenSSH's own test middleware, where that is installed."""
    middleware = PARTS["sk-dummy"].find()
    environment = {**os.environ, "SSH_SK_PROVIDER": str(middleware), "LC_ALL": "C.UTF-8", "TZ": "UTC"}
    program, *rest = arguments
    return subprocess.run(
        [need(str(program)), *map(str, rest)],
        input=stdin or b"",
        capture_output=True,
        env=environment,
        timeout=20,
        check=False,
    )


@dataclass
class Keyring:
    """Private key files by name, as in `ALL`; made when first asked for."""

    folder: Path
    _made: dict[str, Path] = field(default_factory=dict)

    def private(self, name: str, owner: str = "subject") -> Path:
        """The file of `owner`'s key of this kind."""
        if f"{owner}-{name}" not in self._made:
            self._made[f"{owner}-{name}"] = self._make(name, owner)
        return self._made[f"{owner}-{name}"]

    def line(self, name: str, owner: str = "subject") -> str:
        """The same key's .pub line."""
        return self.private(name, owner).with_suffix(".pub").read_text()

    def certify(self, name: str, ca: str, *options: str, algorithm: str = "") -> str:
        """The line of a certificate that ssh-keygen -s makes for `name` by the CA's key `ca`."""
        authority, public = self.private(ca, "ca"), self.private(name).with_suffix(".pub")
        chosen = ("-t", algorithm) if algorithm else ()
        run("ssh-keygen", "-q", "-s", authority, "-I", "a key id", *chosen, *options, public)
        return public.with_name(public.stem + "-cert.pub").read_text()

    def _make(self, name: str, owner: str) -> Path:
        if name in SECURITY_KEYS:
            need("sk-dummy")
        path = self.folder / f"{owner}-{name}"
        kind, _, bits = name.partition("-") if name not in SECURITY_KEYS else (name, "", "")
        size = ("-b", bits) if bits else ()
        run("ssh-keygen", "-q", "-t", kind, *size, "-N", "", "-C", "someone", "-f", path)
        return path
