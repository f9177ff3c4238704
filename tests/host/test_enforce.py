"""Certificates only, on a real sshd: which doors close, which stay open, and how they open again by themselves."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from itertools import count
from pathlib import Path

import pytest
from tests.host.box import Box
from tests.host.test_enrol import PLACES, day_pass, login, owner_key, refusing
from tests.host.test_kill import owners_lines, restore
from tests.parts.kill import killed_at
from tests.parts.openssh import Accounts
from tests.parts.processes import free_port, wait_until

from daypass.api import HostLogin, HostReport
from daypass.cli.main import main
from daypass.errors import Conflict, DaypassError, Denied, Invalid, Misconfigured
from daypass.host import enforcement
from daypass.host.alone import alone
from daypass.host.enforce import Enforcing, confirm, refuse_unready, take_back, take_back_overdue
from daypass.host.enforcement import State
from daypass.host.logins import Login

DAY = 86400
NOW = 1_800_000_000


def enforcing(box: Box, *exceptions: str, within: int = 600) -> Enforcing:
    return Enforcing(box.paths, box.sshd, exceptions, within)


def close(box: Box, *exceptions: str, within: int = 600) -> State:
    return enforcing(box, *exceptions, within=within).run()


@pytest.fixture(autouse=True)
def _no_process(monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> None:
    """A switch that would outlive the test; one test is about it."""
    if "by_itself" not in request.node.name:
        monkeypatch.setattr("daypass.host.deadman._spawn", lambda _: None)


@pytest.mark.parametrize("place", PLACES)
def test_keys_are_shut_out_and_certificates_and_exceptions_come_in(box: Box, accounts: Accounts, place: str) -> None:
    lines = [box.include()] if place == "include" else list[str]()
    old = owner_key(box, lines)
    with box.running(*lines, accounts=accounts) as sshd:
        with box.config.open("a") as config:
            config.write(f"Match User alice\n  AuthorizedKeysFile {box.root}/authorized_keys\n")
        sshd.reload()
        box.enrol(with_reload=True)
        before = box.config.read_bytes()
        state = close(box, "bob")
        assert login(box, sshd, "alice", *day_pass(box, "role:dev:alice"))[0] == 0
        code, words = login(box, sshd, "alice", old)
        assert (code, "Permission denied (publickey)" in words) == (255, True), (
            "the owner's own Match block is beaten"
        )
        assert login(box, sshd, "bob", old)[0] == 0
        assert (state.exceptions, state.confirmed, Path(state.path).exists()) == (["bob"], False, True)
        assert take_back(box.paths, box.sshd)
        wait_until(lambda: login(box, sshd, "alice", old)[0] == 0, "the old door")
    assert box.config.read_bytes() == before
    assert not box.paths.enforcement.exists()
    assert not take_back(box.paths, box.sshd)


def test_what_nobody_confirms_opens_again_by_itself(box: Box, accounts: Accounts) -> None:
    lines = list[str]()
    old = owner_key(box, lines)
    with box.running(*lines, accounts=accounts) as sshd:
        box.enrol(with_reload=True)
        close(box, within=1)
        assert login(box, sshd, "alice", old)[0] == 255
        wait_until(lambda: not box.paths.enforcement.exists(), "the dead man's switch", seconds=60)
        wait_until(lambda: login(box, sshd, "alice", old)[0] == 0, "the old door", seconds=20)


def test_a_switch_leaves_alone_what_is_confirmed_or_another_one(box: Box) -> None:
    with box.running():
        box.enrol(with_reload=True)
        first = close(box)
        assert not take_back(box.paths, box.sshd, "another")
        confirm(box.paths, lambda _: came_in())
        assert not take_back(box.paths, box.sshd, first.id)
        assert not take_back_overdue(box.paths, time.time() + DAY)
        assert enforcement.own_files(box.sshd) == []
        assert b"AuthorizedKeysFile none" in box.config.read_bytes()


@pytest.mark.parametrize(("later", "opens"), [(0, False), (540, False), (601, True), (-3600, True)])
def test_a_sync_takes_back_what_is_overdue_also_by_a_clock_that_went_back(box: Box, later: int, opens: bool) -> None:
    with box.running():
        box.enrol(with_reload=True)
        state = close(box)
        assert take_back_overdue(box.paths, state.since + later) is opens
        assert (b"AuthorizedKeysFile none" in box.config.read_bytes()) is not opens


def came_in(way: str = "certificate") -> Login:
    return Login("alice", way, "alice@example.com", time.time(), 7, "192.0.2.7")


@pytest.mark.parametrize("session", [None, came_in("key"), came_in("password"), came_in("other-certificate")])
def test_only_a_session_by_certificate_confirms(box: Box, session: Login | None) -> None:
    with box.running():
        box.enrol(with_reload=True)
        state = close(box)
        with pytest.raises(Denied, match="did not come in by certificate"):
            confirm(box.paths, lambda _: session)
        assert State.load(box.paths.enforcement) == state
        with pytest.raises(Conflict, match="waits to be confirmed"):
            close(box)


def test_there_is_nothing_to_confirm_on_a_host_that_waits_for_nothing(box: Box) -> None:
    box.enrol()
    with pytest.raises(Conflict, match="nothing waits"):
        confirm(box.paths, lambda _: came_in())


def test_without_a_running_sshd_nothing_is_proven_and_nothing_done(box: Box) -> None:
    box.write_config("PidFile none")
    box.enrol()
    before = box.tree()
    with pytest.raises(Conflict, match="no running sshd"):
        close(box)
    assert box.tree() == before


@pytest.mark.parametrize("place", PLACES)
def test_a_configuration_that_sshd_refuses_is_taken_back_byte_for_byte(box: Box, place: str) -> None:
    with box.running(*([box.include()] if place == "include" else [])):
        box.enrol(with_reload=True)
        before = box.tree()
        wrapper = refusing(box, "'-t '*sshd_config")
        box.binary = wrapper
        with pytest.raises(Misconfigured, match="Dragons; everything is as it was before"):
            close(box)
        wrapper.unlink()
        assert box.tree() == before


def test_an_sshd_that_goes_on_offering_passwords_is_taken_back(box: Box, monkeypatch: pytest.MonkeyPatch) -> None:
    """The sshd that runs reads another file than the one we were told of: its reload closes nothing."""
    monkeypatch.setattr("daypass.host.reload._PAUSES", (0.1, 0.2))
    with box.running("PasswordAuthentication yes"):
        box.enrol(with_reload=True)
        box.elsewhere = box.root / "sshd_config"
        box.elsewhere.write_text(box.config.read_text())
        before = box.tree()
        with pytest.raises(Misconfigured, match=r"does not go by it.*as it was before"):
            close(box)
        assert box.tree() == before


@pytest.mark.parametrize(
    "lines",
    [
        ("PasswordAuthentication yes",),
        ("AuthorizedKeysFile /etc/keys/%u",),
        ("AuthenticationMethods password",),
        ("GSSAPIAuthentication yes",),
    ],
)
def test_a_match_block_that_sshd_reads_before_ours_is_a_conflict(box: Box, lines: tuple[str, ...]) -> None:
    include = box.include()
    with box.running(include):
        box.enrol(with_reload=True)
        early = box.root / "etc/ssh/sshd_config.d/00-a.conf"
        early.write_text("\n".join(["Match User alice", *lines, ""]))
        before = box.tree()
        with pytest.raises(Conflict) as caught:
            close(box)
        assert caught.value.code == "host.sshd-conflict"
        assert "00-a.conf:2" in caught.value.message
        assert box.tree() == before


FACTORS = [
    ((), True),
    (("AuthenticationMethods any",), True),
    (("AuthenticationMethods publickey,password publickey,keyboard-interactive",), False),
]


@pytest.mark.parametrize(("owners", "strict"), FACTORS)
def test_a_second_factor_that_everybody_is_asked_for_stays(box: Box, owners: tuple[str, ...], strict: bool) -> None:
    box.write_config(*owners, "AuthorizedKeysCommand /usr/bin/true", "AuthorizedKeysCommandUser nobody")
    ours = [each.strip() for each in enforcement.lines(box.sshd, ["carol", "bob"])]
    assert ours[:3] == ["Match User *,!bob,!carol", "AuthorizedKeysFile none", "AuthorizedKeysCommand none"]
    assert ("AuthenticationMethods publickey" in ours) is strict
    assert ("PasswordAuthentication no" in ours) is strict


@pytest.mark.parametrize(
    "owners",
    [
        "Match User alice\nAuthenticationMethods publickey,password",
        "AuthenticationMethods publickey,password password,keyboard-interactive",
    ],
)
def test_a_second_factor_for_some_alone_is_the_owners_to_settle(box: Box, owners: str) -> None:
    box.config.write_text(box.config.read_text() + owners + "\n")
    with pytest.raises(Conflict, match="asks for more than a key"):
        enforcement.lines(box.sshd, [])


def test_the_block_stands_before_the_first_match_and_nothing_else_moves(box: Box) -> None:
    box.config.write_bytes(b"Port 22\nmatch user x\n  X11Forwarding no\nMatch all\n")
    ours = ["Match User *", "    AuthorizedKeysFile none"]
    found = enforcement.beside(box.sshd, ours)
    assert found.index(b"Port 22\n") < found.index(b"Match User *") < found.index(b"match user x")
    assert enforcement.without(found) == box.config.read_bytes()
    box.config.write_bytes(found)
    assert enforcement.beside(box.sshd, ours) == found


def test_an_exception_is_an_account_that_is_there(box: Box) -> None:
    box.enrol()
    for name in ("nobody-here", "*", "alice,root", "!alice", "a b"):
        with pytest.raises(Invalid):
            close(box, name)


def came(account: str = "alice", way: str = "key", ago: int = 0) -> HostLogin:
    return HostLogin(account=account, way=way, what="x", count=1, first=NOW - ago, last=NOW - ago)


READY = came(way="certificate", ago=DAY)
UNREADY: list[tuple[list[HostLogin], str]] = [
    ([], "nobody has come in by certificate"),
    ([came(way="certificate", ago=31 * DAY)], "nobody has come in by certificate"),
    ([came(way="other-certificate")], "nobody has come in by certificate"),
    ([READY, came(ago=6 * DAY)], "still comes in without a certificate: alice by key x"),
    ([READY, came("bob", "password")], "bob by password x"),
    ([READY, came("bob", "other-certificate")], "bob by other certificate x"),
]


@pytest.mark.parametrize(("logins", "words"), UNREADY)
def test_it_is_refused_while_it_would_shut_somebody_out(logins: list[HostLogin], words: str) -> None:
    report = HostReport(since=0, until=NOW, trusted=True, logins=logins)
    with pytest.raises(Conflict, match=words):
        refuse_unready(report, (), NOW, 7 * DAY)


@pytest.mark.parametrize("logins", [[READY], [READY, came(ago=8 * DAY)], [READY, came("rescue")]])
def test_old_logins_and_those_of_exceptions_stand_against_nothing(logins: list[HostLogin]) -> None:
    refuse_unready(HostReport(since=0, until=NOW, trusted=True, logins=logins), ["rescue"], NOW, 7 * DAY)


class Nothing:
    def reload(self) -> None: ...


def test_a_kill_at_any_write_leaves_the_doors_open_or_the_switch_armed(
    box: Box, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is asked of a running sshd writes nothing, so there is none here."""
    monkeypatch.setattr("daypass.host.reload.Running.find", lambda *_: Nothing())
    for proof in ("prove", "prove_methods"):
        monkeypatch.setattr(f"daypass.host.reload.{proof}", lambda *_: None)
    box.write_config(*owners_lines(box), f"Port {free_port()}")
    box.enrol()
    plain = box.tree()
    attempt = enforcing(box)

    for number in count(1):
        restore(box, plain)
        if not killed_at(number, lambda: attempt.run()):
            break
        box.sshd.test()
        if b"AuthorizedKeysFile none" in box.config.read_bytes():
            state = State.load(box.paths.enforcement)
            assert state is not None
            assert take_back_overdue(box.paths, state.deadline + 1)
        assert b"AuthorizedKeysFile none" not in box.config.read_bytes()
    assert number > 3


