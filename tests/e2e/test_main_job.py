"""The main job, end to end: sign in with SSO, then plain ssh works. And every way in which it must not."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

from daypass.demo.company import Company


def identities(firm: Company) -> list[str]:
    """What the laptop's agent holds, as `ssh-add -L` says it."""
    agent = firm.laptop / ".daypass/agent.sock"
    listed = subprocess.run(
        ["ssh-add", "-L"], env=os.environ | {"SSH_AUTH_SOCK": str(agent)}, capture_output=True, text=True, check=False
    )
    return listed.stdout.splitlines() if listed.returncode == 0 else []


def test_after_the_sign_in_plain_ssh_works(firm: Company) -> None:
    told = firm.sign_in("alice")
    assert "signed in as alice@example.com, until" in told.stderr
    done = firm.ssh(firm.host, "whoami")
    assert (done.returncode, done.stdout.strip()) == (0, firm.account), done.stderr


def test_without_a_certificate_ssh_is_refused_and_asks_nothing(firm: Company) -> None:
    done = firm.ssh(firm.host, "true")
    assert done.returncode == 255
    assert "Permission denied" in done.stderr and "continue connecting" not in done.stderr


def test_another_account_is_refused(firm: Company) -> None:
    firm.sign_in("alice")
    assert "Permission denied" in firm.ssh(f"nobody@{firm.host}", "true").stderr


def test_logout_takes_the_certificate_away(firm: Company) -> None:
    firm.sign_in("alice")
    assert firm.ssh(firm.host, "true").returncode == 0
    firm.daypass("logout")
    assert not identities(firm)
    assert not list((firm.laptop / ".daypass").rglob("id-cert.pub"))
    assert "Permission denied" in firm.ssh(firm.host, "true").stderr
    assert firm.daypass("status", check=False).returncode == 1


def test_somebody_without_a_role_is_told_which_rule_said_no(firm: Company) -> None:
    done = firm.sign_in("bob", check=False)
    assert done.returncode not in (0, 70)
    assert "no role is for bob@example.com" in done.stderr and "hint:" in done.stderr
    assert not identities(firm)


def test_whom_the_provider_has_disabled_gets_nothing(firm: Company) -> None:
    firm.idp.disable("alice")
    done = firm.sign_in("alice", "--force", check=False)
    assert done.returncode not in (0, 70)
    assert "disabled" in done.stderr
    assert not identities(firm)


def test_ten_sign_ins_leave_one_identity(firm: Company) -> None:
    for _ in range(10):
        firm.sign_in("alice", "--force")
    (only,) = identities(firm)
    assert only.startswith("ssh-ed25519-cert-v01@openssh.com ")
    assert firm.ssh(firm.host, "true").returncode == 0


def test_a_second_login_says_at_once_that_there_is_one(firm: Company) -> None:
    firm.sign_in("alice")
    again = firm.daypass("login", env={"BROWSER": "/bin/false %s", "https_proxy": "http://127.0.0.1:9"})
    assert "signed in as alice@example.com" in again.stdout + again.stderr
    assert len(identities(firm)) == 1


def test_a_shorter_lifetime_is_what_the_certificate_and_the_agent_get(firm: Company) -> None:
    firm.sign_in("alice", "--lifetime", "1h")
    (path,) = (firm.laptop / ".daypass").rglob("id-cert.pub")
    shown = subprocess.run(["ssh-keygen", "-L", "-f", path], capture_output=True, text=True, check=True).stdout
    assert "role:engineers" in shown and "permit-pty" in shown and "permit-agent-forwarding" not in shown
    told = json.loads(firm.daypass("status", "--json").stdout)
    assert 3500 < told["seconds_left"] <= 3600


def test_a_key_the_person_already_had_goes_on_working(firm: Company) -> None:
    """Migration is gradual: authorized_keys counts before, during and after the certificate."""
    key = firm.laptop / ".ssh/id_ed25519"
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", key], check=True)
    allowed = firm.host_root / "authorized_keys" / firm.account
    allowed.write_text(Path(f"{key}.pub").read_text())
    try:
        for signed_in in (False, True, False):
            firm.sign_in("alice") if signed_in else firm.daypass("logout", "--all", check=False)
            done = firm.ssh("-i", str(key), firm.host, "true")
            assert done.returncode == 0, done.stderr
    finally:
        allowed.unlink()
        key.unlink()


def test_a_wrong_host_key_ends_the_connection(firm: Company) -> None:
    """CVE-2014-2653: no falling back to a question when the host has no certificate of ours."""
    firm.sign_in("alice")
    drop_in = next((firm.host_root / "etc/ssh/sshd_config.d").glob("*.conf"))
    kept = drop_in.read_text()
    drop_in.write_text("\n".join(line for line in kept.splitlines() if not line.startswith("HostCertificate")))
    try:
        firm.reload_sshd()
        done = firm.ssh(firm.host, "true")
        assert done.returncode == 255 and "no matching host key type" in done.stderr, done.stderr
    finally:
        drop_in.write_text(kept)
        firm.reload_sshd()


def test_what_the_ca_did_is_in_a_ledger_that_holds(firm: Company) -> None:
    firm.sign_in("alice", "--force")
    told = firm.daypass("ledger", "verify", "--root", str(firm.ca_root))
    assert "entries" in told.stdout


def test_ssh_goes_on_working_while_the_ca_is_down(firm: Company) -> None:
    firm.sign_in("alice")
    firm.pause_ca()
    try:
        assert firm.ssh(firm.host, "true").returncode == 0
        assert firm.daypass("status").returncode == 0
    finally:
        firm.resume_ca()
