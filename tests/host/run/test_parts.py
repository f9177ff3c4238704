"""Waits, words and signals of the agent."""

from __future__ import annotations

import os
import signal
import socket
import threading
import time
from pathlib import Path

import pytest

from daypass.host.run.pace import BackOff
from daypass.host.run.systemd import Stopped, Stops, notify
from daypass.host.run.voice import AGAIN, Level, Voice


def most(_: float, limit: float) -> float:
    return limit


def test_each_failure_doubles_the_longest_wait_up_to_a_limit_and_a_good_try_ends_it() -> None:
    waits = BackOff(20, 300, most)
    assert [waits.next() for _ in range(6)] == [20, 40, 80, 160, 300, 300]
    waits.well()
    assert waits.next() == 20


def test_ten_thousand_hosts_do_not_come_back_at_once() -> None:
    seconds = [int(BackOff(20, 300).next()) for _ in range(10_000)]
    assert max(seconds.count(each) for each in range(20)) < 700


def test_what_the_ca_asks_for_is_heeded_and_can_not_send_a_host_away_for_good() -> None:
    assert BackOff(20, 300, most).next(30) == 50
    assert BackOff(20, 300, most).next(10**9) == 620
    assert BackOff(20, 300, most).next(-5) == 20


class Ear:
    def __init__(self) -> None:
        self.heard = list[str]()
        self.now = 0.0
        self.voice = Voice(write=self.heard.append, clock=lambda: self.now)


def test_the_same_trouble_is_said_once_and_again_when_it_is_worse_or_hours_old() -> None:
    ear = Ear()
    quiet, loud = Level.NOTICE, Level.ERR
    for now, level in [(0, quiet), (1, quiet), (2, loud), (3, Level.WARNING), (AGAIN + 9, loud)]:
        ear.now = now
        ear.voice.complain("ca", level, f"at {now:g}")
    assert ear.heard == ["<5>at 0\n", "<3>at 2\n", f"<3>at {AGAIN + 9:g}\n"]


def test_the_end_of_a_trouble_is_said_if_it_was_told() -> None:
    ear = Ear()
    ear.voice.over("ca", "again")
    ear.voice.complain("round a", Level.ERR, "a")
    ear.voice.complain("round b", Level.ERR, "b")
    ear.voice.over_all("round ", "again", except_for={"round b"})
    assert ear.heard == ["<3>a\n", "<3>b\n", "<5>again\n"]


def test_nobody_writes_a_line_of_their_own_into_the_journal() -> None:
    ear = Ear()
    ear.voice.say(Level.ERR, "one\n<0>two\x1b[2J\u202e")
    assert ear.heard == ["<3>one <0>two [2J \n"]


def test_a_journal_that_takes_nothing_stops_nobody() -> None:
    def full(_: str) -> None:
        raise OSError(28, "No space left on device")

    Voice(write=full).say(Level.ERR, "words")


def test_systemd_hears_what_it_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as ear:
        ear.bind(str(tmp_path / "notify"))
        monkeypatch.setenv("NOTIFY_SOCKET", str(tmp_path / "notify"))
        notify("READY=1", "STATUS=well")
        assert ear.recv(99) == b"READY=1\nSTATUS=well"


@pytest.mark.parametrize("where", ["", "relative", "/nowhere"])
def test_where_nobody_listens_nothing_is_told(where: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NOTIFY_SOCKET", where)
    notify("READY=1")


@pytest.fixture
def stops() -> object:
    before = {each: signal.getsignal(each) for each in (signal.SIGTERM, signal.SIGINT)}
    made = Stops()
    made.listen()
    yield made
    for each, handler in before.items():
        signal.signal(each, handler)


def test_a_stop_ends_a_wait_at_once(stops: Stops) -> None:
    threading.Timer(0.1, lambda: os.kill(os.getpid(), signal.SIGTERM)).start()
    began = time.monotonic()
    with pytest.raises(Stopped):
        stops.pause(60)
    assert time.monotonic() - began < 30


def test_a_stop_in_the_middle_of_an_act_waits_for_its_end(stops: Stops) -> None:
    os.kill(os.getpid(), signal.SIGTERM)
    with pytest.raises(Stopped):
        stops.pause(0)
