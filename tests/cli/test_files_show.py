"""`daypass inspect` and `fingerprint`, beside `ssh-keygen -L` and `-l`; and files that hold something else."""

from __future__ import annotations

import base64
import hashlib
import io
import json
import os
import re
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.cli.files_kit import Told, told
from tests.parts.needs import need
from tests.wire.making import signed
from tests.wire.openssh import ALL, Keyring, attempt, run

from daypass.cli.exits import Exit
from daypass.wire import CertType
from daypass.wire.buffer import string, uint32, uint64

__all__ = ["told"]


@pytest.fixture(scope="module")
def keyring(tmp_path_factory: pytest.TempPathFactory) -> Keyring:
    return Keyring(tmp_path_factory.mktemp("keys"))


@pytest.fixture
def berlin() -> Iterator[None]:
    before = os.environ.get("TZ")
    os.environ["TZ"] = "Europe/Berlin"
    time.tzset()
    yield
    os.environ.pop("TZ")
    if before is not None:
        os.environ["TZ"] = before
    time.tzset()


def stated(text: str) -> list[str]:
    """Every line but the one with times, which are ours to write."""
    return [line.rstrip() for line in text.splitlines() if "Valid:" not in line]


@pytest.mark.parametrize("ca", ["ed25519", "ecdsa-384", "rsa-2048", "ed25519-sk"])
@pytest.mark.parametrize("name", ALL)
def test_a_certificate_is_shown_as_ssh_keygen_does(
    name: str, ca: str, keyring: Keyring, told: Told, tmp_path: Path
) -> None:
    path = tmp_path / "id-cert.pub"
    options = ("-n", "alice,role:dev", "-z", "77", "-O", "force-command=/bin/date now", "-O", "no-pty")
    path.write_text(keyring.certify(name, ca, *options))
    code, out, err = told("inspect", path)
    assert code == 0 and err == ""
    assert stated(out) == stated(run("ssh-keygen", "-L", "-f", path))


@pytest.mark.parametrize("name", ALL)
def test_fingerprints_are_ssh_keygen_s(name: str, keyring: Keyring, told: Told, tmp_path: Path) -> None:
    certificate = tmp_path / "id-cert.pub"
    certificate.write_text(keyring.certify(name, "ed25519", "-n", "alice"))
    for path in (keyring.private(name).with_suffix(".pub"), certificate):
        assert told("fingerprint", path)[:2] == (0, run("ssh-keygen", "-l", "-f", path))


def test_a_fingerprint_is_written_as_asked_for_by_step_s_names(told: Told, tmp_path: Path) -> None:
    path = tmp_path / "id"
    run("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", path)
    digest = hashlib.sha256(base64.b64decode(path.with_suffix(".pub").read_text().split()[1])).digest()
    padded, url = base64.b64encode(digest).decode(), base64.urlsafe_b64encode(digest).decode()
    for form, expected in (
        ("hex", digest.hex()), ("base64", padded), ("base64-raw", padded[:-1]), ("base64-url", url),
        ("base64-url-raw", url[:-1]),
    ):  # fmt: skip
        out = told("fingerprint", "--format", form, path.with_suffix(".pub"))[1]
        assert out.split()[1] == f"SHA256:{expected}"


@pytest.mark.parametrize("kind", [("dsa",), ("rsa", "-b", "1024")], ids=str)
def test_weak_keys_have_fingerprints_too(kind: tuple[str, ...], told: Told, tmp_path: Path) -> None:
    made = attempt("ssh-keygen", "-q", "-t", *kind, "-N", "", "-C", "old", "-f", tmp_path / "old")
    if made.returncode != 0:
        pytest.skip("not run: this OpenSSH makes no such keys any more")
    public = tmp_path / "old.pub"
    assert told("fingerprint", public)[1] == run("ssh-keygen", "-l", "-f", public)
    assert told("inspect", public)[0] == 0


def test_the_fingerprint_of_a_whole_certificate_is_its_own(keyring: Keyring, told: Told, tmp_path: Path) -> None:
    shown = []
    for serial in "12":
        path = tmp_path / serial
        path.write_text(keyring.certify("ed25519", "ed25519", "-n", "alice", "-z", serial))
        shown.append((told("fingerprint", path)[1], told("fingerprint", "--certificate", path)[1]))
    assert shown[0][0] == shown[1][0] and shown[0][1] != shown[1][1]


@pytest.mark.parametrize("passphrase", ["", "long enough"])
def test_a_private_key_shows_its_public_half_without_its_passphrase(
    passphrase: str, told: Told, tmp_path: Path
) -> None:
    path = tmp_path / "id"
    run("ssh-keygen", "-q", "-t", "ed25519", "-N", passphrase, "-C", "", "-f", path)
    expected = run("ssh-keygen", "-l", "-f", path).split()[1]
    code, out, _ = told("fingerprint", path)
    assert code == 0 and expected in out


