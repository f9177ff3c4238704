"""A CA of the commands that operators type, in the yard where machines of the tests reach it."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.parts.machine import Yard
from tests.parts.processes import safe_directory, stop, wait_until

__all__ = ["YardCa", "run_yard_ca"]


@dataclass
class YardCa:
    """At https://10.79.0.1:8443, for *.example.com."""

    yard: Yard
    folder: Path
    _process: subprocess.Popen[bytes] | None = None

    @property
    def config(self) -> Path:
        return self.folder / "daypass.toml"

    @property
    def url(self) -> str:
        return f"https://{self.yard.address}:8443"

    @property
    def log(self) -> Path:
        return self.folder / "log"

    def run(self, *arguments: str | Path, code: int = 0, stdin: str = "") -> subprocess.CompletedProcess[str]:
        """One command of daypass in the yard, on the CA's configuration, which must end with this code."""
        ran = self.yard.run(*_command(*arguments, "--config", self.config), check=False, stdin=stdin)
        assert ran.returncode == code, (arguments, ran.returncode, ran.stdout, ran.stderr)
        return ran

    def token(self, name: str, *labels: str) -> str:
        return self.run("token", "host", name, *(word for each in labels for word in ("--label", each))).stdout

    def publish(self, roles: str) -> None:
        """These lines beside those of `ca init` from now on."""
        own = self.config.with_suffix(".own")
        if not own.exists():
            own.write_text(self.config.read_text())
        self.config.write_text(own.read_text() + roles)
        self.run("ca", "reload")

    def start(self) -> None:
        before = self.log.stat().st_size if self.log.exists() else 0
        with self.log.open("ab") as log:
            command = [str(each) for each in self.yard.enter(*_command("ca", "serve", "--config", self.config))]
            self._process = process = subprocess.Popen(command, stdout=log, stderr=log)
        up = lambda: "serving" in self.log.read_text()[before:] or process.poll() is not None  # noqa: E731
        wait_until(up, "ca serve", seconds=30)
        assert process.poll() is None, self.log.read_text()

    def stop(self) -> None:
        if self._process is not None:
            stop(self._process)
            self._process = None


@contextmanager
def run_yard_ca(yard: Yard, roles: str = "") -> Iterator[YardCa]:
    with safe_directory() as folder:
        ca = YardCa(yard, folder)
        provider = ("--provider-issuer", "https://id.example.com", "--client-id", "daypass")
        ca.run("ca", "init", "--url", ca.url, "--host-domain", "*.example.com", "--no-passphrase", *provider)
        if roles:
            ca.publish(roles)
        ca.start()
        try:
            yield ca
        finally:
            ca.stop()


def _command(*arguments: str | Path) -> list[str | Path]:
    return [sys.executable, "-m", "daypass.cli.main", *arguments]
