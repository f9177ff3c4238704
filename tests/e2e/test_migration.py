"""The way from keys to certificates on a machine with a real journal and systemd: looked at, closed, taken back."""

from __future__ import annotations

import json
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from tests.parts.machine import Machine, Yard, install_daypass, ours, run_yard
from tests.parts.openssh import make_key, sign_key
from tests.parts.processes import wait_until
from tests.parts.yard_ca import YardCa, run_yard_ca

NAME = "web-1.example.com"
UNDO = "daypass-enforce-undo"
ROLES = """
[[roles]]
name = "ops"
hosts = ["*"]
groups = ["ops"]
accounts = ["root", "admin"]
"""


@dataclass
class Company:
    """A machine whose admin came in by key until now, and its CA."""

    yard: Yard
    ca: YardCa
    folder: Path

    @property
    def machine(self) -> Machine:
        return self.yard.machines[0]

    @property
    def key(self) -> Path:
        return self.folder / "old"

    @property
    def day_pass(self) -> Path:
        return self.folder / "pass"

    def ssh(self, key: Path, *command: str, user: str = "admin") -> subprocess.CompletedProcess[str]:
        options = ("IdentitiesOnly=yes", "BatchMode=yes", "StrictHostKeyChecking=no", "UserKnownHostsFile=/dev/null")
        given = (word for each in (*options, f"IdentityFile={key}") for word in ("-o", each))
        return self.yard.run("ssh", "-F", "none", *given, f"{user}@{self.machine.address}", *command, check=False)

    def comes_in(self, key: Path, user: str = "admin") -> bool:
        ran = self.ssh(key, "true", user=user)
        assert ran.returncode == 0 or "Permission denied (publickey" in ran.stderr, ran.stderr
        return ran.returncode == 0

    def enforce(self, *options: str, code: int = 0) -> subprocess.CompletedProcess[str]:
        return self.daypass("host", "enforce", *options, code=code)

    def daypass(self, *words: str, code: int = 0) -> subprocess.CompletedProcess[str]:
        ran = self.machine.run("daypass", *words, check=False)
        assert ran.returncode == code, (words, ran.stdout, ran.stderr)
        return ran

    def report(self) -> list[dict[str, Any]]:
        ran = self.machine.run("daypass", "host", "report", "--json", check=False)
        found = json.loads(ran.stdout)
        assert found["trusted"] is True
        logins: list[dict[str, Any]] = found["logins"]
        return logins


@pytest.fixture(scope="module")
def company(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Company]:
    folder = tmp_path_factory.mktemp("operator")
    with run_yard(1, binds=ours()) as yard, run_yard_ca(yard, ROLES) as ca:
        made = Company(yard, ca, folder)
        install_daypass(made.machine)
        make_key(made.key)
        make_key(made.day_pass)
        sign_key(ca.folder / "keys/user_ca", made.day_pass.with_suffix(".pub"), key_id="a@x.org",
                 principals=("role:ops",), serial=77)  # fmt: skip
        made.machine.run("useradd", "--create-home", "--shell", "/bin/sh", "admin")
        for home, owner in (("/home/admin", "admin"), ("/root", "root")):
            made.machine.run("install", "-d", "-o", owner, "-m", "700", f"{home}/.ssh")
            made.machine.run(
                "sh", "-c", f"cat >{home}/.ssh/authorized_keys", stdin=made.key.with_suffix(".pub").read_text()
            )
        token = ca.token(NAME)
        made.machine.run("daypass", "host", "enroll", "--token-file", "-", stdin=token)
        yield made