def test_known_hosts_and_authorized_keys_are_read_line_by_line(keyring: Keyring, told: Told, tmp_path: Path) -> None:
    key = " ".join(keyring.line("ed25519").split()[:2])
    lines = ["# ours", "", f"web-1,10.0.0.1 {key}", f'command="a b" {key} me@laptop', "no key at all", f"{key} x"]
    path = tmp_path / "known_hosts"
    path.write_text("\r\n".join(lines) + "\r\n")
    out = told("fingerprint", path)[1].splitlines()
    assert [line.split()[2] for line in out] == ["web-1,10.0.0.1", "me@laptop", "x"]
    plain = tmp_path / "plain"  # ssh-keygen prints the carriage returns
    plain.write_text("\n".join(lines))
    assert out == run("ssh-keygen", "-l", "-f", plain).splitlines()
    shown = json.loads(told("inspect", "--format", "json", path)[1])
    assert [each["before"] for each in shown] == ["web-1,10.0.0.1", 'command="a b"', ""]
    assert f"{path}:3:" in told("inspect", path)[1]


def test_json_says_everything_in_utc(keyring: Keyring, told: Told, tmp_path: Path, berlin: None) -> None:
    path = tmp_path / "id-cert.pub"
    path.write_text(keyring.certify("ed25519", "ed25519", "-n", "alice", "-V", "20250101000000Z:20990101000000Z"))
    found = json.loads(told("inspect", "--format", "json", path)[1])
    assert (found["valid_after"], found["valid_before"]) == ("2025-01-01T00:00:00Z", "2099-01-01T00:00:00Z")
    assert (found["type"], found["validity"], found["problems"]) == ("user certificate", "valid", [])
    assert found["principals"] == ["alice"] and found["extensions"]["permit-pty"] is None
    assert "Wed 1 Jan 2025 01:00 CET to Thu 1 Jan 2099 01:00 CET" in told("inspect", path)[1]


def certificate(path: Path, **changes: Any) -> Path:
    path.write_text(signed(**changes).line() + "\n")
    return path


@pytest.mark.parametrize(
    ("changes", "shown", "problem"),
    [
        ({"valid_before": 1000}, "EXPIRED", "has expired"),
        ({"valid_after": 2**63}, "NOT YET VALID", "is not valid yet"),
        ({"valid_before": 2**63}, "a time that has no date", ""),
        ({"principals": ()}, "Principals: (none)", "sshd takes it for nobody"),
        (
            {"critical_options": (("new@x", "1"),)},
            "new@x 1",
            "unknown critical options, for which it is refused: new@x",
        ),
        ({"type": CertType.HOST, "critical_options": (("force-command", "x"),)}, "host certificate", "force-command"),
    ],
)
def test_what_is_wrong_with_a_certificate_is_said(
    changes: dict[str, Any], shown: str, problem: str, told: Told, tmp_path: Path
) -> None:
    path = certificate(tmp_path / "cert", **changes)
    code, out, err = told("inspect", path)
    assert code == 0 and shown in out
    assert problem in err if problem else err == ""
    problems = json.loads(told("inspect", "--format", "json", path)[1])["problems"]
    assert bool(problems) == bool(problem)


def test_a_changed_certificate_is_shown_as_one_nobody_signed(told: Told, tmp_path: Path) -> None:
    blob = bytearray(signed().encode())
    at = bytes(blob).index(b"alice")
    blob[at : at + 5] = b"bobby"
    path = tmp_path / "cert"
    path.write_text(_line("ssh-ed25519-cert-v01@openssh.com", bytes(blob)))
    code, out, err = told("inspect", path)
    assert code == 0 and "bobby" in out and "its signature does not hold" in err


HOSTILE = "\x1b]0;owned\x07\x1b[2J\nKey ID: \u202eforged \u2028 more"


def test_hostile_text_is_shown_and_does_nothing(told: Told, tmp_path: Path) -> None:
    path = certificate(tmp_path / "cert", key_id=HOSTILE, principals=(HOSTILE, "ok"))
    path.write_text(path.read_text().rstrip() + " \x1b[31mcomment\n")
    for out in (told("inspect", path)[1], told("fingerprint", path)[1], told("inspect", "--format=json", path)[1]):
        assert not re.search(r"[\x00-\x09\x0b-\x1f\x7f\u202e\u2028]", out)
        assert not any(line.startswith("Key ID") for line in out.splitlines())
    assert json.loads(told("inspect", "--format", "json", path)[1])["key_id"] == HOSTILE


