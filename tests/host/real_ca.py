"""A CA of the commands that operators type, as a process of its own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from tests.parts.processes import free_port, safe_directory, stop, wait_until

__all__ = ["NAME", "RealCa", "ended", "run_real_ca"]

NAME = "web-1.example.com"


class RealCa:
    """A CA made by `ca init` in `folder`, with these roles published, at this address. `before` stands before the
    command that serves: it enters a network."""

    def __init__(
        self, folder: Path, roles: str, address: str = "localhost", before: Sequence[str | Path] = ()
    ) -> None:
        self.config, self.log, self._before = folder / "daypass.toml", folder / "log", before
        self.url = f"https://{address}:{free_port()}"
        provider = ("--provider-issuer", "https://id.example.com", "--client-id", "daypass")
        init = ("ca", "init", "--url", self.url, "--host-domain", "*.example.com", "--no-passphrase", "--json")
        self.fingerprint = str(json.loads(self.run(*init, *provider))["fingerprint"])
        self._own = self.config.read_text()
        self.publish(roles)
        self._process: subprocess.Popen[bytes] | None = None

    def start(self, env: Mapping[str, str] | None = None) -> None:
        """`env`: what stands in its environment beside ours."""
        with self.log.open("wb") as log:
            command = [*self._before, *_command("ca", "serve", "--config", self.config)]
            self._process = process = subprocess.Popen(
                command, stderr=log, stdout=log, env={**os.environ, **(env or {})}
            )
        wait_until(lambda: "serving" in self.log.read_text() or process.poll() is not None, "ca serve")

    def stop(self, *, kill: bool = False) -> None:
        if self._process is not None and kill:
            self._process.kill()
        if self._process is not None:
            stop(self._process)
            self._process = None

    @property
    def user_key(self) -> Path:
        return self.config.parent / "keys/user_ca"

    def publish(self, roles: str) -> None:
        """These roles from now on."""
        self.config.write_text(self._own + roles)
        self.run("ca", "reload")

    def run(self, *arguments: str) -> str:
        return ended(*arguments, "--config", self.config).stdout

    def token(self, name: str = NAME, *labels: str) -> str:
        return self.run("token", "host", name, *(word for each in labels for word in ("--label", each)))


def ended(
    *arguments: str | Path, code: int = 0, before: Sequence[str | Path] = ()
) -> subprocess.CompletedProcess[str]:
    """One command of daypass, which must end with this code."""
    command = [*before, *_command(*arguments)]
    ran = subprocess.run(command, capture_output=True, text=True, check=False, timeout=30)
    assert ran.returncode == code, ran.stderr
    return ran


@contextmanager
def run_real_ca(roles: str) -> Iterator[RealCa]:
    with safe_directory() as folder:
        ca = RealCa(folder, roles)
        ca.start()
        try:
            yield ca
        finally:
            ca.stop()


def _command(*arguments: str | Path) -> list[str]:
    return [sys.executable, "-m", "daypass.cli.main", *map(str, arguments)]
