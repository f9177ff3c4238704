"""Exit codes of `daypass`: one per kind of error, so that a script can tell what to do about it.

`docs/reference/exit-codes.md` holds the same table for people.
"""

from __future__ import annotations

from enum import IntEnum

from daypass import errors

__all__ = ["MEANINGS", "Exit", "exit_of"]


class Exit(IntEnum):
    """What the shell sees."""

    OK = 0
    NO = 1
    USAGE = 2
    INVALID = 3
    UNAUTHENTICATED = 4
    DENIED = 5
    NOT_FOUND = 6
    CONFLICT = 7
    THROTTLED = 8
    UNAVAILABLE = 9
    MISCONFIGURED = 10
    WAITING = 11
    INTERNAL = 70
    INTERRUPTED = 130


MEANINGS = {
    Exit.OK: "it was done, or the answer is yes",
    Exit.NO: "the answer is no: no valid certificate, nothing to remove, a check that found mistakes",
    Exit.USAGE: "the command line is wrong",
    Exit.INVALID: "the request or input itself is wrong; the same again will not help",
    Exit.UNAUTHENTICATED: "who you are could not be established: sign in again",
    Exit.DENIED: "who you are is known, and the answer is no: ask whoever grants access",
    Exit.NOT_FOUND: "what was named does not exist",
    Exit.CONFLICT: "it clashes with what is already there",
    Exit.THROTTLED: "too much, too fast: wait and try again",
    Exit.UNAVAILABLE: "something it depends on is down: the same may succeed later",
    Exit.MISCONFIGURED: "a configuration or this machine has to be changed first",
    Exit.WAITING: "it is on record, and waits for a second person's approval",
    Exit.INTERNAL: "a fault in daypass",
    Exit.INTERRUPTED: "stopped from the keyboard",
}

_CLASSES: dict[type[errors.DaypassError], Exit] = {
    errors.Invalid: Exit.INVALID,
    errors.Unauthenticated: Exit.UNAUTHENTICATED,
    errors.Denied: Exit.DENIED,
    errors.NotFound: Exit.NOT_FOUND,
    errors.Conflict: Exit.CONFLICT,
    errors.Throttled: Exit.THROTTLED,
    errors.Unavailable: Exit.UNAVAILABLE,
    errors.Misconfigured: Exit.MISCONFIGURED,
    errors.Internal: Exit.INTERNAL,
}


def exit_of(error: errors.DaypassError) -> Exit:
    """The code of the error's nearest class in the tree; a bare DaypassError is a fault of ours."""
    return next((_CLASSES[kind] for kind in type(error).__mro__ if kind in _CLASSES), Exit.INTERNAL)
