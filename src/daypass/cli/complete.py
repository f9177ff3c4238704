"""`daypass __complete WORDS… CURRENT`: what a shell offers when Tab is pressed. Run at each press, so without click.

Answers lines of `candidate TAB description`, or `:file` where the shell should complete a path. What is offered
stands in `words`, which is made from the commands themselves; hosts come from the signed list of the last login.
"""

# pathlib costs as much as all the rest.
# ruff: noqa: PTH118, PTH208

from __future__ import annotations

import os

from daypass.cli.output import data, printable
from daypass.cli.words import WORDS
from daypass.client import place

TYPE_CHECKING = False  # importing typing for it would cost more than all the rest
if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

__all__ = ["candidates", "complete"]

_FILE = ":file"


def complete(arguments: Sequence[str]) -> int:
    """The last word is the one that is being typed. Never fails: a shell would show it in the middle of a line."""
    try:
        for line in candidates(list(arguments)):
            data(line)
    except (OSError, ValueError):
        return 1
    return 0


def candidates(words: list[str]) -> list[str]:
    """Lines for `words`, of which the last is being typed; descriptions behind a tab."""
    current = words.pop() if words else ""
    path, option, place_of_argument = _where(_as_typed(words))
    commands, options, arguments = WORDS[path]
    name, equals, value = current.partition("=")
    if equals and name in options:
        return [f"{name}={line}" for line in _values(options[name][0], value)]
    if option:
        return _values(option, current)
    if current.startswith("-"):
        return _offered(current, ((each, text) for each, (_, text) in options.items()))
    if commands:
        return _offered(current, commands.items())
    return _values(arguments[min(place_of_argument, len(arguments) - 1)], current) if arguments else []


def _as_typed(words: list[str]) -> list[str]:
    """bash splits at = and @ as well; what it split is put right, as far as it matters here."""
    found: list[str] = []
    for word in words:
        if word == "@" and found:
            found.pop()
        elif word != "=":
            found.append(word)
    return found


def _where(words: list[str]) -> tuple[str, str, int]:
    """Which command, what the option before the cursor takes ("" for none), and how many arguments there are."""
    path, taking, count = "", "", 0
    for word in words:
        commands, options, _ = WORDS[path]
        if taking:
            taking = ""
        elif word in options:
            taking = options[word][0]
        elif word in commands:
            path = f"{path} {word}".strip()
        elif not word.startswith("-"):
            count += 1
    return path, taking, count


def _values(kind: str, current: str) -> list[str]:
    if kind == "file":
        return [_FILE]
    if kind == "host":
        before, at, host = current.rpartition("@")
        return [f"{before}{at}{name}" for name in _offered(host, ((name, "") for name in _hosts()))]
    if kind == "context":
        return _offered(current, ((name, "") for name in _contexts()))
    return _offered(current, ((choice, "") for choice in kind.split("|") if choice)) if "|" in kind else []


def _offered(current: str, found: Iterable[tuple[str, str]]) -> list[str]:
    return [f"{name}\t{text}" if text else name for name, text in found if name.startswith(current)]


def _contexts() -> list[str]:
    folder = os.path.join(place.home("", os.environ), "contexts")
    return sorted(printable(name) for name in os.listdir(folder)) if os.path.isdir(folder) else []  # noqa: PTH112


def _hosts() -> list[str]:
    """Names that have enrolled, of every company. Verified when they came; here they are only offered."""
    from daypass.client import names  # brings json along

    found = names.known(place.home("", os.environ), _contexts())
    return sorted({host for company in found for host in company.hosts})
