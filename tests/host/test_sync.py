"""`host sync`: what has changed is brought into force, and whatever does not hold leaves everything in place."""

from __future__ import annotations

import fcntl
import hashlib
import json
import shutil
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from tests.host.box import Box
from tests.host.fake_ca import OPTIONS, ROLES, FakeCa, empty_krl, public

from daypass.errors import Conflict, DaypassError, Misconfigured, Unavailable
from daypass.host.accounts import Made, Memory
from daypass.host.state import State
from daypass.host.sync import Synced
from daypass.model import HostRole, NewAccounts
from daypass.wire import Krl
from daypass.wire.krl import CertificateSection

OPS = HostRole("ops", 'restrict,from="10.0.0.0/8"', accounts=("root", "deploy"))
DEV = ROLES[1]
Lie = Callable[[FakeCa], Any]


@pytest.fixture
def enrolled(box: Box) -> Box:
    """With its first sync behind it."""
    box.enrol()
    box.sync()
    return box


def files(synced: Synced) -> list[str]:
    return sorted(path.name for path in synced.changed)


def times(box: Box) -> dict[str, int]:
    return {path.name: path.stat().st_mtime_ns for path in box.paths.ours.rglob("*") if path.is_file()}


def state(box: Box) -> State:
    found = State.load(box.paths.state)
    assert found is not None
    return found


def test_the_first_sync_after_an_enrolment_changes_nothing(box: Box) -> None:
    box.enrol()
    before = times(box)
    assert not box.sync().did_something
    assert times(box) == before


def test_a_host_says_what_it_has(enrolled: Box) -> None:
    enrolled.sync()
    first, second = enrolled.ca.synced
    assert (first.digest, first.trust_version) == ("d", 1)  # from its enrolment
    assert (second.digest, second.bundle_version, second.trust_version) == ("d", 1, 1)
    assert (second.system_accounts, second.accounts) == (["daemon", "root"], ["alice", "bob"])


def test_only_what_has_changed_is_touched(enrolled: Box) -> None:
    before = times(enrolled)
    enrolled.change(roles=[OPS, DEV])
    synced = enrolled.sync()
    assert files(synced) == ["deploy", "root"]
    after = times(enrolled)
    assert {name for name in after if after[name] != before.get(name)} == {"deploy", "root"}
    assert (enrolled.paths.principals / "root").read_text() == f"{OPS.options} role:ops\n"


def test_an_account_that_lost_its_roles_has_no_file_any_more(enrolled: Box) -> None:
    enrolled.change(roles=[DEV])
    assert files(enrolled.sync()) == ["deploy"]
    assert not (enrolled.paths.principals / "deploy").exists()


def test_nothing_new_is_a_heartbeat_that_lets_the_bundle_hold_on(enrolled: Box) -> None:
    later = int(time.time()) + 99_999
    enrolled.ca.bundle |= {"version": 5, "expires": later}
    synced = enrolled.sync()
    assert not synced.did_something
    assert (state(enrolled).bundle_version, state(enrolled).bundle_expires) == (5, later)


def test_what_somebody_changed_by_hand_is_set_right(enrolled: Box) -> None:
    deploy, krl, stray = (enrolled.paths.principals / "deploy", enrolled.paths.krl, enrolled.paths.principals / "x")
    deploy.write_text("root\n")
    krl.chmod(0o600)
    stray.write_text("root\n")
    assert files(enrolled.sync()) == ["deploy", "krl", "x"]
    assert deploy.read_text() == f"{OPTIONS} role:deployers\n"
    assert not stray.exists()


def test_a_new_account_of_the_machine_gets_its_file_though_the_bundle_is_the_same(enrolled: Box) -> None:
    with enrolled.paths.passwd.open("a") as file:
        file.write("carol:x:5003:5003::/home/carol:/bin/sh\n")
    assert files(enrolled.sync()) == ["carol"]


