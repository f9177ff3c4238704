"""Noise where break-glass is seen: from sshd's own words to a terminal, to syslog, and to the CA once it is back."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
from tests.host.box import Box
from tests.host.fake_ca import public
from tests.host.test_breakglass import GLASS, OTHER, announce
from tests.host.test_enforce import READY, came

from daypass.api import HostReport
from daypass.errors import Unavailable
from daypass.host.acking import acknowledge
from daypass.host.enforce import refuse_unready
from daypass.host.logins import Login, logins
from daypass.host.noise import Alarms, alarm, told_of, unheard
from daypass.host.sshdlog import Line
from daypass.host.state import State
from daypass.host.worries import worries

PRINT = public(GLASS).fingerprint


def line(ca: str = PRINT, key_id: str = "break-glass:alice", pid: int = 7) -> Line:
    what = f"ED25519-CERT SHA256:{'K' * 43} ID {key_id} (serial 9) CA ED25519 {ca}"
    text = f"Accepted publickey for deploy from 192.0.2.7 port 5022 ssh2: {what}"
    return Line(text, pid, time.time(), boot="b", uptime=3.0)


def seen(*lines: Line) -> list[Login]:
    return list(logins(lines, frozenset({"SHA256:" + "U" * 43}), frozenset({PRINT})))


@pytest.fixture(autouse=True)
def shouted(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> list[str]:
    """What went to every terminal and to syslog; a machine does both for real."""
    found = list[str]()
    wall = tmp_path / "wall"
    wall.write_text(f'#!/bin/sh\nprintf "%s\\n" "$1" >> {tmp_path}/heard\n')
    wall.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    monkeypatch.setattr("syslog.syslog", lambda level, text: found.append(f"{level} {text}"))
    return found


def test_it_is_told_from_every_other_way_in() -> None:
    (login,) = seen(line())
    assert (login.way, login.what) == ("break-glass", "break-glass:alice")
    (other,) = seen(line(ca=public(OTHER).fingerprint))
    assert other.way == "other-certificate"


def test_each_login_is_shouted_once_and_kept_until_the_ca_has_heard_it(
    box: Box, shouted: list[str], tmp_path: Path
) -> None:
    announce(box)
    box.enrol()
    box.sync()
    acknowledge(box.paths, box.ca)
    assert alarm(box.paths, seen(line(), line(pid=8), line(ca=public(OTHER).fingerprint)))
    assert alarm(box.paths, seen(line())) == [], "read twice, it is the same"
    assert len(shouted) == 2
    assert shouted[0].startswith('1 BREAK-GLASS: "break-glass:alice" came in as "deploy" from "192.0.2.7"')
    assert len((tmp_path / "heard").read_text().splitlines()) == 2
    box.ca.ack_error = Unavailable("away")
    with pytest.raises(Unavailable):
        acknowledge(box.paths, box.ca)
    assert len(unheard(box.paths)) == 2
    box.ca.ack_error = None
    acknowledge(box.paths, box.ca)
    told = box.ca.acked[-1].break_glass
    assert [(each.account, each.key_id, each.serial, each.ca) for each in told] == [
        ("deploy", "break-glass:alice", 9, PRINT)
    ] * 2
    assert unheard(box.paths) == []
    assert acknowledge(box.paths, box.ca) is None


def test_what_others_wrote_reaches_no_terminal_as_it_is(box: Box, shouted: list[str]) -> None:
    box.enrol()
    alarm(box.paths, seen(line(key_id="\x1b]0;x\x07 alice")))
    assert "\x1b" not in shouted[0]
    assert "\x07" not in shouted[0]


def test_status_worries_for_a_day(box: Box) -> None:
    box.enrol()
    state = State.load(box.paths.state)
    assert state is not None
    (found,) = alarm(box.paths, seen(line()))
    assert told_of(found) in [each.text for each in worries(box.paths, state, time.time())]
    assert not [each for each in worries(box.paths, state, time.time() + 90000) if "BREAK-GLASS" in each.text]


def test_a_broken_memory_of_alarms_is_begun_anew(box: Box) -> None:
    box.enrol()
    box.paths.alarms.write_text("{")
    assert alarm(box.paths, seen(line()))
    assert len(Alarms.load(box.paths.alarms).logins) == 1


def test_it_is_neither_a_key_that_stands_against_certificates_only_nor_a_proof_for_it() -> None:
    now = READY.last
    report = HostReport(since=0, until=now, trusted=True, logins=[READY, came("deploy", "break-glass")])
    refuse_unready(report, (), now, 7 * 86400)
