"""Who came in by what: sshd's own words from the real sshd, what they can't be made to say, and the tally of them."""

from __future__ import annotations

import json
import time
from pathlib import Path

import msgspec
import pytest
from tests.host.box import Box
from tests.host.test_enrol import day_pass, login, owner_key
from tests.parts.openssh import Accounts, keygen, make_key, sign_key

from daypass.api import MAX_BODY, HostLogin, HostReport, HostReportKept
from daypass.cli.main import main
from daypass.host import reporting, tally
from daypass.host.account import Gate
from daypass.host.calls import Prove
from daypass.host.logins import Login, logins
from daypass.host.settings import Paths
from daypass.host.sshdlog import Line, from_journal, from_text
from daypass.host.state import State
from daypass.host.tally import Tally, added, collect

OURS, OTHERS, KEY = ("SHA256:" + letter * 43 for letter in "OTK")
NOW = 1_800_000_000
NOTHING = HostReport(since=0, until=0, trusted=True, logins=[])


def said(text: str) -> list[tuple[str, str, str]]:
    return [(each.account, each.way, each.what) for each in logins([Line(text, 7, NOW)], frozenset({OURS}))]


def accepted(what: str, method: str = "publickey", account: str = "alice") -> str:
    return f"Accepted {method} for {account} from 192.0.2.7 port 5022 ssh2{what}"


WORDS = [
    (accepted(f": ED25519-CERT {KEY} ID a@x.org (serial 7) CA ED25519 {OURS}"), ("certificate", "a@x.org")),
    (accepted(f": RSA-CERT ID a@x.org (serial 7) CA RSA {OURS}"), ("certificate", "a@x.org")),  # before 7.5
    (accepted(f": ED25519-CERT {KEY} ID b (serial 0) CA ED25519 {OTHERS}"), ("other-certificate", "b")),
    (accepted(f": ED25519 {KEY}"), ("key", KEY)),
    (accepted("", "password"), ("password", "password")),
    (accepted("", "keyboard-interactive/pam"), ("password", "keyboard-interactive/pam")),
    (accepted("", "hostbased"), ("other", "hostbased")),
]


@pytest.mark.parametrize(("text", "expected"), WORDS)
def test_each_way_in_is_told_from_the_others(text: str, expected: tuple[str, str]) -> None:
    assert said(text) == [("alice", *expected)]


LIES = [
    (accepted(f": K-CERT {KEY} ID x (serial 1) CA A {OURS} (serial 2) CA B {OTHERS}"), "other-certificate"),
    (accepted(f": ED25519 {KEY} ID x (serial 1) CA A {OURS}"), "key"),
]


@pytest.mark.parametrize(("text", "way"), LIES)
def test_a_key_id_of_another_ca_makes_nobody_one_of_ours(text: str, way: str) -> None:
    """A certificate's key id may hold any words: those at the line's end are sshd's."""
    assert [each[1] for each in said(text)] == [way]


@pytest.mark.parametrize(
    "text",
    [
        f"Failed password for invalid user {accepted('')} from 192.0.2.7 port 1 ssh2",
        f"Invalid user {accepted('', account='root')}",
        accepted("", account="a b"),
        accepted("") + "\nx",
        "Accepted publickey for alice",
    ],
)
def test_what_others_have_sshd_say_is_no_login(text: str) -> None:
    assert said(text) == []


