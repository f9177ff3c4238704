"""`renew`, `rekey` and `revoke`: whatever the CA answers and whatever the files hold, the old certificate stays."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from tests.cli.files_kit import Told, signed_in, told
from tests.client.mini_ca import MiniCa
from tests.wire.making import PrivateKey, signed

from daypass import api
from daypass.cli.exits import Exit
from daypass.client.files.keyfiles import encode, generate_like
from daypass.client.settings import Settings
from daypass.client.trust import Membership
from daypass.errors import Misconfigured
from daypass.wire import FOREVER, Certificate, CertType, PublicKey

__all__ = ["signed_in", "told"]

NAMES = ("web-1.corp.test", "web.corp.test")


@pytest.fixture
def key() -> Ed25519PrivateKey:
    return Ed25519PrivateKey.generate()


@pytest.fixture
def issue(company: MiniCa, key: Ed25519PrivateKey) -> Callable[..., Certificate]:
    """A host certificate by the company's host CA, for `key`."""

    def make(ca: PrivateKey = company.host_ca, **changes: Any) -> Certificate:
        now = int(time.time())
        usual: dict[str, Any] = {
            "public_key": PublicKey.from_cryptography(key.public_key()), "type": CertType.HOST, "principals": NAMES,
            "valid_after": now - 60, "valid_before": now + 3600, "extensions": (), "key_id": NAMES[0],
        }  # fmt: skip
        return signed(ca, **{**usual, **changes})

    return make


@pytest.fixture
def folder(
    tmp_path: Path, at_home: Settings, joined: Membership, key: Ed25519PrivateKey, issue: Callable[..., Certificate],
    monkeypatch: pytest.MonkeyPatch,
) -> Path:  # fmt: skip
    """A host's key and certificate."""
    work = tmp_path / "work"
    work.mkdir()
    monkeypatch.chdir(work)
    (work / "key").write_bytes(encode(key, None))
    (work / "key-cert.pub").write_text(issue(serial=1).line("web-1") + "\n")
    return work


def content(folder: Path) -> dict[str, bytes]:
    return {each.name: each.read_bytes() for each in folder.iterdir()}


def answer(certificate: Certificate) -> list[tuple[int, object]]:
    return [(201, api.SshSignResponse(crt=certificate.encode()))]


def test_a_right_answer_replaces_the_certificate_and_nothing_else(
    told: Told, folder: Path, company: MiniCa, issue: Callable[..., Certificate]
) -> None:
    (folder / "key-cert.pub").chmod(0o640)
    before, new = content(folder), issue(serial=2, principals=NAMES[:1])
    company.answers["/ssh/renew"] = answer(new)
    assert told("renew", "key-cert.pub", "key")[:2] == (0, "")
    assert content(folder) == before | {"key-cert.pub": f"{new.line('web-1')}\n".encode()}
    assert (folder / "key-cert.pub").stat().st_mode & 0o777 == 0o640


def test_a_link_stays_one_and_what_it_leads_to_is_replaced(
    told: Told, folder: Path, company: MiniCa, issue: Callable[..., Certificate]
) -> None:
    (folder / "link").symlink_to("key-cert.pub")
    company.answers["/ssh/renew"] = answer(issue(serial=2))
    assert told("renew", "link", "key")[0] == 0
    assert (folder / "link").is_symlink() and Certificate.from_line((folder / "link").read_text()).serial == 2


STRANGER = Ed25519PrivateKey.generate()
WRONG: dict[str, tuple[dict[str, Any], str]] = {
    "another key": ({"public_key": PublicKey.from_cryptography(STRANGER.public_key())}, "another key"),
    "another CA": ({"ca": STRANGER}, "does not name for hosts"),
    "a person's": ({"type": CertType.USER}, "another kind"),
    "critical options": ({"critical_options": (("force-command", "x"),)}, "another kind"),
    "one name more": ({"principals": (*NAMES, "db-1.corp.test")}, "not asked for: db-1.corp.test"),
    "a pattern": ({"principals": ("*.corp.test",)}, "a pattern"),
    "no name": ({"principals": ()}, "no host"),
    "expired": ({"valid_before": 1000, "valid_after": 0}, "clock"),
    "in a year": ({"valid_after": 2**33}, "clock"),
    "for ever": ({"valid_before": FOREVER}, "400 days"),
}


@pytest.mark.parametrize("command", [["renew"], ["rekey", "--force"]], ids=lambda each: each[0])
@pytest.mark.parametrize("name", WRONG)
def test_a_wrong_certificate_is_not_kept(
    name: str, command: list[str], told: Told, folder: Path, company: MiniCa, issue: Callable[..., Certificate]
) -> None:
    changes, said = WRONG[name]
    before = content(folder)
    company.answers[f"/ssh/{command[0]}"] = answer(issue(**changes))
    code, _, err = told(*command, "key-cert.pub", "key")
    assert code == Exit.UNAUTHENTICATED and "can't be used" in err
    assert said in err or command[0] == "rekey"  # there the key is the first that is wrong
    assert content(folder) == before


@pytest.mark.parametrize(
    "reply", [(500, b"no"), (201, b"{}"), (201, b'{"crt":"AAAA"}'), (404, b"{}"), (0, b"")], ids=str
)
def test_no_answer_leaves_everything_as_it_was(
    reply: tuple[int, object], told: Told, folder: Path, company: MiniCa
) -> None:
    before = content(folder)
    company.answers["/ssh/renew"] = company.answers["/ssh/rekey"] = [reply] * 2
    for command in (["renew"], ["rekey", "--force"]):
        code, _, err = told(*command, "key-cert.pub", "key")
        assert code != 0 and "error:" in err and content(folder) == before


