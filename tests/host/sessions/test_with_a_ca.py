"""The agent's service and a real CA: who is there is known soon, and a session ends at an operator's word."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from tests.parts.machine import Machine, Yard, install_daypass, ours, run_yard
from tests.parts.openssh import make_key, sign_key
from tests.parts.processes import wait_until
from tests.parts.yard_ca import YardCa, run_yard_ca

from daypass.host import service

HOST = "web-1.example.com"
ROLE = """
[[roles]]
name = "ops"
hosts = ["*"]
groups = ["ops"]
accounts = ["deploy"]
"""


@dataclass
class Scene:
    yard: Yard
    host: Machine
    ca: YardCa

    def log_in(self, serial: int, words: str) -> subprocess.Popen[bytes]:
        """By a certificate that the CA's own key has signed, and that stands in no ledger."""
        key = make_key(self.ca.folder / f"key-{serial}")
        sign_key(
            self._ca_key(),
            key.with_suffix(".pub"),
            key_id="alice@example.com",
            serial=serial,
            principals=["role:ops"],
        )
        command: list[str | Path] = [
            "ssh", "-tt", "-F", "none", "-i", key, "-o", "StrictHostKeyChecking=no", "-o", "BatchMode=yes",
            "-o", "UserKnownHostsFile=/dev/null", f"deploy@{self.host.address}", words,
        ]  # fmt: skip
        pipe = subprocess.PIPE
        return subprocess.Popen(list(map(str, self.yard.enter(*command))), stdin=pipe, stdout=pipe)

    def _ca_key(self) -> Path:
        trusted = (self.host.root / "etc/ssh/daypass/user_ca.pub").read_text().split()[1]
        (found,) = (each for each in self.ca.folder.rglob("*.pub") if trusted in each.read_text())
        return found.with_suffix("")

    def sessions(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = json.loads(self.ca.run("sessions", "--json").stdout)["sessions"]
        return found

    def journal(self) -> str:
        return self.host.run("journalctl", "-u", service.NAME, "-o", "cat", "-q").stdout


@pytest.fixture(scope="module")
def scene() -> Iterator[Scene]:
    with run_yard(1, binds=ours()) as yard, run_yard_ca(yard, ROLE) as ca:
        (machine,) = yard.machines
        install_daypass(machine)
        machine.run("useradd", "--create-home", "--shell", "/bin/bash", "deploy")
        machine.run("daypass", "host", "enroll", "--token-file", "-", stdin=ca.token(HOST))
        wait_until((machine.root / "etc/ssh/daypass/principals/deploy").exists, "the first bundle", seconds=60)
        yield Scene(yard, machine, ca)


def test_a_session_is_known_to_the_ca_and_ends_at_its_word(scene: Scene) -> None:
    session = scene.log_in(7, "setsid sleep 8001 & sleep 8002")
    try:
        wait_until(lambda: bool(scene.sessions()), "the CA to hear of it", seconds=60)
        (known,) = scene.sessions()
        came = known["session"]
        assert (came["account"], came["key_id"], came["serial"]) == ("deploy", "alice@example.com", 7)
        scene.ca.run("sessions", "end", came["id"], "--reason", "left open over night")
        said, _ = session.communicate(timeout=60)
        assert (session.returncode, b"left open over night" in said) == (255, True)
    finally:
        session.kill()
        session.wait()
    wait_until(
        lambda: scene.host.run("pgrep", "-f", "sleep 800", check=False).stdout == "", "what it has started to end"
    )
    wait_until(lambda: not scene.sessions(), "the CA to hear of its end", seconds=60)
    assert "session of alice@example.com as deploy" in scene.journal()
