"""The OpenSSH parts do what the tests above them rely on."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.parts.openssh import (
    Accounts,
    Agent,
    Sshd,
    make_key,
    run_ssh,
    run_sshd,
    show_certificate,
    sign_key,
)


@pytest.fixture
def sshd(safe_path: Path, tmp_path: Path, accounts: Accounts) -> Iterator[Sshd]:
    """Trusts the user CA at tmp_path/ca; each account admits the principal `role:NAME`."""
    make_key(tmp_path / "ca")
    for name in accounts.uids:
        (safe_path / f"principals-{name}").write_text(f"role:{name}\n")
    (safe_path / "ca.pub").write_text((tmp_path / "ca.pub").read_text())
    lines = [
        f"TrustedUserCAKeys {safe_path}/ca.pub",
        f"AuthorizedPrincipalsFile {safe_path}/principals-%u",
    ]
    with run_sshd(safe_path, lines, accounts=accounts) as running:
        yield running


def test_a_certificate_logs_in_as_its_account_and_as_no_other(
    sshd: Sshd, accounts: Accounts, agent: Agent, tmp_path: Path
) -> None:
    key = make_key(tmp_path / "key")
    certificate = sign_key(tmp_path / "ca", Path(f"{key}.pub"), key_id="one", principals=["role:alice"])
    assert "role:alice" in show_certificate(certificate)
    agent.add(key, "-t", "60")
    assert len(agent.public_keys()) == 2
    allowed = run_ssh(sshd, "id -un; pwd", user="alice", agent=agent)
    assert allowed.stdout.splitlines() == ["alice", str(accounts.home("alice"))]
    refused = run_ssh(sshd, "true", user="bob", agent=agent)
    assert (refused.returncode, "Permission denied" in refused.stderr) == (255, True)
    assert run_ssh(sshd, "true", user="alice").returncode == 255


def test_a_rewritten_configuration_counts_after_a_reload(sshd: Sshd, agent: Agent, tmp_path: Path) -> None:
    key = make_key(tmp_path / "key")
    sign_key(tmp_path / "ca", Path(f"{key}.pub"), key_id="one", principals=["role:alice"])
    agent.add(key)
    pid = sshd.process.pid
    sshd.config.write_text(f"DenyUsers alice\n{sshd.config.read_text()}")
    assert run_ssh(sshd, "true", user="alice", agent=agent).returncode == 0
    sshd.reload()
    assert run_ssh(sshd, "true", user="alice", agent=agent).returncode == 255
    assert sshd.process.pid == pid


def test_accounts_leave_the_machine_as_it_is(accounts: Accounts) -> None:
    assert accounts.home("deploy").stat().st_uid == accounts.uids["deploy"]
    assert str(accounts.directory) not in Path("/etc/passwd").read_text()


def test_a_broken_configuration_is_told_with_the_words_of_sshd(safe_path: Path) -> None:
    with (
        pytest.raises(ChildProcessError, match="Bad configuration option: Nonsense"),
        run_sshd(safe_path, ["Nonsense x"]),
    ):
        pass


def test_an_empty_agent_has_no_keys_and_its_socket_ends_with_it(agent: Agent) -> None:
    assert agent.public_keys() == []
    assert agent.env["SSH_AUTH_SOCK"] != os.environ.get("SSH_AUTH_SOCK")
