"""Where the passphrase of the CA's keys comes from, and which files need one."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from daypass.errors import Misconfigured
from daypass.signers.generate import generate_key_file
from daypass.signers.passphrase import find_passphrase, is_locked, read_passphrase


def secret_file(path: Path, content: bytes, mode: int = 0o600) -> Path:
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(content)
    path.chmod(mode)
    return path


@pytest.mark.parametrize(
    ("content", "passphrase"),
    [
        (b"correct horse\n", b"correct horse"),
        (b"correct horse", b"correct horse"),
        (b"correct horse\r\n", b"correct horse"),
        (b" spaces count \n", b" spaces count "),
        (b"first\nsecond\n", b"first"),
        ("ж\n".encode(), "ж".encode()),
    ],
)
def test_it_is_the_first_line(tmp_path: Path, content: bytes, passphrase: bytes) -> None:
    assert read_passphrase(secret_file(tmp_path / "p", content)) == passphrase


@pytest.mark.parametrize("content", [b"", b"\n", b"\r\n", b"\nsecond\n"])
def test_an_empty_one_is_none(tmp_path: Path, content: bytes) -> None:
    with pytest.raises(Misconfigured, match="there is no passphrase in"):
        read_passphrase(secret_file(tmp_path / "p", content))


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660])
def test_a_file_that_others_can_read_is_refused(tmp_path: Path, mode: int) -> None:
    with pytest.raises(Misconfigured, match="can be read by others") as caught:
        read_passphrase(secret_file(tmp_path / "p", b"correct horse\n", mode))
    assert "horse" not in str(caught.value) + str(caught.value.hint)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(Misconfigured, match="No such file"):
        read_passphrase(tmp_path / "p")


def test_the_configured_file_goes_before_the_credential(tmp_path: Path) -> None:
    secret_file(tmp_path / "credentials" / "passphrase", b"credential\n", 0o400)
    configured = secret_file(tmp_path / "p", b"configured\n")
    environment = {"CREDENTIALS_DIRECTORY": str(tmp_path / "credentials")}
    assert find_passphrase(configured, environment) == b"configured"
    assert find_passphrase(None, environment) == b"credential"


@pytest.mark.parametrize("environment", [{}, {"CREDENTIALS_DIRECTORY": ""}, {"CREDENTIALS_DIRECTORY": "/none"}])
def test_nowhere_is_none(environment: dict[str, str]) -> None:
    assert find_passphrase(None, environment) is None


def test_a_configured_file_that_is_missing_is_not_passed_over(tmp_path: Path) -> None:
    secret_file(tmp_path / "passphrase", b"credential\n")
    with pytest.raises(Misconfigured):
        find_passphrase(tmp_path / "missing", {"CREDENTIALS_DIRECTORY": str(tmp_path)})


def test_our_own_files_tell_whether_they_are_locked(tmp_path: Path) -> None:
    generate_key_file(tmp_path / "open")
    generate_key_file(tmp_path / "locked", b"correct horse")
    assert (is_locked(tmp_path / "open"), is_locked(tmp_path / "locked")) == (False, True)


@pytest.mark.parametrize("form", ["RFC4716", "PKCS8", "PEM"])
@pytest.mark.parametrize("passphrase", ["", "correct horse"])
def test_ssh_keygens_files_do_too(tmp_path: Path, form: str, passphrase: str) -> None:
    kind = ["-m", form, "-t", "ecdsa"] if form != "RFC4716" else ["-t", "ed25519"]
    command = ["ssh-keygen", "-q", *kind, "-N", passphrase, "-f", str(tmp_path / "key")]
    subprocess.run(command, check=True)
    assert is_locked(tmp_path / "key") is bool(passphrase)


@pytest.mark.parametrize(
    "content",
    [
        None,
        b"",
        b"-----BEGIN OPENSSH PRIVATE KEY-----\n",
        b"-----BEGIN OPENSSH PRIVATE KEY-----\n!!!\n-----END OPENSSH PRIVATE KEY-----\n",
        b"-----BEGIN OPENSSH PRIVATE KEY-----\nb3Blbg==\n-----END OPENSSH PRIVATE KEY-----\n",
        b"-----BEGIN OPENSSH PRIVATE KEY-----\n\xff\n-----END OPENSSH PRIVATE KEY-----\n",
    ],
)
def test_a_broken_file_asks_for_no_passphrase(tmp_path: Path, content: bytes | None) -> None:
    if content is not None:
        (tmp_path / "key").write_bytes(content)
    assert is_locked(tmp_path / "key") is False
