"""A machine with a shell, curl, OpenSSH and no Python at all is in its CA's hands from its first boot on."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.parts.cloud_init import first_boot
from tests.parts.machine import Machine, Yard, run_yard
from tests.parts.metadata import run_metadata
from tests.parts.openssh import make_key, sign_key
from tests.parts.yard_ca import YardCa, run_yard_ca

NAME = "web-7.example.com"
AGENT = ("sh", "/var/lib/daypass/agent/agent.sh")
ROLES = """
[[roles]]
name = "ops"
hosts = ["*"]
groups = ["ops"]
accounts = ["root"]
"""

CLOUD = """
[[clouds]]
name = "aws"
type = "aws"
accounts = ["123456789012"]
host_name = "{instance}.example.com"
"""


@pytest.fixture(scope="module")
def yard() -> Iterator[Yard]:
    with run_yard(1) as yard:
        machine = yard.machines[0]
        machine.run("sh", "-c", "rm -rf /usr/bin/python3* /usr/lib/python3*")
        yield yard


@pytest.fixture(scope="module")
def ca(yard: Yard) -> Iterator[YardCa]:
    with run_yard_ca(yard, ROLES) as ca:
        yield ca


def presents(yard: Yard, machine: Machine) -> bool:
    scanned = yard.run("ssh-keyscan", "-c", "-t", "ed25519", machine.address, check=False).stdout
    return "ssh-ed25519-cert-v01@openssh.com" in scanned


def comes_in(yard: Yard, ca: YardCa, machine: Machine, key: Path) -> bool:
    """Somebody with the role, who meets the host by its certificate and never by its key."""
    known = key.with_name("known_hosts")
    known.write_text(f"@cert-authority {NAME} {(ca.folder / 'keys/host_ca.pub').read_text()}")
    options = (
        *("IdentitiesOnly=yes", "BatchMode=yes", "StrictHostKeyChecking=yes", f"UserKnownHostsFile={known}"),
        *("GlobalKnownHostsFile=none", f"HostKeyAlias={NAME}", f"IdentityFile={key}"),
    )
    given = [word for each in options for word in ("-o", each)]
    return yard.run("ssh", "-F", "none", *given, f"root@{machine.address}", "true", check=False).returncode == 0


def test_a_machine_is_trusted_from_its_first_boot_and_gone_without_a_trace(
    yard: Yard, ca: YardCa, tmp_path: Path
) -> None:
    (machine,) = yard.machines
    user_data = ca.run("host", "user-data", NAME).stdout
    key = make_key(tmp_path / "id")
    sign_key(ca.folder / "keys/user_ca", key.with_suffix(".pub"), key_id="alice", principals=["role:ops"])
    before = machine.run("find", "/etc", "-newer", "/etc/machine-id", "-type", "f").stdout

    ran = first_boot(machine, user_data)
    assert f"{NAME} is enrolled with {ca.url}\n" in ran.stdout, ran.stdout + ran.stderr
    assert presents(yard, machine)
    assert comes_in(yard, ca, machine, key)
    assert not machine.run("sh", "-c", "ls /run/daypass-token", check=False).stdout

    machine.run("systemctl", "start", "daypass-agent.service")
    machine.reboot()
    assert machine.run("systemctl", "is-active", "daypass-agent.timer").stdout == "active\n"
    assert comes_in(yard, ca, machine, key)

    ca.publish(ROLES.replace('"root"', '"admin"'))
    machine.run("systemctl", "start", "daypass-agent.service")
    assert not comes_in(yard, ca, machine, key)

    machine.run(*AGENT, "leave")
    assert not presents(yard, machine)
    assert machine.run("systemctl", "is-active", "daypass-agent.timer", check=False).stdout == "inactive\n"
    assert machine.run("find", "/etc", "-newer", "/etc/machine-id", "-type", "f").stdout == before

    machine.run("sh", "-c", "rm /etc/ssh/ssh_host_*; ssh-keygen -A; systemctl restart ssh")
    again = first_boot(machine, user_data)
    assert again.returncode != 0, "cloud-init status has to say so"
    assert "was used before, for another key" in again.stderr
    assert not presents(yard, machine)
    assert not machine.run("sh", "-c", "ls /run/daypass-token", check=False).stdout


def test_another_script_than_the_one_that_was_meant_is_not_run(yard: Yard, ca: YardCa) -> None:
    (machine,) = yard.machines
    user_data = ca.run("host", "user-data", "web-8.example.com").stdout
    swapped = user_data.replace("/v1/host/agent.sh\n", "/v1/trust\n")
    assert swapped != user_data
    ran = first_boot(machine, swapped)
    assert "FAILED" in ran.stdout
    assert ran.returncode != 0
    assert not presents(yard, machine)


def test_a_cloud_instance_enrols_by_its_document_with_nothing_secret_in_its_user_data(
    yard: Yard, ca: YardCa, tmp_path: Path
) -> None:
    (machine,) = yard.machines
    with run_metadata("aws", tmp_path, machine.namespace, {"privateIp": machine.address}) as service:
        (ca.folder / "aws.pem").write_bytes(service.certificate.read_bytes())
        ca.publish(f'{ROLES}{CLOUD}certificates = "{ca.folder}/aws.pem"\n')
        ran = first_boot(machine, ca.run("host", "user-data", "--cloud", "aws").stdout)
    assert f"i-0123456789abcdef0.example.com is enrolled with {ca.url}\n" in ran.stdout, ran.stdout + ran.stderr
    assert presents(yard, machine)
    machine.run(*AGENT, "leave")


def test_the_timer_s_service_is_taken_by_systemd(yard: Yard, ca: YardCa) -> None:
    (machine,) = yard.machines
    script = ca.run("host", "user-data", "web-9.example.com", "--format", "sh").stdout
    machine.run("sh", stdin=script)
    verified = machine.run("systemd-analyze", "verify", "daypass-agent.service", "daypass-agent.timer")
    assert verified.stderr == ""
    machine.run(*AGENT, "leave")
