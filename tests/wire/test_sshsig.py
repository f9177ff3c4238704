"""SSHSIG, both ways with ssh-keygen -Y."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.wire.making import opened, private_key, public_key, signed
from tests.wire.openssh import ALL, PLAIN, Keyring, attempt, run

from daypass.errors import Invalid
from daypass.wire import SshSignature, sign_blob, sshsig, string, uint32
from daypass.wire.keys import PublicKey

MESSAGE = b"GET /v1/me\n"
NAMESPACE = "daypass-request@v1"


def made(namespace: str = NAMESPACE, message: bytes = MESSAGE, hash_algorithm: str = "sha512") -> SshSignature:
    blob = sign_blob(private_key(2), sshsig.to_be_signed(namespace, message, hash_algorithm))
    return SshSignature(public_key(2), namespace, hash_algorithm, blob)


@pytest.mark.parametrize("name", PLAIN)
@pytest.mark.parametrize("hash_algorithm", ["sha256", "sha512"])
def test_ssh_keygen_accepts_ours(keyring: Keyring, tmp_path: Path, name: str, hash_algorithm: str) -> None:
    data = sshsig.to_be_signed(NAMESPACE, MESSAGE, hash_algorithm)
    key = PublicKey.from_line(keyring.line(name))
    ours = SshSignature(key, NAMESPACE, hash_algorithm, sign_blob(opened(keyring, name), data))
    signature, allowed = tmp_path / "message.sig", tmp_path / "allowed"
    signature.write_text(ours.armor())
    allowed.write_text(f"me {key.line()}\n")
    base = ("ssh-keygen", "-Y", "verify", "-f", allowed, "-I", "me", "-s", signature)
    run(*base, "-n", NAMESPACE, stdin=MESSAGE)
    assert attempt(*base, "-n", "file", stdin=MESSAGE).returncode != 0
    assert attempt(*base, "-n", NAMESPACE, stdin=MESSAGE + b".").returncode != 0


@pytest.mark.parametrize("name", ALL)
def test_we_accept_ssh_keygens(keyring: Keyring, name: str) -> None:
    text = run("ssh-keygen", "-q", "-Y", "sign", "-f", keyring.private(name), "-n", NAMESPACE, stdin=MESSAGE)
    theirs = SshSignature.from_armor(text)
    key = PublicKey.from_line(keyring.line(name))
    theirs.verify(NAMESPACE, MESSAGE, key)
    theirs.verify(NAMESPACE, MESSAGE, None)
    assert theirs.armor() == text
    with pytest.raises(Invalid):
        theirs.verify(NAMESPACE, MESSAGE + b".", key)


@given(st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), min_size=1), st.binary())
def test_any_signature_comes_back(namespace: str, message: bytes) -> None:
    ours = made(namespace, message, "sha256")
    assert SshSignature.parse(ours.encode()) == ours
    assert SshSignature.from_armor(ours.armor().replace("\n", "\r\n")) == ours
    ours.verify(namespace, message, public_key(2))


@pytest.mark.parametrize(
    ("sin", "namespace", "message", "key"),
    [
        ("another purpose", "file", MESSAGE, public_key(2)),
        ("part of the purpose", "daypass-request", MESSAGE, public_key(2)),
        ("another message", NAMESPACE, b"", public_key(2)),
        ("another key", NAMESPACE, MESSAGE, public_key(3)),
        ("no purpose", "", MESSAGE, None),
    ],
)
def test_a_signature_holds_for_one_thing_only(
    sin: str, namespace: str, message: bytes, key: PublicKey | None
) -> None:
    with pytest.raises(Invalid):
        made().verify(namespace, message, key)


def test_a_signature_for_another_purpose_says_which() -> None:
    with pytest.raises(Invalid, match="made for 'daypass-request@v1', not for 'file'"):
        made().verify("file", MESSAGE, None)


def test_a_signature_under_another_hashs_name_does_not_hold() -> None:
    good = made()
    with pytest.raises(Invalid):
        SshSignature(good.public_key, NAMESPACE, "sha256", good.signature).verify(NAMESPACE, MESSAGE, None)


@pytest.mark.parametrize(("namespace", "hash_algorithm"), [("", "sha512"), ("file", "sha1"), ("file", "")])
def test_an_empty_namespace_and_a_weak_hash_are_refused(namespace: str, hash_algorithm: str) -> None:
    with pytest.raises(Invalid):
        sshsig.to_be_signed(namespace, b"", hash_algorithm)
    with pytest.raises(Invalid):
        SshSignature(public_key(2), namespace, hash_algorithm, b"x")


def crafted(
    magic: bytes = b"SSHSIG",
    version: int = 1,
    key: bytes = public_key(2).blob,
    namespace: str = "file",
    reserved: bytes = b"",
    tail: bytes = b"",
) -> bytes:
    head = magic + uint32(version) + string(key) + string(namespace) + string(reserved)
    return head + string("sha512") + string(b"x") + tail


def test_the_crafted_blob_is_good_before_it_is_made_bad() -> None:
    assert SshSignature.parse(crafted()).namespace == "file"


@pytest.mark.parametrize(
    ("sin", "blob"),
    [
        ("another magic", crafted(magic=b"SSHSIX")),
        ("version 2", crafted(version=2)),
        ("an empty namespace", crafted(namespace="")),
        ("something reserved", crafted(reserved=b"x")),
        ("a byte behind it", crafted(tail=b"\0")),
        ("a certificate for a key (CVE-2025-49825)", crafted(key=signed().encode())),
        ("nothing", b""),
    ],
)
def test_a_bad_signature_is_refused(sin: str, blob: bytes) -> None:
    with pytest.raises(Invalid):
        SshSignature.parse(blob)


def test_an_oversized_signature_is_refused_by_its_size() -> None:
    with pytest.raises(Invalid, match="too large"):
        SshSignature.parse(crafted(tail=bytes(16384)))


@pytest.mark.parametrize(
    ("sin", "text"),
    [
        ("nothing", ""),
        ("no end", made().armor().replace("-----END SSH SIGNATURE-----", "")),
        ("something in front", "hello\n" + made().armor()),
        ("another label", made().armor().replace("SSH SIGNATURE", "PGP SIGNATURE")),
        ("no content", "-----BEGIN SSH SIGNATURE-----\n-----END SSH SIGNATURE-----\n"),
        ("not base64", "-----BEGIN SSH SIGNATURE-----\n?\n-----END SSH SIGNATURE-----\n"),
    ],
)
def test_bad_armor_is_refused(sin: str, text: str) -> None:
    with pytest.raises(Invalid):
        SshSignature.from_armor(text)
