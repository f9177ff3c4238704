from __future__ import annotations

import os
import subprocess
from contextlib import nullcontext
from importlib.util import find_spec
from pathlib import Path
from typing import Protocol

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed448, rsa
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    KeySerializationEncryption,
    NoEncryption,
    PrivateFormat,
)

from daypass.errors import Conflict, Invalid, Misconfigured
from daypass.signers.file import FileSigner, check_owner
from daypass.signers.generate import generate_key_file
from daypass.wire import PublicKey

PASSPHRASE = b"correct horse battery staple"


class AnyKey(Protocol):
    def private_bytes(
        self, encoding: Encoding, format: PrivateFormat, encryption_algorithm: KeySerializationEncryption, /
    ) -> bytes: ...


@pytest.fixture
def key_path(tmp_path: Path) -> Path:
    path = tmp_path / "user_ca"
    generate_key_file(path, comment="user CA")
    return path


def mode(path: Path) -> int:
    return path.stat().st_mode & 0o7777


def write(path: Path, content: bytes) -> Path:
    path.write_bytes(content)
    path.chmod(0o600)
    return path


def pkcs8(key: AnyKey) -> bytes:
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


def test_a_new_key_is_for_its_owner_alone_and_its_public_half_for_all(key_path: Path) -> None:
    assert mode(key_path) == 0o600
    assert mode(key_path.with_name("user_ca.pub")) == 0o644
    assert sorted(each.name for each in key_path.parent.iterdir()) == ["user_ca", "user_ca.pub"]


def test_the_umask_opens_and_closes_nothing(tmp_path: Path) -> None:
    before = os.umask(0o077)
    try:
        generate_key_file(tmp_path / "a")
        os.umask(0)
        generate_key_file(tmp_path / "b")
    finally:
        os.umask(before)
    assert [mode(tmp_path / name) for name in ("a", "a.pub", "b", "b.pub")] == [0o600, 0o644, 0o600, 0o644]


def test_ssh_keygen_reads_a_new_key_and_finds_the_same_public_half(key_path: Path) -> None:
    said = subprocess.run(
        ["ssh-keygen", "-y", "-f", str(key_path)], check=True, capture_output=True, text=True
    ).stdout
    line = key_path.with_name("user_ca.pub").read_text()
    assert PublicKey.from_line(said) == PublicKey.from_line(line) == FileSigner.load(key_path).public_key
    assert line.endswith(" user CA\n")


@pytest.mark.parametrize("taken", ["user_ca", "user_ca.pub"])
def test_no_file_is_written_over(tmp_path: Path, taken: str) -> None:
    (tmp_path / taken).write_text("mine")
    with pytest.raises(Conflict, match=taken):
        generate_key_file(tmp_path / "user_ca")
    assert [each.name for each in tmp_path.iterdir()] == [taken]
    assert (tmp_path / taken).read_text() == "mine"


def test_a_link_that_leads_nowhere_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "user_ca").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(Conflict):
        generate_key_file(tmp_path / "user_ca")
    assert not (tmp_path / "elsewhere").exists()


def test_a_folder_that_is_not_there_is_said_so(tmp_path: Path) -> None:
    with pytest.raises(Misconfigured, match="No such file") as refusal:
        generate_key_file(tmp_path / "nowhere" / "user_ca")
    assert str(tmp_path / "nowhere") in str(refusal.value.hint)


def test_an_empty_passphrase_is_a_mistake_and_not_no_passphrase(tmp_path: Path) -> None:
    with pytest.raises(Invalid, match="empty"):
        generate_key_file(tmp_path / "user_ca", b"")


def test_a_key_with_a_passphrase_opens_with_it_alone(tmp_path: Path) -> None:
    path = tmp_path / "user_ca"
    made = generate_key_file(path, PASSPHRASE)
    assert FileSigner.load(path, PASSPHRASE).public_key == made
    with pytest.raises(Misconfigured, match="passphrase is wrong"):
        FileSigner.load(path, PASSPHRASE + b".")
    with pytest.raises(Misconfigured, match="is encrypted") as refusal:
        FileSigner.load(path)
    assert "passphrase_file" in str(refusal.value.hint)


