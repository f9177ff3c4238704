"""One at a time, and for how long a failure speaks for those who come later."""

from __future__ import annotations

import multiprocessing
import time
from multiprocessing.synchronize import Event
from pathlib import Path

import pytest

from daypass.client.openssh import waiting
from daypass.client.openssh.waiting import Failure
from daypass.client.settings import Context
from daypass.errors import Misconfigured, Unavailable

NOW = 1_000_000.0
HOUR = 3600

STANDS = [
    # seconds ago, was asked, at a terminal, the command began seconds ago -> stands
    (5, False, True, 0, True),
    (5, False, False, 0, True),
    (61, False, True, 0, False),
    (61, False, True, 300, False),
    (5, True, True, 1, False),
    (5, True, True, 10, True),
    (5, True, False, 1, True),
    (7 * HOUR, True, False, 1, True),
    (7 * HOUR, True, True, 8 * HOUR, True),
    (9 * HOUR, True, False, 1, False),
    (9 * HOUR, True, True, 10 * HOUR, False),
    (-60, False, True, 0, False),
    (-60, True, False, 0, False),
]


@pytest.mark.parametrize(("ago", "was_asked", "at_terminal", "began", "stands"), STANDS)
def test_a_failure_speaks_for_those_it_should(
    ago: float, was_asked: bool, at_terminal: bool, began: float, stands: bool
) -> None:
    failure = Failure(NOW - ago, was_asked, "down")
    assert failure.stands(NOW, at_terminal=at_terminal, since=NOW - began) is stands


@pytest.fixture
def context(tmp_path: Path) -> Context:
    return Context("firm", tmp_path)


def test_what_is_noted_is_read_again(context: Context) -> None:
    assert waiting.last(context) is None
    waiting.note(context, Failure(NOW, was_asked=True, message="nobody signed in"))
    assert waiting.last(context) == Failure(NOW, was_asked=True, message="nobody signed in")


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b'{"when": "x"}', b"\xff"])
def test_a_note_that_can_t_be_read_is_none(content: bytes, context: Context) -> None:
    context.failure.write_bytes(content)
    assert waiting.last(context) is None


def hold(context: Context, begun: Event, end: Event) -> None:
    with waiting.alone(context, 5, lambda: False):
        begun.set()
        end.wait(20)


@pytest.fixture
def held(context: Context) -> multiprocessing.Process:
    """Another process that is at it."""
    fork = multiprocessing.get_context("spawn")
    begun, end = fork.Event(), fork.Event()
    process = fork.Process(target=hold, args=(context, begun, end), daemon=True)
    process.start()
    assert begun.wait(20)
    return process  # type: ignore[return-value]


def test_others_wait_and_give_up_in_time(context: Context, held: multiprocessing.Process) -> None:
    with pytest.raises(Unavailable, match="still going on"), waiting.alone(context, 0.1, lambda: False):
        raise AssertionError
    held.kill()
    held.join()


def test_they_go_on_as_soon_as_there_is_what_they_wait_for(context: Context, held: multiprocessing.Process) -> None:
    start = time.monotonic()
    with waiting.alone(context, 20, lambda: time.monotonic() > start + 0.2) as done:
        assert done
    held.kill()
    held.join()


def test_the_lock_goes_with_its_holder(context: Context, held: multiprocessing.Process) -> None:
    held.kill()
    held.join()
    with waiting.alone(context, 5, lambda: False) as done:
        assert not done


def test_a_folder_that_can_t_be_written_is_told(context: Context) -> None:
    context.sign_in_lock.mkdir()
    with pytest.raises(Misconfigured, match="can't write"), waiting.alone(context, 1, lambda: False):
        raise AssertionError
