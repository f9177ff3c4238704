"""Leaving, and becoming an image: what is taken away, what stays, and what a kill in the middle leaves."""

from __future__ import annotations

import time
from itertools import count
from pathlib import Path

import pytest
from tests.host.box import Box
from tests.host.test_enforce import Nothing, close
from tests.host.test_enrol import PLACES, day_pass, login, owner_key, refusing
from tests.host.test_kill import check_files_in_force, owners_lines, restore
from tests.parts.kill import killed_at
from tests.parts.openssh import Accounts, run_ssh
from tests.parts.processes import free_port

from daypass.api import HostLogin, HostReport
from daypass.cli.main import main
from daypass.errors import Conflict, DaypassError, Invalid, Misconfigured, NotFound, Unauthenticated, Unavailable
from daypass.host.image import KEYS_UNIT, prepare_image
from daypass.host.leave import leave, refuse_lock_out
from daypass.host.renewing import rekey

NOW, DAY = 1_800_000_000, 86400


@pytest.fixture(autouse=True)
def _no_switch(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("daypass.host.deadman._spawn", lambda _: None)


@pytest.mark.parametrize("enforced", [False, True], ids=["open", "enforced"])
@pytest.mark.parametrize("place", PLACES)
def test_a_machine_that_leaves_is_what_it_was_byte_for_byte(
    box: Box, accounts: Accounts, place: str, enforced: bool
) -> None:
    lines = [box.include()] if place == "include" else list[str]()
    old = owner_key(box, lines)
    with box.running(*lines, accounts=accounts) as sshd:
        before = box.tree()
        box.enrol(with_reload=True)
        if enforced:
            close(box)
        assert login(box, sshd, "alice", *day_pass(box, "role:dev:alice"))[0] == 0
        left = leave(box.paths, box.sshd)
        assert (left.proven, left.accounts) == (True, [])
        ours = {"id", "id.pub", "id-cert", "known_hosts"}
        assert {path: found for path, found in box.tree().items() if path not in ours} == before
        assert not box.paths.ours.exists() and not box.paths.memory.exists()
        assert run_ssh(sshd, "true", user="alice", options=[old]).returncode == 0
        assert login(box, sshd, "alice", *day_pass(box, "role:dev:alice"))[0] == 255
        with pytest.raises(NotFound):
            leave(box.paths, box.sshd)


def test_what_the_owner_has_changed_since_stays(box: Box) -> None:
    box.enrol()
    with box.config.open("a") as config:
        config.write("# the owner's newest line\n")
    leave(box.paths, box.sshd)
    assert box.config.read_text().endswith("# the owner's last line\n# the owner's newest line\n")
    assert ">>> daypass" not in box.config.read_text()


@pytest.mark.parametrize("place", PLACES)
def test_a_configuration_that_sshd_refuses_is_taken_back_and_nothing_is_lost(box: Box, place: str) -> None:
    box.write_config(*([box.include()] if place == "include" else []))
    box.enrol()
    before = box.tree()
    wrapper = refusing(box, "'-t '*sshd_config")
    box.binary = wrapper
    with pytest.raises(Misconfigured, match="Dragons; everything is as it was before"):
        leave(box.paths, box.sshd)
    wrapper.unlink()
    assert box.tree() == before


def test_an_sshd_that_goes_on_with_the_certificate_is_taken_back(box: Box, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its files would be gone under an sshd that still reads them: it would refuse every key."""
    monkeypatch.setattr("daypass.host.reload._PAUSES", (0.1, 0.2))
    with box.running():
        box.enrol(with_reload=True)
        before = box.tree()
        monkeypatch.setattr("daypass.host.reload.Running.reload", lambda _: None)
        with pytest.raises(Misconfigured, match="does not answer by its own key alone"):
            leave(box.paths, box.sshd)
        assert box.tree() == before


@pytest.mark.parametrize("place", PLACES)
def test_a_kill_at_any_write_leaves_an_sshd_that_starts_and_leaving_again_ends_it(
    box: Box, place: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    box.write_config(*([box.include()] if place == "include" else []), *owners_lines(box), f"Port {free_port()}")
    plain = box.tree()
    monkeypatch.setattr("daypass.host.reload.Running.find", lambda *_: Nothing())
    for proof in ("prove", "prove_methods", "prove_plain"):
        monkeypatch.setattr(f"daypass.host.reload.{proof}", lambda *_: None)
    box.enrol()
    close(box)
    enrolled = box.tree()
    for number in count(1):
        restore(box, enrolled)
        if not killed_at(number, lambda: leave(box.paths, box.sshd)):
            break
        box.sshd.test()
        check_files_in_force(box)
        if box.paths.memory.exists():
            leave(box.paths, box.sshd)
        assert box.tree() == plain
    assert number > 2
    assert box.tree() == plain


def test_a_state_that_can_t_be_understood_keeps_nobody(box: Box) -> None:
    box.enrol()
    box.paths.state.write_text("{")
    leave(box.paths, box.sshd)
    assert not box.paths.memory.exists()


def came(way: str, ago: int = 0) -> HostLogin:
    return HostLogin(account="alice", way=way, what="x", count=1, first=NOW - ago, last=NOW - ago)


@pytest.mark.parametrize("logins", [[], [came("key")], [came("certificate"), came("password", 29 * DAY)]])
def test_who_has_another_way_in_may_leave(logins: list[HostLogin]) -> None:
    refuse_lock_out(HostReport(since=0, until=NOW, trusted=True, logins=logins), NOW)


@pytest.mark.parametrize("logins", [[came("certificate")], [came("certificate"), came("key", 31 * DAY)]])
def test_where_everybody_comes_by_certificate_leaving_is_refused(logins: list[HostLogin]) -> None:
    with pytest.raises(Conflict, match="nobody may come in at all"):
        refuse_lock_out(HostReport(since=0, until=NOW, trusted=True, logins=logins), NOW)


def test_the_ca_revokes_what_a_host_that_leaves_has(box: Box) -> None:
    state = box.enrol().state
    left = leave(box.paths, box.sshd, connect=lambda _: box.ca)
    assert (left.kept, box.ca.revoked) == ("", [each.serial for each in state.certificates])


ERRORS = [
    (Unavailable("the CA is down"), "the CA is down"),
    (Invalid("it is revoked"), ""),
    (Unauthenticated("who?", code="sshpop.unknown"), ""),
]


@pytest.mark.parametrize(("error", "kept"), ERRORS, ids=[str(error) for error, _ in ERRORS])
def test_a_ca_that_can_not_be_told_keeps_nobody(box: Box, error: DaypassError, kept: str) -> None:
    box.enrol()
    box.ca.revoke_error = error
    assert leave(box.paths, box.sshd, connect=lambda _: box.ca).kept == kept
    assert not box.paths.memory.exists()


def test_a_copy_that_leaves_ends_nothing_of_the_machine_it_is_a_copy_of(box: Box) -> None:
    (box.root / "etc/machine-id").write_text("1" * 32)
    box.enrol()
    (box.root / "etc/machine-id").write_text("2" * 32)
    left = leave(box.paths, box.sshd, connect=lambda _: box.ca)
    assert ("a copy of" in left.kept, box.ca.revoked) == (True, [])


def test_nothing_is_revoked_that_sshd_goes_on_with(box: Box) -> None:
    box.enrol()
    with box.config.open("a") as config:
        config.write("NoSuchKeyword yes\n")
    with pytest.raises(Misconfigured):
        leave(box.paths, box.sshd, connect=lambda _: box.ca)
    assert box.ca.revoked == []


def test_a_rekey_that_was_interrupted_is_undone_before(box: Box) -> None:
    box.enrol()
    box.sync()
    key = box.root / "sshd/ssh_host_ed25519_key"
    before, plain = key.read_bytes(), box.tree()
    for number in count(1):
        restore(box, plain)
        assert killed_at(number, lambda: rekey(box.paths, box.ca, time.time()))
        if key.read_bytes() != before:
            break
    leave(box.paths, box.sshd)
    assert key.read_bytes() == before


def test_leaving_as_it_is_typed(
    box: Box, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("daypass.cli.host_leave._connected", lambda _: box.ca)
    options = ["--root", str(box.root), "--sshd-config", str(box.config)]
    assert main(["host", "leave", *options]) == 6
    box.enrol()
    assert main(["host", "leave", *options]) == 0
    said = capsys.readouterr().out
    assert "web-1.example.com is enrolled no more\nno running sshd was touched" in said
    assert "its certificates are revoked, and its names are free\n" in said
    box.enrol()
    box.ca.revoke_error = Unavailable("the CA is down")
    assert main(["host", "leave", *options]) == 0
    assert "daypass host remove web-1.example.com --reason" in capsys.readouterr().err


def image(box: Box) -> list[Path]:
    for name in (
        "etc/machine-id",
        "var/lib/systemd/random-seed",
        "etc/ssh/ssh_host_rsa_key",
        "usr/lib/systemd/systemd",
    ):
        path = box.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("x\n")
    return prepare_image(box.paths, box.sshd)


def test_an_image_has_nothing_by_which_a_copy_could_pass_for_its_machine(box: Box) -> None:
    box.enrol()
    gone = image(box)
    left = {path for path in box.tree() if "ssh_host" in path and not path.startswith("sshd/")}
    assert left == set()
    assert not box.paths.memory.exists() and not box.paths.ours.exists()
    assert (box.root / "etc/machine-id").read_text() == "", "empty: a boot fills it in"
    assert box.root / "var/lib/systemd/random-seed" in gone
    assert (box.root / "etc/systemd/system/ssh.service.wants" / KEYS_UNIT).resolve().is_file()
    assert prepare_image(box.paths, box.sshd) == []


def test_a_distribution_that_makes_host_keys_needs_no_unit_of_ours(box: Box) -> None:
    own = box.root / "usr/lib/systemd/system/sshd-keygen@.service"
    own.parent.mkdir(parents=True)
    own.write_text("")
    image(box)
    assert not list((box.root / "etc/systemd").rglob(KEYS_UNIT))


def test_the_running_machine_becomes_an_image_only_if_that_is_said(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["host", "prepare-image"]) == 3
    assert "--yes" in capsys.readouterr().err
