"""Host keys as they lie on disks, and the proof of possession that OpenSSH itself verifies."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import dsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from tests.parts.needs import need
from tests.parts.openssh import keygen, make_key

from daypass.api import POSSESSION_NAMESPACE
from daypass.errors import Misconfigured
from daypass.host.hostkeys import load_host_keys
from daypass.wire import SshSignature
from daypass.wire.binding import possession_message

CA_ID = bytes(range(32))
KINDS = [("ed25519",), ("ecdsa", "-b", "256"), ("ecdsa", "-b", "521"), ("rsa", "-b", "2048"), ("rsa", "-m", "PEM")]


@pytest.mark.parametrize("kind", KINDS, ids=" ".join)
def test_openssh_verifies_the_proof_of_possession(tmp_path: Path, kind: tuple[str, ...]) -> None:
    path = make_key(tmp_path / "key", kind[0], *kind[1:])
    ((key,), warnings) = load_host_keys([path])
    proof = key.proven(CA_ID, "dpj1.token")
    (tmp_path / "proof").write_text(SshSignature.parse(proof.proof).armor())
    ran = subprocess.run(
        [need("ssh-keygen"), "-Y", "check-novalidate", "-n", POSSESSION_NAMESPACE, "-s", tmp_path / "proof"],
        input=possession_message(CA_ID, "dpj1.token"), capture_output=True, check=False, timeout=10,
    )  # fmt: skip
    assert ran.returncode == 0, ran.stderr
    assert warnings == ()
    assert key.certificate_name == f"ssh_host_{kind[0]}_key-cert.pub"


def test_no_private_key_is_shown(tmp_path: Path) -> None:
    ((key,), _) = load_host_keys([make_key(tmp_path / "key")])
    assert "PrivateKey" not in repr(key)


def test_a_dsa_key_is_left_out_with_a_warning(tmp_path: Path) -> None:
    old = dsa.generate_private_key(1024)  # noqa: S505  they were all of that size
    (tmp_path / "dsa").write_bytes(old.private_bytes(Encoding.PEM, PrivateFormat.TraditionalOpenSSL, NoEncryption()))
    keys, warnings = load_host_keys([tmp_path / "dsa", make_key(tmp_path / "key")])
    assert [key.public_key.type for key in keys] == ["ssh-ed25519"]
    assert warnings == (f"host key {tmp_path / 'dsa'} is left out: its type can't be certified",)


def test_a_weak_rsa_key_is_left_out_with_a_warning(tmp_path: Path) -> None:
    weak = make_key(tmp_path / "rsa", "rsa", "-b", "1024")
    keys, warnings = load_host_keys([weak, make_key(tmp_path / "key")])
    assert [key.public_key.type for key in keys] == ["ssh-ed25519"]
    assert "1024 bits" in warnings[0]


def test_the_first_key_of_each_family_counts_and_missing_files_do_not(tmp_path: Path) -> None:
    first, second = make_key(tmp_path / "one"), make_key(tmp_path / "two")
    keys, _ = load_host_keys([tmp_path / "missing", first, second])
    assert [key.path for key in keys] == [first]


def test_an_encrypted_key_is_an_error(tmp_path: Path) -> None:
    keygen("-q", "-t", "ed25519", "-N", "secret", "-f", tmp_path / "key")
    with pytest.raises(Misconfigured, match="is encrypted"):
        load_host_keys([tmp_path / "key"])


@pytest.mark.parametrize("content", [b"", b"hello", b"-----BEGIN OPENSSH PRIVATE KEY-----\nAAAA\n"])
def test_what_is_no_key_is_an_error(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "key").write_bytes(content)
    with pytest.raises(Misconfigured, match="no private key that can be read"):
        load_host_keys([tmp_path / "key"])


def test_a_key_that_can_not_be_opened_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "key").mkdir()
    with pytest.raises(Misconfigured, match="can't be read"):
        load_host_keys([tmp_path / "key"])


def test_a_host_without_keys_is_told_how_to_make_them(tmp_path: Path) -> None:
    with pytest.raises(Misconfigured) as caught:
        load_host_keys([tmp_path / "missing"])
    assert caught.value.hint == "make them with: ssh-keygen -A"
