"""Break-glass on a real sshd: who comes in when the user CA is revoked, and who never does (trust 8.5)."""

from __future__ import annotations

import asyncio
import os
import time
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from tests.host.box import Box
from tests.host.fake_ca import public
from tests.host.test_enforce import came_in, close
from tests.host.test_enrol import PLACES, day_pass, login, owner_key
from tests.parts.openssh import Accounts, Sshd, make_key

from daypass.founding.breakglass import sign_certificate
from daypass.host import breakglass, glassfile
from daypass.host.breakglass import Kept
from daypass.host.enforce import confirm, take_back
from daypass.host.leave import leave
from daypass.host.remains.keys import Keys
from daypass.host.remains.places import Place
from daypass.signers.file import FileSigner
from daypass.wire import Certificate, CertType, Krl, KrlHeader, PublicKey
from daypass.wire.krl import CertificateSection, refusing


@pytest.fixture(autouse=True)
def _account(box: Box) -> None:
    with box.paths.passwd.open("a") as passwd:
        passwd.write("deploy:x:5003:5003::/home/deploy:/bin/sh\n")


GLASS, OTHER = Ed25519PrivateKey.generate(), Ed25519PrivateKey.generate()


def announce(box: Box, account: str = "deploy", *keys: Ed25519PrivateKey) -> None:
    """The offline root signs the next trust document."""
    lines = [public(key).line() for key in keys or (GLASS,)]
    version = int(box.ca.trust.get("version", 1)) + 1
    box.ca.trust |= {"version": version, "break_glass": lines, "break_glass_account": account}


def glass(box: Box, signer: Ed25519PrivateKey = GLASS, **changes: Any) -> tuple[str, str]:
    """ssh options for who holds a break-glass certificate."""
    key = box.root / "glass"
    if not key.exists():
        make_key(key)
    subject = PublicKey.from_line(key.with_suffix(".pub").read_text())
    record = box.root / "issued"
    made = asyncio.run(
        sign_certificate(FileSigner(signer), subject, "alice", now=time.time(), lifetime=600, record=record)
    )
    if changes:
        made = box.ca._sign(signer, **{name: getattr(made, name) for name in _FIELDS} | changes)
    (box.root / "glass-cert").write_text(made.line() + "\n")
    return f"IdentityFile={key}", f"CertificateFile={box.root / 'glass-cert'}"


_FIELDS = ("public_key", "serial", "type", "key_id", "principals", "valid_after", "valid_before", "extensions")


def kept(box: Box) -> Kept:
    found = Kept.load(box.paths.break_glass_state)
    assert found is not None
    return found


def revoke_user_ca(box: Box) -> None:
    header = KrlHeader(int(time.time() * 1000), int(time.time()), "test")
    box.paths.krl.write_bytes(refusing([public(box.ca.user_ca)], header))


def comes_in(box: Box, sshd: Sshd, account: str, *options: str) -> bool:
    code, words = login(box, sshd, account, *options)
    assert code == 0 or "Permission denied" in words, words
    return code == 0