def test_a_key_that_ssh_keygen_encrypted_opens_or_says_what_is_missing(tmp_path: Path) -> None:
    path = tmp_path / "user_ca"
    options = ["-t", "ed25519", "-a", "1", "-N", PASSPHRASE.decode()]
    subprocess.run(["ssh-keygen", "-q", *options, "-f", str(path)], check=True)
    if find_spec("bcrypt"):
        line = path.with_name("user_ca.pub").read_text()
        assert FileSigner.load(path, PASSPHRASE).public_key == PublicKey.from_line(line)
    else:
        with pytest.raises(Misconfigured) as refusal:
            FileSigner.load(path, PASSPHRASE)
        assert "bcrypt" in str(refusal.value.hint)


def test_a_plain_key_where_a_passphrase_is_configured_is_refused(key_path: Path, tmp_path: Path) -> None:
    other = write(tmp_path / "pkcs8", pkcs8(ec.generate_private_key(ec.SECP256R1())))
    for path in (key_path, other):
        with pytest.raises(Misconfigured, match="not encrypted"):
            FileSigner.load(path, PASSPHRASE)


@pytest.mark.parametrize("open_to_others", [0o640, 0o604, 0o644, 0o660, 0o666, 0o700, 0o4600])
def test_a_key_that_others_may_use_is_not_used(key_path: Path, open_to_others: int) -> None:
    key_path.chmod(open_to_others)
    with pytest.raises(Misconfigured, match=f"{open_to_others:04o}") as refusal:
        FileSigner.load(key_path)
    assert refusal.value.hint == f"chmod 600 {key_path}"


@pytest.mark.parametrize("stricter", [0o600, 0o400])
def test_a_key_for_its_owner_alone_is_used(key_path: Path, stricter: int) -> None:
    key_path.chmod(stricter)
    FileSigner.load(key_path)


@pytest.mark.parametrize(("owner", "used"), [(0, True), (os.geteuid(), True), (4242, False)])
def test_a_key_of_another_user_is_not_used(owner: int, used: bool) -> None:
    status = os.stat_result((0o100600, 1, 1, 1, owner, 0, 100, 0, 0, 0))
    with nullcontext() if used else pytest.raises(Misconfigured, match="belongs to user 4242"):
        check_owner(Path("user_ca"), status)


def test_a_folder_or_a_pipe_is_no_key(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe", 0o600)
    for path in (tmp_path, tmp_path / "pipe"):
        with pytest.raises(Misconfigured, match=r"is not a file|Is a directory"):
            FileSigner.load(path)


def test_a_key_that_is_not_there_is_said_so(tmp_path: Path) -> None:
    with pytest.raises(Misconfigured, match="can't be read"):
        FileSigner.load(tmp_path / "none")


FOREIGN: list[tuple[AnyKey, str]] = [
    (rsa.generate_private_key(65537, 2048), "2048 bits"),
    (ec.generate_private_key(ec.SECP256K1()), "curve"),
    (ed448.Ed448PrivateKey.generate(), "Ed448"),
]


@pytest.mark.parametrize(("key", "reason"), FOREIGN, ids=[reason for _, reason in FOREIGN])
def test_a_weak_or_foreign_key_signs_no_certificates(tmp_path: Path, key: AnyKey, reason: str) -> None:
    with pytest.raises(Misconfigured, match=reason):
        FileSigner.load(write(tmp_path / "key", pkcs8(key)))


@pytest.mark.parametrize(
    "content",
    [b"", b"\0" * 100, b"-----BEGIN OPENSSH PRIVATE KEY-----\nAAAA\n", b"ssh-ed25519 AAAA", b"-" * 100_000],
)
def test_a_damaged_file_is_said_so(tmp_path: Path, content: bytes) -> None:
    with pytest.raises(Misconfigured, match="damaged"):
        FileSigner.load(write(tmp_path / "key", content))