def test_the_real_sshd_says_how_each_came_in(box: Box, accounts: Accounts) -> None:
    lines = ["LogLevel INFO"]
    old = owner_key(box, lines)
    other = make_key(box.root / "other_ca")
    keygen("-t", "ed25519", "-N", "", "-q", "-f", box.root / "theirs")
    sign_key(other, box.root / "theirs.pub", key_id="x (serial 1) CA ED25519", principals=("bob",))
    lines += [
        "Match User bob",
        f"TrustedUserCAKeys {other}.pub",
        f"AuthorizedPrincipalsFile {box.root}/own",
        "Match all",
    ]
    (box.root / "own").write_text("bob\n")
    with box.running(*lines, accounts=accounts) as sshd:
        box.enrol(with_reload=True)
        assert login(box, sshd, "alice", *day_pass(box, "role:dev:alice"))[0] == 0
        assert login(box, sshd, "alice", old)[0] == 0
        theirs = (f"IdentityFile={box.root}/theirs", f"CertificateFile={box.root}/theirs-cert.pub")
        assert login(box, sshd, "bob", *theirs)[0] == 0
        stamped = [f"Nov 23 14:00:00 h sshd[{n}]: {each}" for n, each in enumerate(sshd.log.splitlines())]
    found = list(logins(from_text(stamped, NOW), Gate.look(box.paths).trusted))
    ways = [("alice", "certificate"), ("alice", "key"), ("bob", "other-certificate")]
    assert [(each.account, each.way) for each in found] == ways
    assert (found[0].what, found[0].serial, found[0].ca) == (
        "test",
        1 << 32,
        next(iter(Gate.look(box.paths).trusted)),
    )
    assert found[1].what == keygen("-l", "-f", box.root / "old.pub").split()[1]


def one(account: str = "alice", way: str = "key", at: float = NOW, what: str = KEY) -> Login:
    return Login(account, way, what, at, 7, "192.0.2.7")


def test_a_tally_counts_each_way_and_remembers_first_and_last() -> None:
    found = added(added(NOTHING, [one(at=NOW)]), [one(at=NOW + 9), one(at=NOW - 9), one("bob", at=NOW + 1)])
    assert [(each.account, each.count, each.first - NOW, each.last - NOW) for each in found.logins] == [
        ("alice", 3, -9, 9),
        ("bob", 1, 1, 1),
    ]


def test_of_too_many_ways_the_latest_are_kept_and_the_rest_is_counted() -> None:
    found = added(NOTHING, [one(f"a{n}", at=NOW + n) for n in range(tally.MOST + 3)])
    assert (len(found.logins), found.dropped) == (tally.MOST, 3)
    assert found.logins[0].account == f"a{tally.MOST + 2}"


def test_what_is_sent_is_no_more_than_the_ca_reads() -> None:
    found = reporting.sendable(added(NOTHING, [one(f"a{n}", what="ä" * 128) for n in range(1000)]))
    assert len(msgspec.json.encode(found)) < MAX_BODY
    assert 0 < len(found.logins) <= 200
    assert found.dropped == 1000 - len(found.logins)


def write_log(box: Box, *messages: str, name: str = "auth.log") -> None:
    folder = box.root / "var/log"
    folder.mkdir(parents=True, exist_ok=True)
    stamp = time.strftime("%b %e %H:%M:%S", time.localtime(NOW))
    (folder / name).write_text("".join(f"{stamp} web-1 sshd[7]: {each}\n" for each in messages))


def test_a_log_that_is_rotated_is_counted_once(box: Box) -> None:
    box.enrol()
    write_log(box, accepted(f": ED25519 {KEY}"))
    first = collect(box.paths, NOW + 60)
    write_log(box, accepted(f": ED25519 {KEY}"), name="auth.log.1")
    write_log(box)
    again = collect(box.paths, NOW + 120)
    assert [each.count for each in first.logins] == [each.count for each in again.logins] == [1]
    assert not again.trusted, "others than root can write to a log"


def test_a_machine_that_is_not_enrolled_tells_and_keeps_nothing(box: Box) -> None:
    write_log(box, accepted(f": ED25519 {KEY}"))
    assert [each.account for each in collect(box.paths, NOW + 60).logins] == ["alice"]
    assert not box.paths.memory.exists()


def test_a_broken_tally_is_begun_anew(box: Box) -> None:
    box.enrol()
    write_log(box, accepted(f": ED25519 {KEY}"))
    box.paths.logins.write_text("{")
    assert len(collect(box.paths, NOW + 60).logins) == 1