@pytest.mark.parametrize("place", PLACES)
def test_it_opens_one_account_while_the_user_ca_is_revoked_and_leaves_the_owners_keys_as_they_were(
    box: Box, accounts: Accounts, place: str
) -> None:
    lines = [box.include()] if place == "include" else list[str]()
    old = owner_key(box, lines)
    with box.running(*lines, accounts=accounts) as sshd:
        box.enrol(with_reload=True)
        before = box.tree()
        announce(box)
        assert box.paths.break_glass in box.sync().changed
        assert box.sync().changed == [], "once is enough"
        revoke_user_ca(box)
        assert not comes_in(box, sshd, "deploy", *day_pass(box, "role:deployers"))
        assert comes_in(box, sshd, "deploy", *glass(box))
        assert comes_in(box, sshd, "deploy", old), "the owner's files are read as before"
        assert comes_in(box, sshd, "alice", old)
        for what, account, options in (
            ("another account", "alice", glass(box)),
            ("another CA's key", "deploy", glass(box, OTHER)),
            ("the user CA's key", "deploy", glass(box, box.ca.user_ca)),
            ("another principal", "deploy", glass(box, principals=("role:deployers",))),
            ("none at all", "deploy", glass(box, principals=())),
            ("expired", "deploy", glass(box, valid_after=1, valid_before=int(time.time()) - 5)),
            ("a host's certificate", "deploy", glass(box, type=CertType.HOST, extensions=())),
        ):
            assert not comes_in(box, sshd, account, *options), what
        box.ca.trust |= {"version": 9, "break_glass": [], "break_glass_account": ""}
        box.sync()
        assert not comes_in(box, sshd, "deploy", *glass(box))
    after = box.tree()
    changing = {"var/lib/daypass/trust.json", "var/lib/daypass/state.json", "etc/ssh/daypass/krl"}
    assert {name for name in before.keys() | after.keys() if before.get(name) != after.get(name)} <= changing | {
        "glass", "glass.pub", "glass-cert", "issued", "id", "id.pub", "id-cert", "known_hosts",
    }  # fmt: skip