def test_bytes_that_are_no_text_are_shown_as_such(told: Told, tmp_path: Path) -> None:
    good = signed().encode()
    blob = good.replace(string("alice@example.com"), string(b"\xff\xfe\x00" + b"x" * 14))
    path = tmp_path / "cert"
    path.write_text(_line("ssh-ed25519-cert-v01@openssh.com", blob))
    code, out, err = told("inspect", path)
    assert code == 0 and "\ufffd\ufffd" in out and "\x00" not in out and "not checked" in err


def _line(kind: str, blob: bytes) -> str:
    import binascii

    return f"{kind} {binascii.b2a_base64(blob, newline=False).decode()}\n"


def _nested() -> bytes:
    """A certificate that says a certificate signed it."""
    inner = signed()
    body = inner.to_be_signed()[: -len(string(inner.signature_key.blob))]
    return body + string(inner.encode()) + string(inner.signature)


NEW = "ssh-x-cert-v01@openssh.com"
PEM = b"-----BEGIN %s PRIVATE KEY-----\nAAAA\n-----END %s PRIVATE KEY-----\n"
RSA = string("ssh-rsa") + string(b"\x01\x00\x01") + string(b"\x00" + b"\xff" * 128)
BAD: dict[str, tuple[bytes, str]] = {
    "empty": (b"", "is empty"),
    "blank": (b" \n\r\n\t\n", "is empty"),
    "no key": (b"hello\nworld\n", "holds no key and no certificate"),
    "binary": (bytes(range(256)) * 64, "holds no key and no certificate"),
    "utf-16": ("ssh-ed25519 AAAA".encode("utf-16"), "UTF-16"),
    "cut short": (_line("ssh-ed25519", string("ssh-ed25519") + string(b"1" * 32)[:-1]).encode(), "cut short"),
    "more behind": (_line("ssh-rsa", RSA + b"\x00").encode(), "left over"),
    "another type": (_line("ssh-ed25519", RSA).encode(), "the line says ssh-ed25519"),
    "unknown type": (_line("ssh-new", string("ssh-new") + b"x").encode(), "not known here"),
    "unknown certificate": (_line(NEW, string(NEW)).encode(), "not known"),
    "nested": (_line("ssh-ed25519-cert-v01@openssh.com", _nested()).encode(), "a certificate signed it"),
    "odd options": (
        _line(
            "ssh-ed25519-cert-v01@openssh.com",
            string("ssh-ed25519-cert-v01@openssh.com") + string(b"n" * 32) + string(b"k" * 32)
            + uint64(1) + uint32(1) + string("id") + string("") + uint64(0) + uint64(1) + string(string("lonely")),
        ).encode(),
        "cut short",
    ),
    "pem": (PEM % (b"RSA", b"RSA"), "private key in another format"),
    "broken openssh": (PEM % (b"OPENSSH", b"OPENSSH"), "private key in another format"),
    "huge": (b"x" * (5 << 20), "larger than 4 MiB"),
}  # fmt: skip


@pytest.mark.parametrize("command", ["inspect", "fingerprint"])
@pytest.mark.parametrize("name", BAD)
def test_a_file_of_something_else_says_what_it_is(name: str, command: str, told: Told, tmp_path: Path) -> None:
    path = tmp_path / "file"
    content, said = BAD[name]
    path.write_bytes(content)
    code, out, err = told(command, path)
    assert (code, out) == (Exit.INVALID, "") and said in err


@pytest.mark.parametrize(
    ("path", "code", "said"),
    [
        ("missing", Exit.NOT_FOUND, "there is no file"),
        (".", Exit.INVALID, "is a folder"),
        ("x" * 300, Exit.INVALID, "can't be read"),
        ("a\0b", Exit.INVALID, "no file's name"),
        ("/dev/zero", Exit.INVALID, "larger than"),
    ],
)
def test_a_file_that_can_not_be_read_says_why(
    path: str, code: Exit, said: str, told: Told, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    found, out, err = told("inspect", path)
    assert (found, out) == (code, "") and said in err


def test_a_file_of_another_account_says_so(told: Told, tmp_path: Path) -> None:
    need("root")
    path = tmp_path / "secret"
    path.write_text("x")
    path.chmod(0o600)
    os.seteuid(65534)
    try:
        code, _, err = told("inspect", path)
    finally:
        os.seteuid(0)
    assert code == Exit.MISCONFIGURED and "may not be read by you" in err


def test_standard_input_and_bare_base64_are_read(
    keyring: Keyring, told: Told, monkeypatch: pytest.MonkeyPatch
) -> None:
    bare = keyring.line("ed25519").split()[1]
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(bare.encode() + b"\n")))
    code, out, _ = told("inspect")
    assert code == 0 and out.startswith("(stdin):1:\n")