def test_the_owners_ceiling_beats_the_ca_at_once(enrolled: Box) -> None:
    enrolled.paths.settings.parent.mkdir(parents=True)
    enrolled.paths.settings.write_text('never = ["alice"]\n')
    assert files(enrolled.sync()) == ["alice"]
    assert not (enrolled.paths.principals / "alice").exists()


def test_root_by_another_name_is_root_to_the_owners_ceiling(enrolled: Box) -> None:
    with enrolled.paths.passwd.open("a") as file:
        file.write("toor:x:0:0::/root:/bin/sh\n")
    enrolled.paths.settings.parent.mkdir(parents=True)
    enrolled.paths.settings.write_text('never = ["root"]\n')
    enrolled.change(roles=[HostRole("ops", OPTIONS, accounts=("root", "toor", "deploy"))])
    enrolled.sync()
    assert [each.name for each in enrolled.paths.principals.iterdir()] == ["deploy"]
    enrolled.enrol()
    assert [each.name for each in enrolled.paths.principals.iterdir()] == ["deploy"]


def test_accounts_that_a_role_names_and_nobody_has_are_told(enrolled: Box) -> None:
    assert enrolled.sync().unknown == ["deploy"]


def test_a_newer_trust_document_comes_along_and_an_older_one_is_refused(enrolled: Box) -> None:
    enrolled.ca.trust["version"] = 3
    enrolled.sync()
    assert state(enrolled).trust_version == 3
    before = enrolled.tree()
    enrolled.ca.trust["version"] = 2
    enrolled.ca.sync_answer = lambda answer: msgspec.structs.replace(answer, trust=enrolled.ca.signed_trust())
    with pytest.raises(Conflict, match="version 3 was seen before"):
        enrolled.sync()
    assert enrolled.tree() == before


def test_a_new_krl_is_loaded_by_openssh_before_it_replaces_the_old_one(enrolled: Box) -> None:
    section = CertificateSection(public(enrolled.ca.user_ca), ((5, 5),))
    enrolled.ca.listed = Krl(9, 1, "new", (section,)).encode()
    enrolled.change()
    assert files(enrolled.sync()) == ["krl"]
    assert state(enrolled).krl_version == 9


def test_the_krl_comes_once_and_is_not_asked_for_again(enrolled: Box) -> None:
    before = times(enrolled)
    enrolled.change(roles=[DEV])
    enrolled.sync()
    assert enrolled.ca.synced[-1].krl_digest == hashlib.sha256(enrolled.ca.listed).hexdigest()
    assert times(enrolled)["krl"] == before["krl"]


def test_a_krl_that_is_gone_comes_again(enrolled: Box) -> None:
    before = enrolled.paths.krl.read_bytes()
    enrolled.paths.krl.unlink()
    assert files(enrolled.sync()) == ["krl"]
    assert enrolled.paths.krl.read_bytes() == before


def test_a_krl_that_somebody_broke_is_set_right(enrolled: Box) -> None:
    enrolled.paths.krl.write_bytes(b"SSHKRL\n\0garbage")
    assert files(enrolled.sync()) == ["krl"]


def changed(**bundle: Any) -> Lie:
    return lambda ca: ca.bundle.update({"version": 2, "digest": "d2"} | bundle)


def beat(**fields: Any) -> Lie:
    return lambda ca: ca.heartbeat.update(fields)


def listing(krl: bytes) -> Lie:
    def lie(ca: FakeCa) -> None:
        changed()(ca)
        ca.listed = krl

    return lie


def with_krl(krl: bytes) -> Lie:
    return lambda ca: setattr(ca, "sync_answer", lambda answer: msgspec.structs.replace(answer, krl=krl))


def signed_by_stranger(ca: FakeCa) -> None:
    changed(roles=[OPS])(ca)
    ca.signers.update(bundle=ca.stranger)


def nothing(ca: FakeCa) -> None:
    ca.sync_answer = lambda answer: msgspec.structs.replace(answer, heartbeat=None, bundle=None)


