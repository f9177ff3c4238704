"""One sign-in at a time, and a memory of the last one that failed: fifty connections at once ask a person once."""

from __future__ import annotations

import contextlib
import math
import os
import sys
import time
from collections.abc import Callable, Iterator

import msgspec

from daypass.client.portable import NO_FOLLOW
from daypass.client.settings import Context, make_folder, write_file
from daypass.errors import Misconfigured, Unavailable

__all__ = ["Failure", "alone", "last", "note"]

_UNREACHABLE_SECONDS = 60
_UNANSWERED_SECONDS = 8 * 3600
_LOOK_AGAIN = 0.05  # seconds
_QUIET_SECONDS = 1.0
_MANY = 1 << 16  # bytes; a line has some fifteen


class Failure(msgspec.Struct, frozen=True):
    """A sign-in that ssh started and that failed. `was_asked`: the person had been sent somewhere by then."""

    when: float  # unix seconds, of its end
    was_asked: bool
    message: str

    def stands(self, now: float, *, at_terminal: bool, since: float) -> bool:
        """Whether it still speaks for a connection that asks `now`, as part of a command begun at `since`.

        A CA that was down is left alone for a minute. A person who was asked and did not sign in is asked again by
        the next command they type; what runs by itself, or without a terminal, waits for half a day.
        """
        age = now - self.when
        if not 0 <= age < _UNANSWERED_SECONDS:  # a clock that was set back counts for nothing
            return False
        if not self.was_asked:
            return age < _UNREACHABLE_SECONDS
        return not at_terminal or since < self.when


def last(context: Context) -> Failure | None:
    """None where the last one went well, or can't be read."""
    try:
        return msgspec.json.decode(context.failure.read_bytes(), type=Failure)
    except (OSError, ValueError, msgspec.MsgspecError):
        return None


def note(context: Context, failure: Failure) -> None:
    write_file(context.failure, msgspec.json.encode(failure))


@contextlib.contextmanager
def alone(
    context: Context, seconds: float, is_done: Callable[[], bool], tell: Callable[[], None] = lambda: None
) -> Iterator[bool]:
    """Wait until nobody else signs in, or `is_done`; yields whether it was worth waiting for, then not alone.

    Once that takes over a second it is told, if nobody else has at this terminal. Raises Unavailable after `seconds`.
    The lock goes with the process, however it ends.
    """
    make_folder(context.folder)
    try:
        descriptor = os.open(context.sign_in_lock, os.O_RDWR | os.O_CREAT | os.O_APPEND | NO_FOLLOW, 0o600)
    except OSError as error:
        raise Misconfigured(f"can't write {context.sign_in_lock}: {error.strerror}") from error
    begin = time.monotonic()
    end, quiet_end = begin + seconds, begin + _QUIET_SECONDS
    try:
        while not (done := is_done()) and not _lock(descriptor):
            if time.monotonic() > end:
                raise Unavailable(
                    "another sign-in is still going on",
                    code="sign-in-timeout",
                    hint="finish it in its browser or terminal, or wait two minutes; then: daypass login",
                )
            if time.monotonic() > quiet_end:
                quiet_end = math.inf
                if _is_first_here(descriptor):
                    tell()
            time.sleep(_LOOK_AGAIN)
        if not done:
            _start_anew(descriptor)
        yield done
    finally:
        os.close(descriptor)


def _start_anew(lock: int) -> None:
    """Whoever signs in tells this terminal so by what they say next."""
    with contextlib.suppress(OSError):
        os.ftruncate(lock, 0)
        os.write(lock, _me())


def _is_first_here(lock: int) -> bool:
    """Whether no other process of this terminal stands in the file of the lock: it would have told the person.

    Each adds its line and then looks whose was first, so that of fifty at once exactly one is.
    """
    try:
        os.write(lock, _me())
        os.lseek(lock, 0, os.SEEK_SET)
        lines = os.read(lock, _MANY).splitlines(keepends=True)
    except OSError:
        return False
    here = _me().partition(b" ")[0] + b" "
    return next((each for each in lines if each.startswith(here)), b"") == _me()


def _me() -> bytes:
    """The session, which each terminal has one of (credentials(7)), and the process."""
    if sys.platform == "win32":
        return f"0 {os.getpid()}\n".encode()
    return f"{os.getsid(0)} {os.getpid()}\n".encode()


def _lock(descriptor: int) -> bool:
    if sys.platform == "win32":  # where ssh starts no sign-in
        return True
    import fcntl

    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:  # a file system without locks
        return True
    return True
