"""Checks that can't harm each other: each in a thread of its own, with an end to it, told in their order."""

from __future__ import annotations

import logging
import queue
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Generic, TypeVar

from daypass.errors import DaypassError

__all__ = ["Check", "Finding", "Once", "Result", "State", "failed", "note", "ok", "problem", "run"]

_US = "daypass doctor"
SECONDS = 20.0  # for one check; network steps inside have less
_log = logging.getLogger(__name__)
_Value = TypeVar("_Value")


class State(StrEnum):
    OK = "ok"
    NOTE = "note"
    PROBLEM = "problem"


@dataclass(frozen=True, slots=True)
class Finding:
    """One line: how it is, and what to do next where that is not well. Never holds a secret."""

    state: State
    text: str
    hint: str = ""


def ok(text: str) -> Finding:
    return Finding(State.OK, text)


def note(text: str, hint: str = "") -> Finding:
    """Worth knowing; nothing has to be done."""
    return Finding(State.NOTE, text, hint)


def problem(text: str, hint: str) -> Finding:
    return Finding(State.PROBLEM, text, hint)


def failed(error: DaypassError) -> Finding:
    """The problem that an error tells, without its advice to ask us."""
    return problem(error.message, "; ".join(each for each in (error.hint or "").split("; ") if _US not in each))


@dataclass(frozen=True, slots=True)
class Check:
    """Something to look at. `look` may raise any of the error tree: that is a problem, in its words."""

    name: str
    look: Callable[[], Iterable[Finding]]
    seconds: float = SECONDS


@dataclass(frozen=True, slots=True)
class Result:
    """What a check found, and the seconds it took."""

    name: str
    findings: tuple[Finding, ...]
    seconds: float


def run(checks: Sequence[Check]) -> Iterator[Result]:
    """All at once; the results in the checks' order, each as soon as it is known."""
    began = time.monotonic()
    running = [(check, _start(check)) for check in checks]
    for check, answer in running:
        left = max(0.0, began + check.seconds - time.monotonic())
        try:
            result = answer.get(timeout=left)
        except queue.Empty:
            late = problem(
                f"did not end within {check.seconds:g} s", "run it again; daypass doctor -v shows the steps"
            )
            result = Result(check.name, (late,), check.seconds)
        for each in result.findings:
            _log.debug("%s: %s: %s", result.name, each.state, each.text)
        yield result


def _start(check: Check) -> queue.SimpleQueue[Result]:
    answer: queue.SimpleQueue[Result] = queue.SimpleQueue()

    def work() -> None:
        began = time.monotonic()
        findings = _findings(check)
        answer.put(Result(check.name, findings, time.monotonic() - began))

    threading.Thread(target=work, daemon=True).start()
    return answer


def _findings(check: Check) -> tuple[Finding, ...]:
    """A check that fails is a finding too; of a fault its kind alone, since its text may hold anything."""
    try:
        return tuple(check.look())
    except DaypassError as error:
        return (failed(error),)
    except OSError as error:
        return (problem(f"{error.filename or 'this machine'}: {error.strerror or type(error).__name__}", ""),)
    except Exception as error:
        hint = "this is a bug; please report it with what DAYPASS_DEBUG=1 prints"
        return (problem(f"the check itself failed ({type(error).__name__})", hint),)


class Once(Generic[_Value]):
    """What several checks need and one fetches; the others wait for it, and share its error."""

    def __init__(self, fetch: Callable[[], _Value]) -> None:
        self._fetch, self._lock = fetch, threading.Lock()
        self._values: list[_Value] = []
        self._error: Exception | None = None

    def __call__(self) -> _Value:
        with self._lock:
            if self._error is None and not self._values:
                try:
                    self._values.append(self._fetch())
                except Exception as error:
                    self._error = error
        if self._error is not None:
            raise self._error
        return self._values[0]