def test_a_state_that_can_t_be_understood_can_be_taken_back(box: Box) -> None:
    with box.running():
        box.enrol(with_reload=True)
        close(box)
        box.paths.enforcement.write_text("{")
        with pytest.raises(DaypassError, match="can't be understood"):
            State.load(box.paths.enforcement)
        assert take_back(box.paths, box.sshd)
        assert b"AuthorizedKeysFile none" not in box.config.read_bytes()


def test_the_command_says_what_stands_against_it(box: Box, capsys: pytest.CaptureFixture[str]) -> None:
    box.enrol()
    log = box.root / "log"
    log.write_text("")
    options = ["--root", str(box.root), "--sshd-config", str(box.config), "--log", str(log)]
    assert main(["host", "enforce", *options]) == 1
    assert "nobody has come in by certificate" in capsys.readouterr().out
    assert main(["host", "enforce", "--certificates-only", *options]) == 7
    assert "hint: log in by certificate first" in capsys.readouterr().err
    assert main(["host", "enforce", "--certificates-only", "--within", "5s", *options]) == 3
    assert main(["host", "enforce", "--certificates-only", "--off", *options]) == 2
    assert main(["host", "enforce", "--off", *options]) == 0
    assert "nothing was enforced" in capsys.readouterr().out


@pytest.mark.parametrize("option", ["--certificates-only", "--confirm", "--off"])
def test_on_a_machine_that_never_enrolled_there_is_nothing_to_enforce(
    box: Box, capsys: pytest.CaptureFixture[str], option: str
) -> None:
    assert main(["host", "enforce", option, "--root", str(box.root), "--sshd-config", str(box.config)]) == 10
    assert "this machine is not enrolled" in capsys.readouterr().err


