"""Enrolment with the CA itself, each command in a process of its own, as it is on two machines."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.host.box import Box
from tests.parts.openssh import make_key
from tests.parts.processes import free_port, safe_directory, stop, wait_until

NAME = "web-1.example.com"
REFUSED, CONFLICT = 4, 7
ROLES = """
[[roles]]
name = "dev"
hosts = ["*"]
groups = ["dev"]
accounts = ["{login}", "deploy"]
"""


class RealCa:
    """A CA made by `ca init` in `folder`; `serving` runs it."""

    def __init__(self, folder: Path) -> None:
        self.config, self.log = folder / "daypass.toml", folder / "log"
        self.url = f"https://localhost:{free_port()}"
        provider = ("--provider-issuer", "https://id.example.com", "--client-id", "daypass")
        self.run("ca", "init", "--url", self.url, "--host-domain", "*.example.com", "--no-passphrase", *provider)
        with self.config.open("a") as file:
            file.write(ROLES)
        self.run("ca", "reload")

    def run(self, *arguments: str) -> str:
        return ended(*arguments, "--config", self.config).stdout

    def token(self, name: str = NAME) -> str:
        return self.run("token", "host", name)


def command(*arguments: str | Path) -> list[str]:
    return [sys.executable, "-m", "daypass.cli.main", *map(str, arguments)]


def ended(*arguments: str | Path, code: int = 0) -> subprocess.CompletedProcess[str]:
    ran = subprocess.run(command(*arguments), capture_output=True, text=True, check=False, timeout=30)
    assert ran.returncode == code, ran.stderr
    return ran


@pytest.fixture(scope="module")
def real_ca() -> Iterator[RealCa]:
    with safe_directory() as folder:
        ca = RealCa(folder)
        with ca.log.open("wb") as log:
            process = subprocess.Popen(command("ca", "serve", "--config", ca.config), stderr=log, stdout=log)
        try:
            wait_until(lambda: "serving" in ca.log.read_text() or process.poll() is not None, "ca serve")
            yield ca
        finally:
            stop(process)


def enroll(box: Box, token: str, *more: str, code: int = 0) -> subprocess.CompletedProcess[str]:
    (box.root / "token").write_text(token)
    options = ("--root", box.root, "--sshd-config", box.config, "--token-file", box.root / "token", "--json")
    return ended("host", "enroll", *options, *more, code=code)


def serial(answer: subprocess.CompletedProcess[str]) -> int:
    return int(json.loads(answer.stdout)["certificates"][0]["serial"])


def test_a_host_enrols_and_enrols_again(box: Box, real_ca: RealCa) -> None:
    with box.running():
        answer = enroll(box, real_ca.token())
        again = enroll(box, real_ca.token())
    first = json.loads(answer.stdout)
    assert (first["name"], first["proven"], first["accounts"]) == (NAME, True, ["alice", "bob", "deploy"])
    assert json.loads(again.stdout)["host_id"] == first["host_id"]
    assert serial(again) > serial(answer)
    assert (box.paths.principals / "deploy").read_text() == "restrict,pty,port-forwarding role:dev\n"
    assert (box.paths.principals / "alice").read_text() == "restrict,pty,port-forwarding role:dev:alice\n"
    assert json.loads(ended("host", "status", "--root", box.root, "--json").stdout)["valid"] is True


def test_a_token_serves_a_retry_by_the_same_keys_and_nobody_else(box: Box, real_ca: RealCa) -> None:
    """Trust 3.4: a host that died before it had written its answer down asks again, and gets the same."""
    token = real_ca.token("web-2.example.com")
    assert serial(enroll(box, token, "--no-reload")) == serial(enroll(box, token, "--no-reload"))
    before = box.paths.ours.joinpath("ssh_host_ed25519_key-cert.pub").read_bytes()
    key = box.root / "sshd/ssh_host_ed25519_key"
    key.unlink()
    make_key(key)
    assert "daypass: error:" in enroll(box, token, "--no-reload", code=REFUSED).stderr
    assert box.paths.ours.joinpath("ssh_host_ed25519_key-cert.pub").read_bytes() == before


def test_a_name_does_not_pass_to_another_machine(box: Box, real_ca: RealCa) -> None:
    """Trust 5.1: not even with a good token, while the first machine's certificate lives."""
    enroll(box, real_ca.token("web-3.example.com"), "--no-reload")
    key = box.root / "sshd/ssh_host_ed25519_key"
    key.unlink()
    make_key(key)
    assert "web-3.example.com" in enroll(box, real_ca.token("web-3.example.com"), "--no-reload", code=CONFLICT).stderr
