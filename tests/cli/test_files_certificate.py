"""`daypass certificate`: keys of every kind, new and old, and every way in which nothing may be written."""

from __future__ import annotations

import os
import pty
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from tests.cli.files_kit import Told, told
from tests.cli.kit import converse, on_terminal
from tests.client.mini_ca import MiniCa
from tests.parts.needs import need
from tests.parts.openssh import Agent, keygen, make_key, show_certificate
from tests.wire.openssh import Keyring

from daypass.cli.exits import Exit
from daypass.client.settings import Settings
from daypass.client.trust import Membership
from daypass.wire import Certificate

__all__ = ["told"]

Files = dict[str, bytes]


@pytest.fixture(scope="module")
def keyring(tmp_path_factory: pytest.TempPathFactory) -> Keyring:
    return Keyring(tmp_path_factory.mktemp("keys"))


@pytest.fixture
def folder(tmp_path: Path, at_home: Settings, joined: Membership, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where the person is; a browser signs in for them."""
    program = tmp_path / "browser"
    script = "import sys, httpx2; httpx2.get(sys.argv[1], follow_redirects=True, trust_env=False)"
    program.write_text(f'#!/bin/sh\nexec {sys.executable} -c "{script}" "$1"\n')
    program.chmod(0o755)
    monkeypatch.setenv("BROWSER", f"{program} %s")
    work = tmp_path / "work"
    work.mkdir()
    monkeypatch.chdir(work)
    return work


def content(folder: Path) -> Files:
    return {each.name: each.read_bytes() for each in folder.iterdir() if each.is_file()}


def line(path: Path) -> Certificate:
    return Certificate.from_line(path.read_text())


# -- a new key ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("options", "kind"),
    [
        ([], "ED25519"), (["--kty", "ecdsa"], "ECDSA"), (["--type", "rsa"], "RSA"), (["--kty", "OKP"], "ED25519"),
        (["--kty", "EC", "--curve", "P-521"], "ECDSA"), (["--kty", "RSA", "--size", "2048", "--insecure"], "RSA"),
        (["--crv", "P-384", "--no-agent"], "ECDSA"), (["--kty", "OKP", "--curve", "Ed25519"], "ED25519"),
        (["--provisioner", "op", "-n", "role:dev:alice", "-n", "alice"], "ED25519"),
    ],
)  # fmt: skip
def test_a_new_key_and_its_certificate_are_openssh_s(options: list[str], kind: str, told: Told, folder: Path) -> None:
    code, out, err = told("certificate", "me@laptop", "id", "--no-password", *options)
    assert (code, out) == (0, "") and "wrote id-cert.pub, until" in err
    assert "the CA calls it alice@example.com, not me@laptop" in err
    assert sorted(content(folder)) == ["id", "id-cert.pub", "id.pub"]
    assert [(folder / name).stat().st_mode & 0o777 for name in ("id", "id.pub", "id-cert.pub")] == [
        0o600,
        0o644,
        0o644,
    ]
    assert keygen("-y", "-f", folder / "id").split()[1] == (folder / "id.pub").read_text().split()[1]
    assert (folder / "id.pub").read_text().endswith(" me@laptop\n")
    shown = show_certificate(folder / "id-cert.pub")
    assert f"Public key: {kind}-CERT" in shown and "role:dev:alice" in shown


def test_the_comment_is_the_person_s_to_choose(told: Told, folder: Path) -> None:
    assert told("certificate", "me@laptop", "id", "--no-password", "--comment", "for the train")[0] == 0
    assert (folder / "id.pub").read_text().endswith(" for the train\n")
    assert (folder / "id-cert.pub").read_text().endswith(" for the train\n")


def test_a_private_half_that_lies_elsewhere_is_named(told: Told, folder: Path) -> None:
    keygen("-q", "-t", "ed25519", "-N", "", "-f", str(folder / "secret"))
    (folder / "secret.pub").rename(folder / "id.pub")
    asked = ("certificate", "--sign", "me", "id.pub")
    assert told(*asked)[0] == Exit.NOT_FOUND
    assert told(*asked, "--private-key", "secret")[0] == 0
    assert line(folder / "id-cert.pub").public_key.line() in keygen("-y", "-f", folder / "secret")


@pytest.mark.parametrize(
    "options", [["--kty", "RSA", "--curve", "P-256"], ["--kty", "EC", "--curve", "Ed25519"], ["--private-key", "x"]]
)
def test_options_that_do_not_go_together_are_a_usage_error(options: list[str], told: Told, folder: Path) -> None:
    assert told("certificate", "me", "id", "--no-password", *options)[0] == Exit.USAGE
    assert not content(folder)


def test_the_day_pass_is_left_alone(told: Told, folder: Path, joined: Membership) -> None:
    assert told("certificate", "me", "id", "--no-password")[0] == 0
    assert not joined.context.certificate.exists() and told("status")[0] == 1


def test_a_passphrase_from_a_file_protects_the_key(told: Told, folder: Path, tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text("correct horse\nnot this\n")
    secret.chmod(0o600)
    assert told("certificate", "me", "id", "--password-file", secret)[0] == 0
    assert keygen("-y", "-P", "correct horse", "-f", folder / "id").split()[1] in (folder / "id.pub").read_text()
    with pytest.raises(subprocess.CalledProcessError):
        keygen("-y", "-P", "", "-f", folder / "id")
    secret.chmod(0o644)
    assert told("certificate", "me", "id2", "--password-file", secret)[0] == Exit.MISCONFIGURED


@pytest.mark.parametrize(("again", "written"), [("a passphrase", True), ("another", False)])
def test_on_a_terminal_the_passphrase_is_asked_for_twice_and_not_shown(
    again: str, written: bool, folder: Path
) -> None:
    process, terminal = on_terminal("certificate", "me", "id")
    shown = converse(process, terminal, {"Passphrase for id": "a passphrase", "The same again": again})
    assert (process.wait(20) == 0) is written and "a passphrase" not in shown, shown
    assert (folder / "id").exists() is written
    if written:
        assert keygen("-y", "-P", "a passphrase", "-f", folder / "id")


def test_without_a_terminal_it_says_what_is_missing(told: Told, folder: Path, company: MiniCa) -> None:
    code, _, err = told("certificate", "me", "id")
    assert code == Exit.USAGE and "--password-file or --no-password" in err
    assert not content(folder) and not company.seen


def test_wishes_go_to_the_ca(told: Told, folder: Path, company: MiniCa) -> None:
    options = ("--principal", "alice", "--principal", "role:dev:alice", "--not-after", "1h30m")
    assert told("certificate", "me", "id", "--no-password", *options)[0] == 0
    (asked,) = company.seen
    assert (asked.keyID, asked.principals, asked.validBefore) == ("me", ["alice", "role:dev:alice"], "5400s")


@pytest.mark.parametrize("wish", [("--principal", "alice"), ("--not-before", "1h", "--not-after", "2h")])
def test_a_certificate_wider_than_was_asked_for_is_not_kept(
    wish: tuple[str, ...], told: Told, folder: Path, company: MiniCa
) -> None:
    company.lifetime = 9000
    code, _, err = told("certificate", "me", "id", "--no-password", *wish)
    assert code == Exit.INVALID and "more than was asked for" in err and not content(folder)


# -- nothing is written ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("taken", ["id", "id.pub", "id-cert.pub"])
def test_what_is_there_is_not_replaced_without_force(taken: str, told: Told, folder: Path, company: MiniCa) -> None:
    (folder / taken).write_text("mine")
    code, _, err = told("certificate", "me", "id", "--no-password")
    assert code == Exit.CONFLICT and f"{taken} is there already" in err and "--force" in err
    assert content(folder) == {taken: b"mine"} and not company.seen
    assert told("certificate", "me", "id", "--no-password", "--force")[0] == 0
    assert keygen("-y", "-f", folder / "id").split()[1] == (folder / "id.pub").read_text().split()[1]


def test_a_file_that_appears_meanwhile_is_not_replaced(told: Told, folder: Path, company: MiniCa) -> None:

    def change(draft: Certificate) -> Certificate:
        (folder / "id").write_text("mine")
        return draft

    company.change = change
    assert told("certificate", "me", "id", "--no-password")[0] == Exit.CONFLICT
    assert content(folder) == {"id": b"mine"}


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["me", "no/such/id"], Exit.NOT_FOUND, "mkdir -p no/such"),
        (["me", "folder"], Exit.CONFLICT, "is a folder"),
        (["me", ".pub"], Exit.INVALID, "no name for a key's file"),
        (["me", "x" * 260], Exit.INVALID, "File name too long"),
        (["me", "id", "--kty", "rsa", "--size", "1024"], Exit.INVALID, "1024 bits is not accepted"),
        (["me", "id", "--kty", "dsa"], Exit.USAGE, "dsa"),
        (["me", "id", "id.pub"], Exit.USAGE, "--sign"),
        (["me", "id", "--not-after", "tomorrow"], Exit.INVALID, "is no time"),
        (["me", "id", "--not-after", "-1h"], Exit.INVALID, "end before it begins"),
        (["me", "id", "--not-before", "2h", "--not-after", "1h"], Exit.INVALID, "end before it begins"),
        (["me", "id", "--not-after", "99999d"], Exit.INVALID, "too far"),
        (["--host", "web-1.corp.test", "id", "--x5c-cert", "x"], Exit.USAGE, "host enroll"),
        (["me", "id", "--no-password", "--x5c-cert", "x"], Exit.USAGE, "go together"),
        (["me", "id", "--no-password", "--token-file", "x"], Exit.INVALID, "can't be read"),
        (["me", "id", "--password-file", "x"], Exit.USAGE, "exclude each other"),
        (["--host", "me", "id", "--principal", "x"], Exit.USAGE, "narrowing"),
        (["--host", "-", "id"], Exit.INVALID, "no host name"),
        (["--host", "web-1.corp.test", "id"], Exit.INVALID, "there is no join token"),
        (["me", "id", "--sign"], Exit.NOT_FOUND, "there is no file id"),
    ],
)
def test_what_makes_no_sense_is_said_before_anybody_signs_in(
    arguments: list[str], code: Exit, said: str, told: Told, folder: Path, company: MiniCa
) -> None:
    (folder / "folder").mkdir()
    found, out, err = told("certificate", "--no-password", *arguments)
    assert (found, out) == (code, "") and said in err
    assert not content(folder) and not company.seen


def test_a_folder_one_may_not_write_to_is_said_so(told: Told, folder: Path, company: MiniCa) -> None:
    need("root with mount namespaces")
    closed = folder / "closed"
    closed.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "ro", "none", closed], check=True)
    try:
        code, _, err = told("certificate", "me", closed / "id", "--no-password")
    finally:
        subprocess.run(["umount", closed], check=True)
    assert code == Exit.MISCONFIGURED and "may not write" in err and not company.seen


@pytest.mark.parametrize("size", ["4k", "8k"])
def test_on_a_full_disk_nothing_is_written_and_what_was_there_stays(
    size: str, told: Told, folder: Path, tiny: Callable[[str], Path]
) -> None:
    disk = tiny(size)
    (disk / "id").write_text("mine")
    _fill(disk)
    code, _, err = told("certificate", "me", disk / "id", "--no-password", "--force")
    assert code == Exit.MISCONFIGURED and "No space left" in err and "full" in err
    assert {name for name in content(disk) if name != "filler"} == {"id"} and (disk / "id").read_text() == "mine"


@pytest.fixture
def tiny(tmp_path: Path) -> Iterator[Callable[[str], Path]]:
    """A file system of so many bytes."""
    need("root with mount namespaces")
    disk = tmp_path / "disk"
    disk.mkdir()

    def mount(size: str) -> Path:
        subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size}", "none", disk], check=True)
        return disk

    yield mount
    subprocess.run(["umount", disk], check=True)


def _fill(disk: Path) -> None:
    try:
        with (disk / "filler").open("wb", buffering=0) as file:
            while True:
                file.write(b"x" * 512)
    except OSError:
        return


# -- a key that is there --------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["ed25519", "ecdsa-384", "rsa-2048", "ed25519-sk", "ecdsa-sk"])
@pytest.mark.parametrize("form", ["ours", "step", "third"])
def test_a_key_that_is_there_is_certified_in_any_form(
    name: str, form: str, keyring: Keyring, told: Told, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if name.endswith("-sk"):
        monkeypatch.setenv("SSH_SK_PROVIDER", str(need("sk-dummy")))
    _copy(keyring.private(name), folder / "id")
    arguments = {
        "ours": ["me", "id", "--sign"], "step": ["--sign", "me", "id.pub"], "third": ["me", "id", "--sign", "id.pub"],
    }[form]  # fmt: skip
    before = content(folder)
    code, _, err = told("certificate", *arguments)
    assert code == 0, err
    made = line(folder / "id-cert.pub")
    assert made.public_key.line() in (folder / "id.pub").read_text()
    assert content(folder) == before | {"id-cert.pub": (folder / "id-cert.pub").read_bytes()}


def test_a_private_key_alone_is_enough(keyring: Keyring, told: Told, folder: Path) -> None:
    _copy(keyring.private("ed25519"), folder / "id")
    (folder / "id.pub").unlink()
    assert told("certificate", "me", "id", "--sign")[0] == 0


def test_a_key_in_the_agent_is_certified_by_its_public_half(
    told: Told, folder: Path, agent: Agent, monkeypatch: pytest.MonkeyPatch
) -> None:
    key = make_key(folder / "id")
    key.unlink()
    code, _, err = told("certificate", "--sign", "me", "id.pub")
    assert code == Exit.NOT_FOUND and "neither in id nor in your ssh-agent" in err
    monkeypatch.setenv("SSH_AUTH_SOCK", str(agent.socket))
    assert told("certificate", "--sign", "me", "id.pub")[0] == Exit.NOT_FOUND
    agent.add(make_key(folder / "other"))
    (folder / "other").rename(folder / "elsewhere")
    assert told("certificate", "--sign", "me", "other.pub")[0] == 0
    assert (folder / "other-cert.pub").exists()


@pytest.mark.parametrize(("passphrase", "code"), [("open sesame", 0), ("wrong", Exit.INVALID)])
def test_a_passphrase_is_asked_for_by_ssh_keygen(passphrase: str, code: int, folder: Path) -> None:
    keygen("-q", "-t", "ed25519", "-N", "open sesame", "-f", folder / "id")
    process, terminal = on_controlling_terminal("certificate", "me", "id", "--sign")
    shown = converse(process, terminal, {"Enter passphrase": passphrase})
    assert process.wait(20) == code and passphrase not in shown.replace("wrote", ""), shown
    assert "signing with id" in shown and ("could not sign with id" in shown) is (code != 0)
    assert (folder / "id-cert.pub").exists() is (code == 0)


def on_controlling_terminal(*arguments: str) -> tuple[subprocess.Popen[bytes], int]:
    """ssh-keygen asks on /dev/tty and not on what happens to be its input."""
    terminal, far_side = pty.openpty()
    command = ["setsid", "--ctty", sys.executable, "-m", "daypass.cli.main", *arguments]
    process = subprocess.Popen(command, stdin=far_side, stdout=far_side, stderr=far_side)
    os.close(far_side)
    return process, terminal


def test_a_passphrase_from_a_file_opens_the_key(told: Told, folder: Path, tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text("open sesame\n")
    secret.chmod(0o600)
    keygen("-q", "-t", "ed25519", "-N", "open sesame", "-f", folder / "id")
    assert told("certificate", "me", "id", "--sign", "--password-file", secret)[0] == 0
    secret.write_text("wrong\n")
    code, _, err = told("certificate", "me", "id", "--sign", "--force", "--password-file", secret)
    assert code == Exit.INVALID and "can't be opened with that passphrase" in err


def test_two_halves_of_different_keys_are_refused(told: Told, folder: Path) -> None:
    make_key(folder / "id")
    make_key(folder / "other")
    (folder / "other").unlink()
    code, _, err = told("certificate", "me", "id", "--sign", "other.pub")
    assert code == Exit.INVALID and "not the private half" in err and not (folder / "id-cert.pub").exists()


def _weak(folder: Path) -> None:
    keygen("-q", "-t", "rsa", "-b", "1024", "-N", "", "-f", folder / "id")


def _dsa(folder: Path) -> None:
    keygen("-q", "-t", "dsa", "-N", "", "-f", folder / "id")


def _two(folder: Path) -> None:
    make_key(folder / "id")
    (folder / "id.pub").write_text((folder / "id.pub").read_text() * 2)


def _certificate(folder: Path) -> None:
    ca, key = make_key(folder / "ca"), make_key(folder / "id")
    keygen("-q", "-s", ca, "-I", "x", "-n", "x", f"{key}.pub")
    (folder / "id-cert.pub").rename(folder / "id.pub")


def _junk(folder: Path) -> None:
    (folder / "id.pub").write_bytes(os.urandom(4000))


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (_weak, "an RSA key of 1024 bits is not accepted"), (_dsa, "'ssh-dss' are not accepted"), (_two, "2 keys"),
        (_certificate, "is a certificate already"), (_junk, "holds no key"),
    ],
)  # fmt: skip
def test_a_key_that_can_not_be_certified_is_refused_at_once(
    make: Callable[[Path], None], said: str, told: Told, folder: Path, company: MiniCa
) -> None:
    make(folder)
    before = content(folder)
    code, _, err = told("certificate", "me", "id", "--sign")
    assert code == Exit.INVALID and said in err
    assert content(folder) == before and not company.seen


def _copy(key: Path, target: Path) -> None:
    for source, copy in ((key, target), (key.with_suffix(".pub"), target.with_suffix(".pub"))):
        copy.write_bytes(source.read_bytes())
        copy.chmod(0o600)
