"""The agent has another process look, and goes on listening meanwhile."""

from __future__ import annotations

import subprocess
import sys
import time

import pytest
from tests.host.remains.homes import ALICE, Homes, key_line
from tests.parts.processes import wait_until

from daypass.cli.main import main
from daypass.errors import Unavailable
from daypass.host.remains.memory import Memory, by_itself
from daypass.host.remains.work import look
from daypass.host.remains.worker import Worker

KEYS = ".ssh/authorized_keys"


def test_a_look_is_done_by_another_process(homes: Homes) -> None:
    done, keys = list[int](), homes.put("alice", KEYS, key_line()[0])
    mine = Worker(lambda: done.append(1))
    homes.ended()
    assert mine.turn(homes.box.paths, homes.now) == ""
    assert mine.wait() == ""
    assert not keys.exists()
    assert list(Memory.load(homes.box.paths).endings) == [f"e-{ALICE}"]
    wait_until(lambda: done == [1], "somebody to be told")
    assert mine.turn(homes.box.paths, time.time()) == ""
    assert mine.idle


def test_nobody_is_sent_where_nothing_has_ended(homes: Homes) -> None:
    mine = Worker()
    assert mine.turn(homes.box.paths, homes.now) == ""
    assert mine.idle


def test_one_that_takes_its_time_keeps_nothing_waiting(homes: Homes) -> None:
    clock = [0.0]
    mine = Worker(command=lambda _paths: ["sleep", "600"], clock=lambda: clock[0])
    homes.ended()
    assert mine.turn(homes.box.paths, homes.now) == ""
    assert not mine.idle
    assert mine.turn(homes.box.paths, homes.now) == ""
    clock[0] = 1000
    assert "could not be looked at" in mine.wait()
    assert mine.idle


@pytest.mark.parametrize("script", ["exit 1", "kill -9 $$"])
def test_one_that_fails_or_is_killed_is_told_of_and_another_is_sent(homes: Homes, script: str) -> None:
    scripts = [["sh", "-c", script], [sys.executable, "-c", ""]]
    mine = Worker(command=lambda _paths: scripts.pop(0))
    homes.ended()
    mine.turn(homes.box.paths, homes.now)
    assert "daypass host remains --look says why" in mine.wait()
    mine.turn(homes.box.paths, homes.now)
    assert mine.wait() == ""
    assert scripts == []


def test_where_nobody_can_be_sent_it_is_said(homes: Homes) -> None:
    homes.ended()
    with pytest.raises(Unavailable, match="/nowhere can't be run"):
        Worker(command=lambda _paths: ["/nowhere"]).turn(homes.box.paths, homes.now)


def test_two_looks_are_never_in_each_others_way(homes: Homes) -> None:
    homes.ended()
    with by_itself(homes.box.paths) as free:
        assert free
        assert not look(homes.box.paths, homes.now)
    assert look(homes.box.paths, homes.now)


def test_what_goes_wrong_is_said_by_whoever_looks(homes: Homes, capfd: pytest.CaptureFixture[str]) -> None:
    homes.ended()
    homes.box.paths.remains.write_text("{")
    with pytest.raises(subprocess.CalledProcessError):
        subprocess.run(Worker().command(homes.box.paths), check=True)
    assert "can't be understood" in capfd.readouterr().err
    assert main(["host", "remains", "--root", str(homes.box.root)]) != 0