def test_from_keys_to_certificates_and_back(company: Company) -> None:
    """Each step of docs/guide/migration.md as it is typed, and what stands against it."""
    assert company.comes_in(company.key)
    assert [(each["account"], each["way"]) for each in company.report()] == [("admin", "key")]
    assert "nobody has come in by certificate" in company.enforce("--certificates-only", code=7).stderr

    assert company.comes_in(company.day_pass)
    forged = "Accepted publickey for root from 192.0.2.1 port 1 ssh2: ED25519 SHA256:" + "A" * 43
    company.ssh(company.key, f"logger -t sshd '{forged}'")
    found = {(each["account"], each["way"]): each for each in company.report()}
    assert found.keys() == {("admin", "key"), ("admin", "certificate")}, "what users write in the journal is no login"
    assert (found["admin", "certificate"]["what"], found["admin", "certificate"]["serial"]) == ("a@x.org", 77)
    assert (
        "still comes in without a certificate: admin by key" in company.enforce("--certificates-only", code=7).stderr
    )

    company.machine.run("journalctl", "--rotate", "--vacuum-time=1s")
    assert {(each["account"], each["way"]) for each in company.report()} == found.keys(), "a journal that is gone"
    assert company.comes_in(company.day_pass)
    assert {each["way"]: each["count"] for each in company.report()}["certificate"] == 2

    time.sleep(2)
    company.enforce("--certificates-only", "--quiet", "1s")
    assert (company.comes_in(company.key), company.comes_in(company.day_pass)) == (False, True)
    assert "proves nothing" in company.enforce("--confirm", code=5).stderr
    confirmed = company.ssh(company.day_pass, "daypass host enforce --confirm", user="root")
    assert confirmed.returncode == 0, confirmed.stderr
    assert company.machine.run("systemctl", "is-active", f"{UNDO}.timer", check=False).stdout.strip() == "inactive"
    company.machine.reboot()
    assert (company.comes_in(company.key), company.comes_in(company.day_pass)) == (False, True)
    assert json.loads(company.enforce("--json").stdout)["confirmed"] is True

    company.enforce("--off")
    wait_until(lambda: company.comes_in(company.key), "the old door")


def test_a_session_that_began_before_proves_nothing(company: Company) -> None:
    """Whoever was let in before the doors were closed knows nothing of whether one can still come in."""
    company.ssh(company.day_pass, "true")
    wait = "sleep 3; daypass host enforce --certificates-only --quiet 1s >&2 && daypass host enforce --confirm"
    ran = company.ssh(company.day_pass, wait, user="root")
    assert "proves nothing" in ran.stderr, ran.stderr
    company.enforce("--off")


def test_what_is_not_confirmed_is_taken_back_also_after_a_power_cut(company: Company) -> None:
    wait_until(lambda: company.comes_in(company.day_pass), "sshd")
    time.sleep(2)
    company.enforce("--certificates-only", "--quiet", "1s", "--within", "1h")
    company.machine.reboot()
    assert company.machine.run("systemctl", "is-active", f"{UNDO}.timer").stdout == "active\n"
    assert not company.comes_in(company.key)
    company.machine.run("systemctl", "start", f"{UNDO}.service")
    wait_until(lambda: company.comes_in(company.key), "the old door")
    assert not list((company.machine.root / "etc/systemd/system").glob(f"{UNDO}*"))
    assert not (company.machine.root / "var/lib/daypass/enforce.json").exists()


def test_the_fleets_report_is_what_each_host_has_counted(company: Company) -> None:
    """The CA keeps one report of a host in half a minute: the service may have sent one just now."""
    company.comes_in(company.key)

    def told() -> dict[str, Any]:
        (company.machine.root / "var/lib/daypass/logins.sent").unlink(missing_ok=True)
        company.machine.run("daypass", "host", "sync", check=False)  # the service may be at it
        found: dict[str, Any] = json.loads(company.ca.run("host", "report", "--fleet", "--json", code=1).stdout)
        return found

    ways = {("admin", "key"), ("admin", "certificate")}
    wait_until(
        lambda: {(each["account"], each["way"]) for each in told().get("logins", [])} >= ways, "it", seconds=90
    )
    assert (told()["host"], told()["trusted"], told()["enforced"]) == (NAME, True, False)


def test_a_machine_leaves_and_one_that_became_an_image_comes_up_as_another(company: Company) -> None:
    """The way back; then a copy's first boot: keys and machine-id of its own, and nothing of daypass's."""
    machine = company.machine
    known, scan = (machine.root / "etc/machine-id"), ("ssh-keyscan", "-t", "ed25519", machine.address)
    before = known.read_text(), company.yard.run(*scan).stdout
    unit = machine.root / "etc/systemd/system/daypass-host.service"
    assert unit.exists()
    company.daypass("host", "leave", "--force")
    assert not unit.exists()
    assert not (machine.root / "etc/ssh/daypass").exists()
    assert not (machine.root / "var/lib/daypass").exists()
    wait_until(lambda: not company.comes_in(company.day_pass), "the certificate's end")
    assert company.comes_in(company.key)
    assert company.daypass("host", "status", code=1).stdout.startswith("this machine is not enrolled")

    company.daypass("host", "prepare-image", "--yes")
    machine.reboot()
    wait_until(lambda: company.comes_in(company.key), "sshd with keys of its own", seconds=30)
    after = known.read_text(), company.yard.run(*scan).stdout
    assert all(old != new and new.strip() for old, new in zip(before, after, strict=True))
