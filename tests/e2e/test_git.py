"""Git over ssh by the day pass alone, at a server that reads the extension as GitHub does (docs/guide/git.md)."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from msgspec.structs import replace
from tests.ca.heart import ENGINEERS, heart
from tests.parts.accounts import make_accounts
from tests.parts.needs import need
from tests.parts.op import Op
from tests.parts.openssh import Sshd, make_key, run_sshd

from daypass.model import Credential
from daypass.wire import Certificate, PublicKey

# What a Git server does: everybody comes as `git`, and the certificate says who they are. pyca reads it, not we.
HELPER = """\
import base64, sys
from cryptography.hazmat.primitives.serialization import load_ssh_public_identity
certificate = load_ssh_public_identity(b"ssh-ed25519-cert-v01@openssh.com " + sys.argv[1].encode())
name = certificate.extensions.get(b"login@git.example.com", b"").decode()
if name in ("Alice-B", "bob"):
    command = f'echo Hi {name}! >&2; exec git-shell -c \\\\"$SSH_ORIGINAL_COMMAND\\\\"'
    for principal in certificate.valid_principals:
        print(f'restrict,command="{command}"', principal.decode())
"""


@pytest.fixture
def git_server(safe_path: Path) -> Iterator[Sshd]:
    """Trusts the CA key that a test puts into user_ca.pub."""
    accounts = make_accounts(safe_path, ["git"])
    repository = accounts.home("git") / "project.git"
    subprocess.run([need("git"), "init", "-q", "--bare", repository], check=True, capture_output=True)
    for path in (repository, *repository.rglob("*")):
        os.chown(path, accounts.uids["git"], accounts.uids["git"])
    (safe_path / "helper.py").write_text(HELPER)
    who = safe_path / "who-is-it"
    who.write_text(f'#!/bin/sh\nexec "{sys.executable}" "{safe_path}/helper.py" "$1"\n')
    who.chmod(0o755)
    ca = safe_path / "user_ca.pub"
    ca.write_text("")
    lines = [
        f"TrustedUserCAKeys {ca}", f"AuthorizedPrincipalsCommand {who} %k", "AuthorizedPrincipalsCommandUser root",
        "AuthorizedKeysFile none",
    ]  # fmt: skip
    with run_sshd(safe_path, lines, accounts=accounts) as sshd:
        yield sshd


def day_pass(op: Op, tmp_path: Path, server: Sshd, git: dict[str, str], **claims: object) -> Path:
    """Signs in; gives the private key, with the certificate beside it."""
    key = make_key(tmp_path / "id")
    public = PublicKey.from_line(Path(f"{key}.pub").read_text())

    async def main() -> None:
        async with heart(op, tmp_path / "ca.sqlite", roles=[replace(ENGINEERS, git=git)]) as ca:
            (server.directory / "user_ca.pub").write_text(ca.keys["user"].public_key.line() + "\n")
            salt = os.urandom(32)
            issuance = await ca.issue(Credential(ca.token(public, salt, **claims), (public,), salt=salt))
            line = Certificate.parse(issuance.certificates[0].certificate).line()
            (tmp_path / "id-cert.pub").write_text(line + "\n")

    asyncio.run(main())
    return key


def git(server: Sshd, key: Path, *command: str) -> subprocess.CompletedProcess[str]:
    options = (
        "IdentitiesOnly=yes IdentityAgent=none UserKnownHostsFile=/dev/null StrictHostKeyChecking=no BatchMode=yes"
    )
    ssh = f"ssh -F none -i {key} " + " ".join(f"-o {option}" for option in options.split())
    return subprocess.run(
        [need("git"), *command],
        env=os.environ | {"GIT_SSH_COMMAND": ssh, "GIT_CONFIG_GLOBAL": os.devnull},
        capture_output=True,
        text=True,
        timeout=30,
    )


def url(server: Sshd) -> str:
    return f"ssh://git@127.0.0.1:{server.port}/~/project.git"


@pytest.mark.parametrize(
    ("rule", "claims", "name"),
    [("claim:github_login", {"github_login": "Alice-B"}, "Alice-B"), ("name:bob", {}, "bob")],
)
def test_git_opens_as_the_user_that_the_role_names(
    op: Op, tmp_path: Path, git_server: Sshd, rule: str, claims: dict[str, object], name: str
) -> None:
    key = day_pass(op, tmp_path, git_server, {"git.example.com": rule, "github.com": "login"}, **claims)
    listed = git(git_server, key, "ls-remote", url(git_server))
    assert (listed.returncode, f"Hi {name}!" in listed.stderr) == (0, True), listed.stderr + git_server.log
    cloned = git(git_server, key, "clone", "-q", url(git_server), str(tmp_path / "clone"))
    assert cloned.returncode == 0, cloned.stderr
    assert (tmp_path / "clone/.git").is_dir()


@pytest.mark.parametrize(
    ("rules", "claims"),
    [
        ({}, {}),
        ({"github.com": "claim:github_login"}, {"github_login": "Alice-B"}),  # another server's name
        ({"git.example.com": "claim:github_login"}, {}),  # the provider sends no such claim
        ({"git.example.com": "claim:github_login"}, {"github_login": "mallory"}),  # nobody that the server knows
        ({"git.example.com": "claim:github_login"}, {"github_login": "alice-b"}),
    ],
)
def test_without_a_name_that_the_server_knows_git_is_refused(
    op: Op, tmp_path: Path, git_server: Sshd, rules: dict[str, str], claims: dict[str, object]
) -> None:
    key = day_pass(op, tmp_path, git_server, rules, **claims)
    refused = git(git_server, key, "ls-remote", url(git_server))
    assert refused.returncode != 0 and "Permission denied (publickey)" in refused.stderr


def test_the_key_without_its_certificate_is_nobody(op: Op, tmp_path: Path, git_server: Sshd) -> None:
    key = day_pass(op, tmp_path, git_server, {"git.example.com": "name:bob"})
    assert git(git_server, key, "ls-remote", url(git_server)).returncode == 0
    (tmp_path / "id-cert.pub").unlink()
    assert "Permission denied" in git(git_server, key, "ls-remote", url(git_server)).stderr
