"""Enrolment with the CA itself, each command in a process of its own, as it is on two machines."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator

import pytest
from tests.host.box import Box
from tests.host.real_ca import NAME, RealCa, ended, run_real_ca
from tests.parts.openssh import make_key

REFUSED, CONFLICT = 4, 7
ROLES = """
[[roles]]
name = "dev"
hosts = ["*"]
groups = ["dev"]
accounts = ["{login}", "deploy"]
"""


@pytest.fixture(scope="module")
def real_ca() -> Iterator[RealCa]:
    with run_real_ca(ROLES) as ca:
        yield ca


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
