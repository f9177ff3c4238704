"""How often somebody is asked, and for how long: nothing here waits, since the pauses are only written down."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest

from daypass.client.signin import polling
from daypass.client.signin.polling import Polling
from daypass.errors import Denied, Throttled, Unavailable


@pytest.fixture
def slept(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    pauses: list[float] = []
    monkeypatch.setattr(time, "sleep", pauses.append)
    return pauses


def answering(*answers: str | Exception | None) -> Callable[[], str | None]:
    waiting = list(answers)

    def ask() -> str | None:
        answer = waiting.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer

    return ask


EARLY, BUSY = Throttled("too early"), Throttled("too early", retry_after=45)
PAUSES: list[tuple[str, float, list[str | Exception | None], list[float]]] = [
    ("as often as is wanted", 5, [None, None, "yes"], [5, 5, 5]),
    ("never without a pause", 0, [None, "yes"], [1, 1]),
    ("never with less than none", -5, ["yes"], [1]),
    ("never once in an hour", 3600, ["yes"], [60]),
    ("five seconds more each time (RFC 8628 3.5)", 5, [EARLY, None, EARLY, "yes"], [5, 10, 10, 15]),
    ("as late as it says", 5, [BUSY, "yes"], [5, 45]),
    ("and no later than a minute", 5, [BUSY, EARLY, EARLY, EARLY, EARLY, "yes"], [5, 45, 50, 55, 60, 60]),
]


@pytest.mark.parametrize(
    ("interval", "answers", "pauses"), [row[1:] for row in PAUSES], ids=[row[0] for row in PAUSES]
)
def test_it_is_asked(
    interval: float, answers: list[str | Exception | None], pauses: list[float], slept: list[float]
) -> None:
    assert Polling("the CA", interval, print).until(answering(*answers), 600) == "yes"
    assert slept == pauses


def test_nothing_in_time_is_none(slept: list[float]) -> None:
    assert Polling("the CA", 5, print).until(answering(), 4) is None
    assert slept == []


def test_a_no_ends_it(slept: list[float]) -> None:
    with pytest.raises(Denied):
        Polling("the CA", 5, print).until(answering(None, Denied("no")), 600)


def test_silence_is_told_once_each_time_and_survived(slept: list[float]) -> None:
    said: list[str] = []
    gone = Unavailable("gone")
    assert Polling("the CA", 5, said.append).until(answering(gone, gone, None, gone, "yes"), 600) == "yes"
    assert said == ["the CA does not answer; still trying"] * 2


def test_silence_of_a_minute_ends_it(slept: list[float], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(polling, "HICCUP", -1.0)
    with pytest.raises(Unavailable):
        Polling("the CA", 5, print).until(answering(Unavailable("gone"), Unavailable("gone")), 600)
