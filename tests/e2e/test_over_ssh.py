"""A fleet that is reached by key today is taken over by that very access, and can still be reached by it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.parts.machine import Machine, Yard, install_daypass, ours, run_yard
from tests.parts.needs import need
from tests.parts.yard_ca import YardCa, run_yard_ca


@pytest.fixture(scope="module")
def yard() -> Iterator[Yard]:
    with run_yard(3, binds=ours()) as yard:
        yield yard


@pytest.fixture(scope="module")
def ca(yard: Yard) -> Iterator[YardCa]:
    with run_yard_ca(yard) as ca:
        yield ca


@pytest.fixture
def operator(yard: Yard, tmp_path: Path) -> list[str]:
    """The operator's key opens the administrator's account everywhere, who may sudo; known_hosts knows the hosts."""
    yard.run(need("ssh-keygen"), "-q", "-t", "ed25519", "-N", "", "-f", tmp_path / "key")
    known = tmp_path / "known_hosts"
    for each in yard.machines[:2]:
        install_daypass(each)  # the last has nothing but sh, curl and OpenSSH
    for each in yard.machines:
        _admit(each, (tmp_path / "key.pub").read_text())
        key = (each.root / "etc/ssh/ssh_host_ed25519_key.pub").read_text()
        with known.open("a") as file:
            file.write(f"{each.address} {key}")
    options = (f"IdentityFile={tmp_path / 'key'}", "IdentitiesOnly=yes", f"UserKnownHostsFile={known}")
    return [word for each in options for word in ("--ssh-option", each)]


def _admit(machine: Machine, key: str) -> None:
    machine.run("sh", "-c", "id admin 2>/dev/null || useradd --create-home --shell /bin/sh admin")
    machine.run("install", "-d", "-o", "admin", "-m", "700", "/home/admin/.ssh")
    machine.run("sh", "-c", "cat >/home/admin/.ssh/authorized_keys", stdin=key)
    machine.run("sh", "-c", "cat >/etc/sudoers.d/admin", stdin="admin ALL=(ALL) NOPASSWD: ALL\n")


def _list(yard: Yard) -> str:
    return "".join(
        f"h{number}.example.com admin@{each.address} n={number}\n" for number, each in enumerate(yard.machines)
    )


def test_three_hosts_are_taken_over_and_a_second_run_leaves_them_alone(
    yard: Yard, ca: YardCa, operator: list[str]
) -> None:
    """One of them refuses at first: the others of its wave are done, and the next run does that one alone."""
    broken = yard.machines[1]
    broken.run("rm", "/etc/sudoers.d/admin")
    first = ca.run("host", "enroll", "--over-ssh", "-", "--json", *operator, stdin=_list(yard), code=1)
    found = {each["name"]: each for each in json.loads(first.stdout)}
    assert [found[f"h{n}.example.com"]["state"] for n in range(3)] == ["enrolled", "failed", "enrolled"]
    assert "password" in found["h1.example.com"]["said"]
    assert "dpj1." not in first.stdout + first.stderr

    broken.run("sh", "-c", "cat >/etc/sudoers.d/admin", stdin="admin ALL=(ALL) NOPASSWD: ALL\n")
    again = ca.run("host", "enroll", "--over-ssh", "-", *operator, stdin=_list(yard))
    assert "1 enrolled, 2 were already" in again.stdout
    for number, each in enumerate(yard.machines):
        scanned = yard.run("ssh-keyscan", "-c", "-t", "ed25519", each.address).stdout
        assert "ssh-ed25519-cert-v01@openssh.com" in scanned
        status = ("daypass", "host") if number < 2 else ("sh", "/var/lib/daypass/agent/agent.sh")
        assert f"h{number}.example.com" in each.run(*status, "status").stdout
        assert not each.run("grep", "-rl", "dpj1", "/tmp", "/root", "/home", check=False).stdout