def test_the_command_sees_a_door_that_was_opened_since(box: Box, capsys: pytest.CaptureFixture[str]) -> None:
    include = box.include()
    options = ["--root", str(box.root), "--sshd-config", str(box.config)]
    with box.running(include):
        box.enrol(with_reload=True)
        close(box)
        assert main(["host", "enforce", *options]) == 0
        (box.root / "etc/ssh/sshd_config.d/00-a.conf").write_text("Match User bob\nPasswordAuthentication yes\n")
        assert main(["host", "enforce", *options]) == 7
        assert "00-a.conf:2 sets passwordauthentication" in capsys.readouterr().err


def test_the_status_of_a_host_says_that_it_waits_to_be_confirmed(
    box: Box, capsys: pytest.CaptureFixture[str]
) -> None:
    def said(*options: str) -> str:
        main(["host", "status", "--root", str(box.root), *options])
        return capsys.readouterr().out

    with box.running():
        box.enrol(with_reload=True)
        assert "certificates only" not in said()
        close(box, "bob")
        assert "certificates only (but for bob) until " in (words := said())
        assert words.endswith("unless it is confirmed: daypass host enforce --confirm\n")
        assert '"confirm_until": "20' in said("--json")
        confirm(box.paths, lambda _: came_in())
        assert "certificates only (but for bob) since " in said()
        assert '"certificates_only": true' in (words := said("--json")) and '"confirm_until": null' in words


