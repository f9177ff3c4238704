"""Checks can't harm each other, and none can hold up the doctor."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator

import pytest

from daypass import connection
from daypass.client.doctor.report import Check, Finding, Once, State, failed, note, ok, problem, run
from daypass.errors import Denied, Unavailable


def fine() -> Iterator[Finding]:
    yield ok("fine")
    yield note("worth knowing", "look")


def denies() -> Iterator[Finding]:
    raise Denied("the answer is no", hint="ask")


def breaks() -> Iterator[Finding]:
    yield ok("so far")
    raise RuntimeError("eyJ.a.token")


def unreadable() -> Iterator[Finding]:
    raise PermissionError(13, "Permission denied", "/home/ann/x")


def hangs() -> Iterator[Finding]:
    time.sleep(30)
    yield ok("never")


def test_one_that_hangs_breaks_or_is_refused_is_a_line_and_the_others_go_on() -> None:
    looks = (hangs, denies, breaks, unreadable, fine)
    results = list(run([Check(look.__name__, look, seconds=0.3) for look in looks]))
    assert [each.name for each in results] == ["hangs", "denies", "breaks", "unreadable", "fine"]
    assert [each.findings[0].state for each in results] == [*[State.PROBLEM] * 4, State.OK]
    told = [each.findings[0].text for each in results]
    assert told[:2] == ["did not end within 0.3 s", "the answer is no"] and results[1].findings[0].hint == "ask"
    assert "RuntimeError" in told[2] and "eyJ" not in told[2]
    assert told[3] == "/home/ann/x: Permission denied"


def test_they_run_side_by_side() -> None:
    met = threading.Barrier(3, timeout=10)

    def look() -> list[Finding]:
        met.wait()
        return [ok("met the others")]

    results = list(run([Check(str(each), look) for each in range(3)]))
    assert {each.findings[0].text for each in results} == {"met the others"}


def test_what_several_need_is_fetched_once_and_so_is_its_error() -> None:
    asked = list[int]()

    def fetch() -> int:
        asked.append(1)
        if len(asked) > 1:
            raise Unavailable("gone")
        return 7

    good, bad = Once(fetch), Once(fetch)
    assert (good(), good()) == (7, 7)
    for _ in range(2):
        with pytest.raises(Unavailable, match="gone"):
            bad()
    assert len(asked) == 2


@pytest.mark.parametrize(
    ("hint", "left"),
    [
        (connection._NETWORK, "check the URL, and whether you are on the VPN"),
        ("try again; if it stays so: daypass doctor", "try again"),
        ("run: daypass login", "run: daypass login"),
        (None, ""),
    ],
)
def test_nobody_is_sent_to_the_doctor_by_the_doctor(hint: str | None, left: str) -> None:
    assert failed(Unavailable("no answer", hint=hint)) == problem("no answer", left)


def test_a_problem_says_what_to_do() -> None:
    assert problem("x", "do y").hint == "do y"