LIES: list[tuple[str, Lie, str]] = [
    ("a forged bundle", signed_by_stranger, "not signed by a key of this CA"),
    ("an expired bundle", changed(expires=1), "has expired"),
    ("a bundle from the future", changed(issued_at=2**40, expires=2**41), "comes from the future"),
    ("another host's bundle", changed(host_id="h-2"), "for another host"),
    ("another name", changed(name="web-2.example.com"), "for another host"),
    ("another CA's bundle", changed(ca_id="00" * 32), "another CA"),
    ("an older bundle", changed(version=0), "version 1 was seen before"),
    ("a bundle without a digest", changed(digest=""), "for another host"),
    ("a foreign user CA", lambda ca: changed(user_ca=[public(ca.stranger).line()])(ca), "user CA key that the trust"),
    ("a broken KRL", listing(b"SSHKRL\n\0garbage"), "can't be loaded"),
    ("no KRL for the one that the bundle names", changed(krl_digest="00" * 32), "not the one"),
    ("another KRL than the bundle names", with_krl(empty_krl(3)), "not the one"),
    ("options that widen", changed(roles=[HostRole("x", "pty", accounts=("root",))]), "can't stand on a line"),
    ("an account that is a path", changed(roles=[HostRole("x", OPTIONS, accounts=("../x",))]), "can't be one"),
    ("a heartbeat for another bundle", beat(digest="other"), "another bundle"),
    ("a heartbeat for another host", beat(host_id="h-2"), "another host"),
    ("an expired heartbeat", beat(expires=1), "has expired"),
    ("an older heartbeat", beat(version=0), "version 1 was seen before"),
    ("a bundle in a heartbeat's place", beat(type="daypass-host-bundle-v1"), "was expected"),
    ("nothing", nothing, "neither a bundle nor"),
]


@pytest.mark.parametrize(("lie", "words"), [row[1:] for row in LIES], ids=[row[0] for row in LIES])
def test_a_lie_leaves_everything_in_place(enrolled: Box, lie: Lie, words: str) -> None:
    before = enrolled.tree()
    lie(enrolled.ca)
    with pytest.raises(DaypassError, match=words):
        enrolled.sync()
    assert enrolled.tree() == before


def test_an_older_krl_in_a_new_bundle_is_refused(enrolled: Box) -> None:
    enrolled.ca.listed = empty_krl(8)
    enrolled.change()
    enrolled.sync()
    enrolled.ca.listed = empty_krl(7)
    enrolled.change()
    with pytest.raises(Conflict, match="8 was seen before"):
        enrolled.sync()


def test_a_ca_that_is_down_leaves_everything_in_place(enrolled: Box) -> None:
    def down(*_: object) -> Any:
        raise Unavailable("the CA is down")

    enrolled.ca.sync_answer = down
    before = enrolled.tree()
    with pytest.raises(Unavailable):
        enrolled.sync()
    assert enrolled.tree() == before


@pytest.mark.parametrize("damage", ["gone", "garbage", "another digest"])
def test_documents_that_are_lost_are_asked_for_anew(enrolled: Box, damage: str) -> None:
    path = enrolled.paths.bundle
    if damage == "gone":
        path.unlink()
    elif damage == "garbage":
        path.write_text("{")
    else:
        path.write_text(path.read_text().replace('\\"digest\\":\\"d\\"', '\\"digest\\":\\"e\\"'))
    assert not enrolled.sync().did_something
    assert enrolled.ca.synced[-1].digest == ""
    assert json.loads(json.loads(path.read_text())["document"])["digest"] == "d"


def test_a_machine_that_is_not_enrolled_is_told_how(box: Box) -> None:
    with pytest.raises(Misconfigured, match="not enrolled"):
        box.sync()


def test_two_at_once_are_one_too_many(enrolled: Box) -> None:
    with enrolled.paths.lock.open("w") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        with pytest.raises(Conflict, match="another sync or enrolment is running"):
            enrolled.sync()
    enrolled.sync()


def test_an_enrolment_waits_for_no_sync_and_none_comes_between(enrolled: Box) -> None:
    before = enrolled.tree()
    with enrolled.paths.lock.open("w") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        with pytest.raises(Conflict, match="another sync or enrolment is running"):
            enrolled.enrol()
    assert (enrolled.tree(), len(enrolled.ca.asked)) == (before, 1)


