"""npm's `oidc-provider`, a certified OpenID Provider, as a process on loopback (oidc_provider/op.mjs)."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.parts.needs import need
from tests.parts.processes import stop

__all__ = ["CertifiedOp", "run_certified_op"]


@dataclass(frozen=True, slots=True)
class CertifiedOp:
    """People are alice (engineers, oncall), bob (contractors) and carol (disabled); the password is the name."""

    issuer: str
    process: subprocess.Popen[bytes]
    client_id: str = "daypass"
    pages: tuple[str, str] = ("daypass-pages", "known-to-the-ca-alone-and-long-enough")  # client and its secret

    def disable(self, name: str) -> None:
        self._say(f"disable {name}")

    def enable(self, name: str) -> None:
        self._say(f"enable {name}")

    def log_out_to(self, url: str) -> None:
        """Where back-channel logouts of `daypass` go."""
        self._say(f"logout-to {url}")

    def told(self) -> str:
        """How the next back-channel logout went: `ok`, or why it did not."""
        assert self.process.stdout is not None
        return self.process.stdout.readline().decode().removeprefix("LOGGED-OUT ").strip()

    def _say(self, line: str) -> None:
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(f"{line}\n".encode())
        self.process.stdin.flush()
        assert self.process.stdout.readline() == f"DONE {line}\n".encode()


@contextmanager
def run_certified_op(*, groups_in: str = "id_token", trusting: Path | None = None) -> Iterator[CertifiedOp]:
    """Started on a port of the moment; it ends by itself when this process does. `groups_in`: id_token | userinfo;
    `trusting`: a TLS root of ours, in PEM."""
    directory = need("oidc-provider")
    need("libatomic")
    process = subprocess.Popen(
        [need("node"), "--no-warnings", "op.mjs", "0", groups_in],
        cwd=directory,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env=os.environ | ({"NODE_EXTRA_CA_CERTS": str(trusting)} if trusting else {}),
    )
    try:
        assert process.stdout is not None
        word, _, issuer = process.stdout.readline().decode().strip().partition(" ")
        assert word == "READY", "oidc-provider did not start: run node op.mjs 0 by hand to see why"
        yield CertifiedOp(issuer, process)
    finally:
        stop(process)