def test_a_changed_signature_is_not_kept(
    told: Told, folder: Path, company: MiniCa, issue: Callable[..., Certificate]
) -> None:
    blob = bytearray(issue().encode())
    blob[-1] ^= 1
    before = content(folder)
    company.answers["/ssh/renew"] = [(201, api.SshSignResponse(crt=bytes(blob)))]
    code, _, err = told("renew", "key-cert.pub", "key")
    assert code == Exit.UNAUTHENTICATED and "its signature does not hold" in err and content(folder) == before


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["missing", "key"], Exit.NOT_FOUND, "there is no file missing"),
        (["key-cert.pub", "missing"], Exit.NOT_FOUND, "there is no file missing"),
        ([".", "key"], Exit.INVALID, "is a folder"),
        (["key", "key-cert.pub"], Exit.INVALID, "no certificate"),
        (["key-cert.pub", "key-cert.pub"], Exit.INVALID, "no private key that can be read"),
        (["key-cert.pub", "other"], Exit.INVALID, "do not belong together"),
        (["expired", "key"], Exit.INVALID, "has expired"),
        (["person", "key"], Exit.INVALID, "sign in anew: daypass login"),
        (["key-cert.pub", "key", "--ca-url", "https://ca.test"], Exit.USAGE, "--fingerprint or --root-cert"),
        (["key-cert.pub", "key", "--fingerprint", "00"], Exit.USAGE, "--ca-url"),
        (["key-cert.pub", "key", "--ca-url", "ca.test", "--fingerprint", "00"], Exit.INVALID, "fingerprint"),
        (["key-cert.pub", "key", "--ca-url", "ca.test", "--root-cert", "key"], Exit.INVALID, "can't be read"),
        (["key-cert.pub", "key", "--context", "other"], Exit.NOT_FOUND, "'other'"),
        (["key-cert.pub", "key", "--out", "other"], Exit.CONFLICT, "is there already"),
        (["key-cert.pub", "key", "--out", "no/other"], Exit.NOT_FOUND, "no folder"),
    ],
)
def test_what_can_not_be_renewed_is_said_before_the_ca_is_asked(
    arguments: list[str], code: Exit, said: str, told: Told, folder: Path, company: MiniCa,
    issue: Callable[..., Certificate],
) -> None:  # fmt: skip
    (folder / "other").write_bytes(encode(STRANGER, None))
    (folder / "expired").write_text(issue(valid_after=1, valid_before=1000).line())
    (folder / "person").write_text(issue(company.user_ca, type=CertType.USER).line())
    before = content(folder)
    for command in ("renew", "rekey"):
        if command == "rekey" and "--out" in arguments and code == Exit.CONFLICT:
            continue
        found, out, err = told(command, *arguments, *(["--force"] if command == "rekey" else []))
        assert (found, out) == (code, "") and said in err
    assert content(folder) == before and not company.hits["/ssh/renew"] + company.hits["/ssh/rekey"]


@pytest.mark.parametrize(
    "old",
    [Ed25519PrivateKey.generate(), ec.generate_private_key(ec.SECP384R1()), rsa.generate_private_key(65537, 2048)],
    ids=lambda each: type(each).__name__,
)
def test_a_new_key_is_of_the_old_one_s_kind(old: PrivateKey) -> None:
    new = generate_like(old)
    assert type(new) is type(old)
    assert PublicKey.from_cryptography(new.public_key()).type == PublicKey.from_cryptography(old.public_key()).type


@pytest.mark.parametrize("serial", ["0", "-1", "1.5", str(2**64), "1" * 5000])
def test_what_is_no_serial_is_said_so(serial: str, told: Told, signed_in: Membership, company: MiniCa) -> None:
    code, _, err = told("revoke", "--", serial)
    assert code == Exit.INVALID and "no serial number" in err and "\x1b" not in err
    assert not company.hits["/v1/me/revoke"]


@pytest.mark.parametrize(
    "arguments", [["--sshpop-cert", "x"], ["--sshpop-key", "x"], ["5", "--ca-url", "https://ca.test"]], ids=str
)
def test_options_that_do_not_go_together_are_refused(arguments: list[str], told: Told, at_home: Settings) -> None:
    assert told("revoke", *arguments)[0] == Exit.USAGE


def test_where_the_ca_says_no_the_day_pass_stays(told: Told, signed_in: Membership, company: MiniCa) -> None:
    company.answers["/v1/me/revoke"] = [(404, api.Error(status=404, message="not yours", code="not-found"))]
    serial = Certificate.from_line(signed_in.context.certificate.read_text()).serial
    assert told("revoke", str(serial))[0] == Exit.NOT_FOUND
    assert told("status")[0] == 0


def test_a_passphrase_without_bcrypt_is_refused_with_a_way_out(monkeypatch: pytest.MonkeyPatch) -> None:
    from daypass.client.files import keyfiles

    monkeypatch.setattr(keyfiles, "find_spec", lambda _: None)
    with pytest.raises(Misconfigured, match="bcrypt") as caught:
        keyfiles.check_encryption()
    assert "--sign" in (caught.value.hint or "")


@pytest.mark.parametrize("word", ["x", "", "\x1b[2J"])
def test_what_is_no_number_is_an_operator_s_word_for_a_person(
    word: str, told: Told, signed_in: Membership, company: MiniCa
) -> None:
    code, _, err = told("revoke", "--", word)
    assert code == 2 and "--reason" in err and "\x1b" not in err
    assert not company.hits["/v1/me/revoke"]
