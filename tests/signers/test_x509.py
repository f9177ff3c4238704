"""The TLS root and its leaves, judged by openssl and by a TLS handshake."""

from __future__ import annotations

import asyncio
import ssl
import subprocess
import time
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec

from daypass.errors import Misconfigured
from daypass.signers.generate import generate_key_file, serialised
from daypass.signers.x509 import (
    LEAF_LIFETIME,
    certificate_file,
    cross_sign,
    cross_signed,
    encode_certificate,
    fingerprint,
    issue_leaf,
    load_root,
    make_root,
)
from daypass.trusted import extract_trust_root
from daypass.wire import PublicKey

CA_ID = bytes(range(32))
NOW = 1_800_000_000
PASSPHRASE = b"correct horse"
Root = tuple[x509.Certificate, ec.EllipticCurvePrivateKey]


@pytest.fixture(scope="module")
def root() -> Root:
    return make_root("Example", CA_ID, NOW)


def openssl(*arguments: str) -> str:
    return subprocess.run(["openssl", *arguments], check=True, capture_output=True, text=True).stdout


def save(directory: Path, root: Root, passphrase: bytes | None = None) -> Path:
    key_file = directory / "tls_root.key"
    key_file.touch(mode=0o600)
    key_file.write_bytes(serialised(root[1], passphrase))
    certificate_file(key_file).write_bytes(encode_certificate(root[0]))
    return key_file


def test_openssl_reads_the_root_as_a_ca_that_signs_leaves_only(root: Root, tmp_path: Path) -> None:
    (tmp_path / "root.crt").write_bytes(encode_certificate(root[0]))
    text = openssl("x509", "-in", str(tmp_path / "root.crt"), "-noout", "-text")
    assert "CA:TRUE, pathlen:0" in text
    assert "Certificate Sign\n" in text
    assert "prime256v1" in text


def test_openssl_and_we_print_the_same_fingerprint(root: Root, tmp_path: Path) -> None:
    (tmp_path / "root.crt").write_bytes(encode_certificate(root[0]))
    printed = openssl("x509", "-in", str(tmp_path / "root.crt"), "-noout", "-fingerprint", "-sha256")
    assert printed.strip().partition("=")[2].replace(":", "").lower() == fingerprint(root[0])


def test_one_fingerprint_pins_the_trust_root_too(root: Root) -> None:
    assert extract_trust_root(encode_certificate(root[0]).decode()) == CA_ID


@pytest.mark.parametrize(
    ("name", "accepted"),
    [
        (["-verify_hostname", "ca.example.com"], True),
        (["-verify_ip", "192.0.2.7"], True),
        (["-verify_ip", "2001:db8::7"], True),
        (["-verify_hostname", "example.com"], False),
        (["-verify_ip", "192.0.2.8"], False),
    ],
)
def test_openssl_accepts_the_leaf_for_its_names_alone(
    root: Root, tmp_path: Path, name: list[str], accepted: bool
) -> None:
    certificate, _ = issue_leaf(*root, ["ca.example.com", "192.0.2.7", "2001:db8::7"], NOW)
    (tmp_path / "root.crt").write_bytes(encode_certificate(root[0]))
    (tmp_path / "leaf.crt").write_bytes(certificate)
    at = ["-attime", str(NOW), "-purpose", "sslserver", "-x509_strict", "-CAfile", str(tmp_path / "root.crt")]
    verdict = subprocess.run(["openssl", "verify", *at, *name, str(tmp_path / "leaf.crt")], capture_output=True)
    assert (verdict.returncode == 0) is accepted, verdict.stderr


def test_a_leaf_lasts_a_week_and_never_outlives_its_root(root: Root) -> None:
    leaf = x509.load_pem_x509_certificate(issue_leaf(*root, ["a.example"], NOW)[0])
    assert leaf.not_valid_after_utc.timestamp() == NOW + LEAF_LIFETIME
    end = root[0].not_valid_after_utc.timestamp()
    late = x509.load_pem_x509_certificate(issue_leaf(*root, ["a.example"], end - 60)[0])
    assert late.not_valid_after_utc.timestamp() == end


def test_every_leaf_has_a_serial_and_a_key_of_its_own(root: Root) -> None:
    first, second = (x509.load_pem_x509_certificate(issue_leaf(*root, ["a.example"], NOW)[0]) for _ in range(2))
    assert first.serial_number != second.serial_number
    assert first.public_key() != second.public_key()
    assert first.serial_number.bit_length() >= 64


@pytest.mark.parametrize(
    ("pinned", "host", "failure"),
    [("own", "localhost", None), ("own", "127.0.0.1", None), ("other", "localhost", ssl.SSLCertVerificationError)],
)
def test_a_handshake_succeeds_with_the_pinned_root_and_no_other(
    tmp_path: Path, pinned: str, host: str, failure: type[Exception] | None
) -> None:
    roots = {name: make_root(name, CA_ID, time.time()) for name in ("own", "other")}
    certificate, key = issue_leaf(*roots["own"], ["localhost", "127.0.0.1"], time.time())
    (tmp_path / "leaf.pem").write_bytes(certificate + key)
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(tmp_path / "leaf.pem")
    client = ssl.create_default_context(cadata=encode_certificate(roots[pinned][0]).decode())
    client.verify_flags |= ssl.VERIFY_X509_STRICT
    if failure is None:
        asyncio.run(shake_hands(server, client, host))
    else:
        with pytest.raises(failure):
            asyncio.run(shake_hands(server, client, host))


