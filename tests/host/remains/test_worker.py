"""The agent has another process look, and goes on listening meanwhile."""

from __future__ import annotations

import os
import time

import pytest
from tests.host.remains.homes import ALICE, Homes, key_line
from tests.parts.processes import wait_until

from daypass.errors import Misconfigured
from daypass.host.remains import worker
from daypass.host.remains.memory import Memory, by_itself
from daypass.host.remains.worker import Worker
from daypass.host.settings import Paths

KEYS = ".ssh/authorized_keys"


def test_a_look_is_done_by_another_process(homes: Homes) -> None:
    keys, mine = homes.put("alice", KEYS, key_line()[0]), Worker()
    homes.ended()
    assert mine.turn(homes.box.paths, homes.now) == ""
    assert mine.wait() == ""
    assert not keys.exists()
    assert list(Memory.load(homes.box.paths).endings) == [f"e-{ALICE}"]
    assert mine.turn(homes.box.paths, homes.now) == ""
    assert mine.idle


def test_nobody_is_sent_where_nothing_has_ended(homes: Homes) -> None:
    mine = Worker()
    assert mine.turn(homes.box.paths, homes.now) == ""
    assert mine.idle


def test_one_that_takes_its_time_keeps_nothing_waiting(homes: Homes, monkeypatch: pytest.MonkeyPatch) -> None:
    clock, mine = [0.0], Worker(lambda: clock[0])
    homes.ended()
    monkeypatch.setattr(worker, "look", lambda _paths, _now: time.sleep(600))
    assert mine.turn(homes.box.paths, homes.now) == ""
    assert not mine.idle
    assert mine.turn(homes.box.paths, homes.now) == ""
    clock[0] = 1000
    assert "could not be looked at" in mine.wait()
    assert mine.idle


@pytest.mark.parametrize("error", [Misconfigured("no"), PermissionError(), ZeroDivisionError()])
def test_one_that_fails_is_told_of_and_sent_again(
    homes: Homes, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    mine = Worker()
    homes.ended()

    def fail(_paths: Paths, _now: float) -> bool:
        raise error

    monkeypatch.setattr(worker, "look", fail)
    mine.turn(homes.box.paths, homes.now)
    assert "daypass host remains says why" in mine.wait()
    monkeypatch.undo()
    mine.turn(homes.box.paths, homes.now)
    assert mine.wait() == ""
    assert list(Memory.load(homes.box.paths).endings) == [f"e-{ALICE}"]


def test_two_looks_are_never_in_each_others_way(homes: Homes) -> None:
    from daypass.host.remains.work import look

    homes.ended()
    with by_itself(homes.box.paths) as free:
        assert free
        assert not look(homes.box.paths, homes.now)
    assert look(homes.box.paths, homes.now)


def test_a_look_that_was_killed_is_begun_again(homes: Homes, monkeypatch: pytest.MonkeyPatch) -> None:
    mine = Worker()
    homes.ended()
    monkeypatch.setattr(worker, "look", lambda _paths, _now: os.kill(os.getpid(), 9))
    mine.turn(homes.box.paths, homes.now)
    assert mine.wait() != ""
    monkeypatch.undo()
    mine.turn(homes.box.paths, homes.now)
    wait_until(lambda: mine.turn(homes.box.paths, homes.now) == "" and mine.idle, "the look to be done")
