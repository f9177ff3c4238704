"""The next morning in a whole company: the CA that operators run, a provider with a form, a host that enrolled."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from daypass.demo.company import Company


@pytest.fixture
def morning(firm: Company) -> Company:
    """Signed in yesterday: the agent has let the key go, and the marker's time has come."""
    firm.sign_in("alice")
    (folder,) = (firm.laptop / ".daypass/contexts").iterdir()
    agent = (folder / "agent").read_text().strip()
    subprocess.run(["ssh-add", "-qD"], env=os.environ | {"SSH_AUTH_SOCK": agent}, check=True, capture_output=True)
    os.utime(folder / "valid", (1, 1))
    return firm


def ssh(firm: Company, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Plain ssh, with no terminal, and somebody at the browser."""
    browser = {"BROWSER": f"{sys.executable} -m daypass.demo.browser %s", "DEMO_PERSON": "alice"}
    return subprocess.run(
        ["ssh", "-F", str(firm.ssh_config), *arguments],
        env=firm.env | browser,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
        start_new_session=True,
    )


def test_plain_ssh_signs_in_and_goes_on(morning: Company) -> None:
    done = ssh(morning, morning.host, "echo in")
    assert (done.stdout, done.returncode) == ("in\n", 0), done.stderr
    assert "signed in as alice@example.com" in done.stderr
    again = ssh(morning, morning.host, "echo in")
    assert (again.stdout, again.stderr) == ("in\n", "")


def test_a_ca_that_is_there_and_says_no_word_does_not_keep_ssh_from_other_keys(morning: Company) -> None:
    key = morning.laptop / ".ssh/own"
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", key], check=True)
    allowed = morning.host_root / "authorized_keys" / morning.account
    allowed.write_text(Path(f"{key}.pub").read_text())
    morning.pause_ca()
    try:
        start = time.monotonic()
        done = ssh(morning, "-i", str(key), morning.host, "echo in")
        assert (done.stdout, done.returncode) == ("in\n", 0), done.stderr
        assert done.stderr.count("ssh goes on without") == 1
        assert time.monotonic() - start < 20
    finally:
        morning.resume_ca()
        allowed.unlink()
        key.unlink()


def test_who_has_left_the_company_is_told_so_and_not_let_in(morning: Company) -> None:
    morning.idp.disable("alice")
    done = ssh(morning, morning.host, "echo in")
    assert done.returncode == 255 and done.stdout == ""
    assert "disabled" in done.stderr and "Permission denied" in done.stderr


def test_after_a_logout_nobody_is_signed_in_behind_their_back(morning: Company) -> None:
    told = morning.daypass("logout", check=False)
    assert "ssh will not sign you in by itself" in told.stderr
    done = ssh(morning, morning.host, "echo in")
    assert done.returncode == 255 and "daypass" not in done.stderr
