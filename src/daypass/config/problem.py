"""One mistake in a configuration file, and how it is said."""

from __future__ import annotations

import difflib
import json
import re
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

__all__ = [
    "Problem",
    "Severity",
    "did_you_mean",
    "error",
    "errors_in",
    "key_path",
    "quoted",
    "warning",
    "warnings_in",
]

_BARE_KEY = re.compile(r"[A-Za-z0-9_-]{1,64}")
_SHOWN = 60  # characters of a wrong value or key


class Severity(StrEnum):
    ERROR = "error"
    WARNING = "warning"


@dataclass(frozen=True, slots=True)
class Problem:
    """`path`: the key, as `roles[2].accounts[0]` counted from 0; empty for the file as a whole. `file`: the included
    file that it counts in, empty for the main one.

    str() gives `file: path: message (suggestion)`. Values of secret keys and database URLs are never in it.
    """

    path: str
    message: str
    suggestion: str = ""
    severity: Severity = Severity.ERROR
    file: str = ""

    def __str__(self) -> str:
        place = "".join(f"{each}: " for each in (self.file, self.path) if each)
        return place + self.message + (f" ({self.suggestion})" if self.suggestion else "")


def error(path: str, message: str, suggestion: str = "", file: str = "") -> Problem:
    return Problem(path, message, suggestion, file=file)


def warning(path: str, message: str, suggestion: str = "") -> Problem:
    return Problem(path, message, suggestion, Severity.WARNING)


def errors_in(found: Iterable[Problem]) -> list[Problem]:
    return [problem for problem in found if problem.severity is Severity.ERROR]


def warnings_in(found: Iterable[Problem]) -> list[Problem]:
    return [problem for problem in found if problem.severity is Severity.WARNING]


def quoted(text: str) -> str:
    """The text in double quotes, cut short, with nothing in it that a terminal would act on."""
    return json.dumps(text if len(text) <= _SHOWN else text[:_SHOWN] + "...")


def key_path(parent: str, key: str) -> str:
    name = key if _BARE_KEY.fullmatch(key) else quoted(key)
    return f"{parent}.{name}" if parent else name


def did_you_mean(word: str, choices: Iterable[str]) -> str:
    """`did you mean "groups"?`, or nothing where no choice is near."""
    near = difflib.get_close_matches(word[:_SHOWN].lower(), list(choices), n=1, cutoff=0.6)
    return f'did you mean "{near[0]}"?' if near else ""