def test_the_journal_is_read_on_behind_the_last_cursor() -> None:
    entry = {"_UID": "0", "_EXE": "/usr/sbin/sshd", "_PID": "7", "MESSAGE": accepted(f": ED25519 {KEY}")}
    entries = [entry | {"__REALTIME_TIMESTAMP": f"{NOW + n}000000", "__CURSOR": f"c{n}"} for n in range(3)]
    forged = [
        entry | {"_EXE": "/usr/bin/logger", "__CURSOR": "c8"},
        entry | {"_UID": "1000", "__CURSOR": "c9", "SYSLOG_IDENTIFIER": "sshd"},
    ]
    lines = from_journal(json.dumps(each) for each in [*forged, *entries])
    found = Tally(report=NOTHING).counted(lines, Gate(Paths()), NOW, journal=True)
    assert (found.cursor, found.report.trusted, [each.count for each in found.report.logins]) == ("c2", True, [3])
    assert Tally(report=found.report).counted([], Gate(Paths()), NOW, journal=False).report.trusted is False


class Listening:
    def __init__(self) -> None:
        self.heard = list[HostReport]()

    def host_report(self, report: HostReport, prove: Prove) -> HostReportKept:
        assert prove("POST", "/v1/host/report", b"").startswith("Daypass-Host ")
        self.heard.append(report)
        return HostReportKept(reported_at=NOW)


def test_the_ca_is_told_once_an_hour(box: Box) -> None:
    box.enrol()
    write_log(box, accepted(f": ED25519 {KEY}"))
    state, ca, now = State.load(box.paths.state), Listening(), int(time.time())
    assert state is not None
    for later in (0, 60, 3599, 3605):
        reporting.report_due(box.paths, state, ca, now + later)
    assert len(ca.heard) == 2
    assert ca.heard[0].enforced is False


def report(box: Box, *options: str | Path) -> int:
    return main(["host", "report", "--root", str(box.root), *map(str, options)])


def test_the_report_names_who_still_comes_by_key(box: Box, capsys: pytest.CaptureFixture[str]) -> None:
    box.enrol()
    ca = next(iter(Gate.look(box.paths).trusted))
    by_certificate = accepted(f": ED25519-CERT {KEY} ID a@x.org (serial 7) CA ED25519 {ca}", account="bob")
    write_log(box, by_certificate, accepted(f": ED25519 {KEY}"))
    log = box.root / "var/log/auth.log"
    assert report(box, "--log", log) == 1
    shown = capsys.readouterr()
    assert f"alice  by key {KEY}  1 time, last " in shown.out
    assert "bob  by certificate a@x.org  1 time" in shown.out
    assert "can forge" in shown.err
    assert report(box, "--log", log, "--old", "--json") == 1
    assert [each["account"] for each in json.loads(capsys.readouterr().out)["logins"]] == ["alice"]
    write_log(box, by_certificate)
    assert report(box, "--log", log, "--old") == 0
    assert "everybody came in by certificate" in capsys.readouterr().out


def test_a_login_of_the_fleet_is_a_line(capsys: pytest.CaptureFixture[str]) -> None:
    from daypass.api import HostLogins
    from daypass.cli.host_report import _tell_host

    key = HostLogin(account="alice", way="key", what="\x1b[2J", count=2, first=NOW, last=NOW)
    told = HostReport(since=0, until=NOW, trusted=True, logins=[key], enforced=True)
    assert not _tell_host(HostLogins(host="web-1", reported_at=NOW, report=told), old=True, as_json=False)
    assert not _tell_host(HostLogins(host="web-2", reported_at=None, report=None), old=True, as_json=False)
    shown = capsys.readouterr().out
    assert "certificates only\n  alice  by key \ufffd[2J  2 times" in shown
    assert "web-2  has reported nothing yet" in shown