def made(box: Box, count: int, *, locked: int = 0) -> list[str]:
    """People with accounts that daypass made, in force on this machine."""
    logins = [f"p{number}" for number in range(count)]
    with box.paths.passwd.open("a") as file:
        file.writelines(
            f"{each}:x:{3000 + at}:3000:made by daypass:/home/{each}:/bin/sh\n" for at, each in enumerate(logins)
        )
    memory = Memory({each: Made(uid=3000 + at, locked=at < locked) for at, each in enumerate(logins)})
    memory.save(box.paths.made_accounts)
    return logins


def test_a_ca_that_lost_its_records_closes_nobodys_account(enrolled: Box) -> None:
    people = made(enrolled, 5, locked=1)
    enrolled.change(roles=[msgspec.structs.replace(DEV, new_accounts=NewAccounts("/bin/sh"))])
    assert enrolled.sync().held == people[1:]
    assert {each.name for each in enrolled.paths.principals.iterdir()} == {"alice", "bob", *people[1:]}
    assert enrolled.sync(lock_many=True).held == []
    assert {each.name for each in enrolled.paths.principals.iterdir()} == {"alice", "bob"}


def test_an_enrolment_opens_no_account_that_is_locked(enrolled: Box) -> None:
    made(enrolled, 2, locked=1)
    enrolled.enrol()
    assert {each.name for each in enrolled.paths.principals.iterdir()} == {"alice", "bob", "deploy", "p1"}


def test_a_link_in_our_folder_is_not_followed(enrolled: Box, tmp_path: Path) -> None:
    target = tmp_path / "target"
    target.write_text("mine")
    (enrolled.paths.principals / "deploy").unlink()
    (enrolled.paths.principals / "deploy").symlink_to(target)
    with pytest.raises(Misconfigured, match="symbolic link"):
        enrolled.sync()
    assert target.read_text() == "mine"


def test_an_enrolment_anew_keeps_what_it_was_given_and_loses_nothing(enrolled: Box) -> None:
    enrolled.enrol()
    assert not enrolled.sync().did_something
    assert enrolled.ca.synced[-1].digest == "d"


@pytest.mark.parametrize("gone", ["ours", "principals"])
def test_a_folder_that_somebody_took_away_comes_back(box: Box, gone: str) -> None:
    box.enrol()
    box.sync()
    before = box.tree()
    kept = {path: path.read_bytes() for path in box.paths.ours.glob("*-cert.pub")}
    shutil.rmtree(getattr(box.paths, gone))
    for path, content in kept.items():  # by one of them the host calls its CA
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
        path.chmod(0o644)
    box.sync()
    ours = {path: found for path, found in box.tree().items() if path.startswith("etc/ssh/daypass")}
    assert ours == {path: found for path, found in before.items() if path.startswith("etc/ssh/daypass")}


@pytest.mark.parametrize(
    ("serials", "holds"), [([(5, 5)], True), ([(6, 8)], True), ([(5, 9)], False), ([(9, 9)], False)]
)
def test_of_break_glass_is_revoked_what_the_offline_root_has_revoked(
    enrolled: Box, serials: list[tuple[int, int]], holds: bool
) -> None:
    glass, ca = public(Ed25519PrivateKey.generate()), enrolled.ca
    ca.trust = {"version": 2, "break_glass": [glass.line()], "break_glass_account": "deploy"}
    ca.trust |= {"break_glass_revoked": [[5, 5], [6, 8]]}
    ca.bundle.update(version=2, digest="d2")
    ca.listed = Krl(9, 1, "", (CertificateSection(glass, tuple(serials)),)).encode()
    before = enrolled.paths.krl.read_bytes()
    if not holds:
        with pytest.raises(DaypassError, match="offline root has not revoked"):
            enrolled.sync()
    else:
        enrolled.sync()
    assert enrolled.paths.krl.read_bytes() == (ca.listed if holds else before)