def test_lines_that_nothing_includes_any_more_are_taken_away_too(box: Box) -> None:
    with box.running(box.include()):
        box.enrol(with_reload=True)
        state = close(box)
        box.config.write_text(box.config.read_text().replace("Include", "# Include"))
        assert take_back(box.paths, box.sshd)
        assert not Path(state.path).exists()


def test_the_switch_waits_for_a_sync_that_is_busy_with_the_same_files(box: Box) -> None:
    with box.running():
        box.enrol(with_reload=True)
        state = close(box)
        with ThreadPoolExecutor(1) as threads:
            with alone(box.paths):
                options = ["--root", str(box.root), "--sshd-config", str(box.config)]
                undo = threads.submit(main, ["host", "enforce", "--undo", state.id, *options])
                with pytest.raises(TimeoutError):
                    undo.result(0.5)
            assert undo.result(30) == 0
        assert not box.paths.enforcement.exists()


IN_MATCH_OF_7_4 = {
    "authenticationmethods", "authorizedkeyscommand", "authorizedkeysfile", "hostbasedauthentication",
    "kbdinteractiveauthentication", "passwordauthentication",
}  # fmt: skip
"""Of servconf.c in OpenSSH 7.4: keywords with SSHCFG_ALL among those we write."""


def test_every_word_is_one_that_sshd_7_4_knows_inside_of_match(box: Box) -> None:
    box.write_config("AuthorizedKeysCommand /usr/bin/true", "AuthorizedKeysCommandUser nobody")
    match, *ours = enforcement.lines(box.sshd, ["bob"])
    assert match == "Match User *,!bob"
    assert {each.split()[0].lower() for each in ours} == IN_MATCH_OF_7_4