@pytest.mark.parametrize("place", PLACES)
def test_certificates_only_leaves_it_working_and_shuts_its_accounts_own_keys_out(
    box: Box, accounts: Accounts, place: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("daypass.host.deadman._spawn", lambda _: None)
    lines = [box.include()] if place == "include" else list[str]()
    old = owner_key(box, lines)
    announce(box)
    with box.running(*lines, accounts=accounts) as sshd:
        box.enrol(with_reload=True)
        close(box)
        confirm(box.paths, lambda _: came_in())
        assert comes_in(box, sshd, "deploy", *glass(box))
        assert not comes_in(box, sshd, "deploy", old)
        assert not comes_in(box, sshd, "alice", old)
        box.sync()
        assert comes_in(box, sshd, "deploy", *glass(box))
        assert take_back(box.paths, box.sshd)
        assert comes_in(box, sshd, "deploy", old)
        assert comes_in(box, sshd, "deploy", *glass(box))


@pytest.mark.parametrize("place", PLACES)
def test_enforced_first_it_comes_ahead(
    box: Box, accounts: Accounts, place: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("daypass.host.deadman._spawn", lambda _: None)
    lines = [box.include()] if place == "include" else list[str]()
    old = owner_key(box, lines)
    with box.running(*lines, accounts=accounts) as sshd:
        before = box.config.read_bytes()
        box.enrol(with_reload=True)
        close(box)
        announce(box)
        box.sync()
        assert comes_in(box, sshd, "deploy", *glass(box))
        assert not comes_in(box, sshd, "deploy", old)
        take_back(box.paths, box.sshd)
        assert comes_in(box, sshd, "deploy", old)
        leave(box.paths, box.sshd)
    assert box.config.read_bytes() == before
    assert not list(box.root.rglob(glassfile.NAME))


def test_the_owners_never_beats_it(box: Box, accounts: Accounts) -> None:
    announce(box)
    with box.running(accounts=accounts) as sshd:
        box.enrol(with_reload=True)
        assert comes_in(box, sshd, "deploy", *glass(box))
        box.paths.settings.parent.mkdir(parents=True, exist_ok=True)
        box.paths.settings.write_text('never = ["deploy"]\n')
        box.sync()
        assert not comes_in(box, sshd, "deploy", *glass(box))
        assert (kept(box).refused, kept(box).keys, box.paths.break_glass.exists()) == (True, [], False)
        box.paths.settings.write_text("never = []\n")
        box.sync()
        assert comes_in(box, sshd, "deploy", *glass(box))


@pytest.mark.parametrize(
    ("account", "said"),
    [("nobody-here", "no account nobody-here"), ("../x", "no account that could be one"), ("", "no account that")],
)
def test_an_account_that_is_not_there_is_said_and_keeps_no_sync_from_its_work(
    box: Box, account: str, said: str
) -> None:
    box.enrol()
    before = box.config.read_bytes()
    announce(box, account)
    assert box.sync().state.trust_version == 2
    assert said in kept(box).said
    assert (box.config.read_bytes(), box.paths.break_glass.exists()) == (before, False)


def test_a_key_that_signs_every_day_is_none_for_that_day(box: Box) -> None:
    box.enrol()
    for key in (box.ca.user_ca, box.ca.host_ca, box.ca.bundle_key, box.ca.root):
        announce(box, "deploy", key)
        box.sync()
        assert "what the trust document says can't be" in kept(box).said
        assert not breakglass.opens(box.paths)


def test_neither_web_process_nor_database_adds_a_key(box: Box) -> None:
    """All that they can make is bundles, lists, and documents without the root's signature."""
    announce(box)
    box.enrol()
    box.ca.trust |= {"version": 7, "break_glass": [public(OTHER).line()]}
    box.ca.signers["trust"] = box.ca.bundle_key
    with pytest.raises(Exception, match="not signed by this CA's root"):
        box.sync()
    assert breakglass.opens(box.paths) == {public(GLASS).fingerprint}
    box.ca.trust |= {"version": 1, "break_glass": []}
    box.ca.signers.clear()
    box.change()
    box.sync()
    assert breakglass.opens(box.paths) == {public(GLASS).fingerprint}, "nor takes one away by an older document"


def test_a_match_block_of_the_owner_that_sshd_reads_first_is_told_of_and_nothing_is_changed(box: Box) -> None:
    folder = box.include()
    with box.running(folder):
        first = Path(folder.split()[1]).with_name("00-a.conf")
        first.write_text(f"Match User deploy\n  AuthorizedKeysFile {box.root}/mine\n")
        box.enrol()
        announce(box)
        box.sync()
        assert "Match block that it reads first wins" in kept(box).said
        assert not (first.parent / glassfile.NAME).exists()
        assert not box.paths.break_glass.exists()


def test_what_else_keeps_everybody_out_of_the_account_is_told(box: Box) -> None:
    announce(box, "root")
    with box.running("PermitRootLogin no"):
        box.enrol()
        assert kept(box).told == "PermitRootLogin no keeps root out"


def test_the_lines_are_read_back_and_any_other_is_none() -> None:
    keys = [public(GLASS), public(OTHER)]
    assert glassfile.keys_in(glassfile.key_lines(keys)) == keys
    assert glassfile.key_lines(keys).startswith(b'cert-authority,principals="break-glass",restrict,pty ssh-ed25519 ')


def test_a_revoked_one_is_refused_by_its_own_section_and_the_next_one_is_not(box: Box, accounts: Accounts) -> None:
    announce(box)
    with box.running(accounts=accounts) as sshd:
        box.enrol(with_reload=True)
        options = glass(box)
        serial = Certificate.from_line((box.root / "glass-cert").read_text()).serial
        section = CertificateSection(public(GLASS), ((serial, serial),))
        announce(box)
        box.ca.trust |= {"break_glass_revoked": [[serial, serial]]}
        box.ca.listed = Krl(7, int(time.time()), "test", (section,)).encode()
        box.change()
        box.sync()
        assert not comes_in(box, sshd, "deploy", *options)
        assert comes_in(box, sshd, "deploy", *glass(box))


def test_a_host_tells_which_keys_it_has(box: Box) -> None:
    announce(box)
    box.enrol()
    box.sync()
    about = box.ca.synced[-1].about
    assert about is not None
    assert about.break_glass == [public(GLASS).fingerprint]


def test_whoever_has_gone_has_left_none_of_it(box: Box) -> None:
    """It is taken out of no account: the offline root says what stands there."""
    announce(box)
    with box.running():
        box.enrol(with_reload=True)
        home = box.root / "home/deploy"
        place = Place("deploy", os.geteuid(), os.getegid(), home)
        assert list(Keys(box.sshd, box.root).found(place)) == []
