"""The service on a machine with a real systemd: enrolled, kept fresh, cut off in the middle of a rekey, copied."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.parts.machine import Machine, Yard, install_daypass, our_python, ours, run_yard
from tests.parts.processes import wait_until
from tests.parts.yard_ca import YardCa, run_yard_ca

from daypass.host import service

ROLES = """
[[roles]]
name = "dev"
hosts = ["*"]
groups = ["dev"]
accounts = ["{login}", "deploy"]
"""
OPS = """
[[roles]]
name = "ops"
hosts = ["*"]
groups = ["ops"]
accounts = ["root"]
"""
TRIED = """\
set -ex
useradd --create-home --home-dir /home/tried --user-group --shell /bin/sh --comment tried tried
usermod --expiredate 1 tried
loginctl enable-linger tried
mkdir -p /var/spool/cron/crontabs
echo '@daily true' >/var/spool/cron/crontabs/tried
setpriv --reuid=tried --regid=tried --clear-groups mkdir /home/tried/.ssh
echo 'ssh-ed25519 AAAA mine' >/home/tried/.ssh/authorized_keys
daypass host remains tried >/tmp/remains || [ $? = 1 ]
grep -q ^authorized_keys /tmp/remains && grep -q ^cron /tmp/remains && grep -q ^linger /tmp/remains
! grep 'Operation not permitted' /tmp/remains
loginctl disable-linger tried
rm /var/spool/cron/crontabs/tried
sshd -t
sshd -T >/dev/null
systemctl is-active --quiet ssh.service
ssh-keyscan -T 5 -t ed25519 127.0.0.1 2>/dev/null | grep -q ssh-ed25519
systemctl reload ssh.service
journalctl -n 1 -q >/dev/null
! touch /usr/tried /root/tried
"""
"""What daypass has done for it, within the bounds of its unit."""


@pytest.fixture(scope="module")
def yard() -> Iterator[Yard]:
    with run_yard(1, binds=ours()) as yard:
        yield yard


@pytest.fixture(scope="module")
def ca(yard: Yard) -> Iterator[YardCa]:
    with run_yard_ca(yard, ROLES) as ca:
        yield ca


@pytest.fixture(scope="module")
def host(yard: Yard, ca: YardCa) -> Machine:
    (machine,) = yard.machines
    install_daypass(machine)
    said = machine.run("daypass", "host", "enroll", "--token-file", "-", stdin=ca.token("web-1.example.com")).stdout
    assert "daypass-host.service keeps it fresh" in said
    return machine


def status(machine: Machine, code: int = 0) -> dict[str, object]:
    ran = machine.run("daypass", "host", "status", "--json", check=False)
    assert ran.returncode == code, (ran.stdout, ran.stderr)
    found: dict[str, object] = json.loads(ran.stdout)
    return found


def journal(machine: Machine) -> str:
    """-m: of a machine that was called otherwise, too."""
    return machine.run("journalctl", "-m", "-u", service.NAME, "-o", "cat", "-q").stdout


def show(machine: Machine, what: str) -> str:
    return machine.run("systemctl", "show", "--value", "-p", what, service.NAME).stdout.strip()


def presented(yard: Yard, machine: Machine) -> str:
    return yard.run("ssh-keyscan", "-c", "-T", "5", "-t", "ed25519", machine.address, check=False).stdout


def test_systemd_is_told_how_it_stands(host: Machine, ca: YardCa) -> None:
    assert (show(host, "ActiveState"), show(host, "Type")) == ("active", "notify")
    wait_until(lambda: f"in touch with {ca.url}" in show(host, "StatusText"), "the status", seconds=30)


def test_what_is_published_is_in_force_within_seconds(host: Machine, ca: YardCa) -> None:
    ca.publish(ROLES + OPS)
    path = host.root / "etc/ssh/daypass/principals/root"
    wait_until(path.exists, "the new role", seconds=30)
    wait_until(lambda: "principals/root changed" in journal(host), "the journal")


def test_everything_it_does_is_allowed_to_it_and_nothing_beside(host: Machine) -> None:
    unit = service.unit(["/bin/sh", "/etc/tried.sh"]).replace("Type=notify", "Type=oneshot")
    unit = "\n".join(
        line for line in unit.splitlines() if not line.startswith(("Restart", "Watchdog", "NotifyAccess"))
    )
    (host.root / "etc/tried.sh").write_text(TRIED)
    (host.root / "etc/systemd/system/tried.service").write_text(unit)
    host.run("systemctl", "daemon-reload")
    ran = host.run("systemctl", "start", "tried.service", check=False)
    assert ran.returncode == 0, host.run("journalctl", "-u", "tried.service", "-o", "cat").stdout
    assert "tried" in host.run("getent", "passwd", "tried").stdout


def test_a_power_cut_in_the_middle_of_a_rekey_heals_at_boot(yard: Yard, host: Machine) -> None:
    wait_until(lambda: "ssh-ed25519-cert" in presented(yard, host), "sshd after its reload", seconds=30)
    before = presented(yard, host)
    swap = host.root / "var/lib/daypass/swap.json"
    command = host.enter("sh", "-c", "daypass host rekey >/root/rekey 2>&1 &")
    yard.run(*command)
    wait_until(swap.exists, "the rekey to begin", seconds=30)
    host.power_cut()
    host.boot()
    wait_until(lambda: not swap.exists(), "the rekey to be settled", seconds=30)
    wait_until(lambda: "ssh-ed25519-cert" in presented(yard, host), "a certificate", seconds=30)
    assert status(host)["valid"] is True
    assert host.run("daypass", "host", "rekey", "--type", "ed25519").stdout.endswith("sshd presents it\n")
    assert presented(yard, host) not in ("", before)


def test_a_service_that_was_stopped_is_a_matter_for_monitoring(host: Machine) -> None:
    host.run("systemctl", "stop", service.NAME)
    try:
        assert status(host, code=1)["service_runs"] is False
    finally:
        host.run("systemctl", "start", service.NAME)
    assert status(host)["service_runs"] is True


def test_a_copy_of_its_disk_does_nothing_in_its_name_and_says_so(host: Machine, ca: YardCa) -> None:
    identity = host.root / "etc/machine-id"
    own = identity.read_text()
    identity.write_text("0123456789abcdef" * 2 + "\n")
    try:
        host.run("systemctl", "restart", service.NAME)
        wait_until(lambda: "is a copy of web-1.example.com" in journal(host), "the journal", seconds=30)
        assert show(host, "ActiveState") == "active"
        assert status(host, code=1)["enrolled"] is True
        refused = host.run("daypass", "host", "sync", check=False)
        assert (refused.returncode, "is a copy of" in refused.stderr) == (10, True)
        token = ca.token("web-2.example.com")
        refused = host.run("daypass", "host", "enroll", "--token-file", "-", stdin=token, check=False)
        assert "ssh-keygen -A" in refused.stderr
        host.run("sh", "-c", "rm /etc/ssh/ssh_host_* && ssh-keygen -A && systemctl restart ssh")
        host.run("daypass", "host", "enroll", "--token-file", "-", stdin=token)
        assert status(host)["name"] == "web-2.example.com"
    finally:
        identity.write_text(own)


def test_it_can_be_taken_away(host: Machine) -> None:
    code = "from daypass.host import service, settings; assert service.remove(settings.Paths())"
    host.run(*our_python()[:-2], "-c", code)
    assert show(host, "LoadState") == "not-found"
    assert not Path(host.root / "etc/systemd/system" / service.NAME).exists()


def test_an_sshd_that_waits_for_its_first_connection_is_set_up_all_the_same(host: Machine, ca: YardCa) -> None:
    """Where systemd listens for it (ssh.socket), `sshd -t` itself refuses before that: /run/sshd is missing."""
    host.run("daypass", "host", "leave", "--force")
    host.run("systemctl", "disable", "--now", "ssh.service")
    host.run("systemctl", "enable", "--now", "ssh.socket")
    assert host.run("test", "-e", "/run/sshd", check=False).returncode == 1
    assert host.run("systemctl", "is-active", "ssh.service", check=False).stdout == "inactive\n"
    token = ca.token("web-3.example.com")
    said = host.run("daypass", "host", "enroll", "--token-file", "-", stdin=token).stdout
    assert "sshd presents its new certificate" in said