@pytest.mark.parametrize("pinned", ["old", "new", "both"])
@pytest.mark.parametrize("crossed", [True, False])
def test_whoever_pins_the_old_root_or_the_new_one_gets_through_while_one_vouches_for_the_other(
    tmp_path: Path, pinned: str, crossed: bool
) -> None:
    """By openssl's strictest reading: the self-issued certificate does not count against the old root's pathlen:0."""
    old, new = (make_root("Example", CA_ID, NOW - each) for each in (1000, 0))
    chain, _ = issue_leaf(*new, ["ca.example.com"], NOW)
    cross = encode_certificate(cross_sign(new[0], *old, NOW))
    roots = {"old": [old], "new": [new], "both": [new, old]}[pinned]
    (tmp_path / "roots").write_bytes(b"".join(encode_certificate(root) for root, _ in roots))
    (tmp_path / "chain").write_bytes(cross if crossed else b"")
    (tmp_path / "leaf").write_bytes(chain)
    more = ["-untrusted", str(tmp_path / "chain")] if crossed else []
    at = ["-attime", str(NOW), "-purpose", "sslserver", "-x509_strict", "-CAfile", str(tmp_path / "roots"), *more]
    verdict = subprocess.run(
        ["openssl", "verify", *at, "-verify_hostname", "ca.example.com", str(tmp_path / "leaf")], capture_output=True
    )
    assert (verdict.returncode == 0) is (crossed or pinned != "old"), verdict.stderr


def test_a_root_is_certified_by_one_of_the_same_name_alone() -> None:
    """Under another name it would count against pathlen:0, and nobody would get through."""
    with pytest.raises(ValueError, match="same name"):
        cross_sign(make_root("Other", CA_ID, NOW)[0], *make_root("Example", CA_ID, NOW), NOW)


@pytest.mark.parametrize(
    "content", [b"", b"nothing", b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"]
)
def test_a_broken_cross_certificate_is_named(content: bytes, tmp_path: Path) -> None:
    assert cross_signed(tmp_path / "tls_root-2.key") == b""
    (tmp_path / "tls_root-2.cross").write_bytes(content)
    with pytest.raises(Misconfigured, match=r"tls_root-2\.cross"):
        cross_signed(tmp_path / "tls_root-2.key")


async def shake_hands(server: ssl.SSLContext, client: ssl.SSLContext, host: str) -> None:
    async with await asyncio.start_server(lambda _, writer: writer.close(), "127.0.0.1", 0, ssl=server) as listening:
        port = listening.sockets[0].getsockname()[1]
        _, writer = await asyncio.open_connection("127.0.0.1", port, ssl=client, server_hostname=host)
        writer.close()


@pytest.mark.parametrize("passphrase", [None, PASSPHRASE])
def test_a_root_comes_back_from_its_files(root: Root, tmp_path: Path, passphrase: bytes | None) -> None:
    certificate, key = load_root(save(tmp_path, root, passphrase), passphrase)
    assert certificate == root[0]
    assert key.private_numbers() == root[1].private_numbers()


def test_ssh_keygen_reads_the_key_too(root: Root, tmp_path: Path) -> None:
    line = subprocess.run(
        ["ssh-keygen", "-y", "-f", save(tmp_path, root)], check=True, capture_output=True, text=True
    )
    assert PublicKey.from_line(line.stdout) == PublicKey.from_cryptography(root[1].public_key())


@pytest.mark.parametrize(
    ("given", "said"), [(None, "is encrypted"), (b"wrong", "passphrase is wrong"), (b"correct hors", "is wrong")]
)
def test_a_locked_key_stays_locked(root: Root, tmp_path: Path, given: bytes | None, said: str) -> None:
    with pytest.raises(Misconfigured) as caught:
        load_root(save(tmp_path, root, PASSPHRASE), given)
    assert said in caught.value.message
    assert "correct" not in str(caught.value)


def test_a_key_that_others_can_read_is_refused(root: Root, tmp_path: Path) -> None:
    key_file = save(tmp_path, root)
    key_file.chmod(0o640)
    with pytest.raises(Misconfigured) as caught:
        load_root(key_file, None)
    assert caught.value.hint == f"chmod 600 {key_file}"


def test_a_key_that_tls_roots_are_not_made_of_is_refused(root: Root, tmp_path: Path) -> None:
    generate_key_file(tmp_path / "tls_root.key")
    with pytest.raises(Misconfigured, match="is not an elliptic curve key"):
        load_root(tmp_path / "tls_root.key", None)


@pytest.mark.parametrize("content", [None, b"", b"-----BEGIN CERTIFICATE-----\n"])
def test_a_missing_or_broken_certificate_is_named(root: Root, tmp_path: Path, content: bytes | None) -> None:
    key_file = save(tmp_path, root)
    certificate_file(key_file).unlink()
    if content is not None:
        certificate_file(key_file).write_bytes(content)
    with pytest.raises(Misconfigured, match=r"tls_root\.crt can't be read"):
        load_root(key_file, None)


def test_another_roots_certificate_is_refused(root: Root, tmp_path: Path) -> None:
    key_file = save(tmp_path, root)
    certificate_file(key_file).write_bytes(encode_certificate(make_root("Other", CA_ID, NOW)[0]))
    with pytest.raises(Misconfigured, match="is not the certificate of"):
        load_root(key_file, None)
