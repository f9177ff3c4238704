"""What this host remembers of endings: what it found for each, and which accounts it has locked.

`/var/lib/daypass/remains.json`, for root alone, written before each effect and after each look. Which of it the CA
has heard stands in a file of its own, `remains.sent`: the agent hears the CA while another process looks.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from hashlib import sha256

import msgspec

from daypass.api import EndingReport
from daypass.errors import DaypassError, Misconfigured
from daypass.host import files
from daypass.host.settings import Paths

__all__ = ["Known", "Locked", "Memory", "by_itself", "heard", "locked", "waiting"]

_AT_ONCE = 24 * 1024  # bytes of reports in one word to the CA


class Locked(msgspec.Struct, frozen=True, kw_only=True):
    """An account locked for these endings. `before`: the day it was to expire, as shadow(5) has it; "" for never."""

    uid: int
    before: str
    endings: list[str]


class Known(msgspec.Struct, frozen=True, kw_only=True):
    """One ending: what was found at the last look, by which policy, and whether it was undone."""

    report: EndingReport
    policy: str
    undone: bool = False


class Memory(msgspec.Struct, kw_only=True):
    endings: dict[str, Known] = {}
    locked: dict[str, Locked] = {}

    @classmethod
    def load(cls, paths: Paths) -> Memory:
        files.check(paths.remains)
        try:
            return msgspec.json.decode(paths.remains.read_bytes(), type=cls)
        except FileNotFoundError:
            return cls()
        except (OSError, msgspec.DecodeError) as error:
            hint = "without it nobody knows which accounts to open again; put it back from a backup, or move it away"
            raise Misconfigured(
                f"{paths.remains} can't be understood: {error}", code="host.remains", hint=hint
            ) from error

    def save(self, paths: Paths) -> None:
        content = msgspec.json.encode(self)
        if not paths.remains.exists() or paths.remains.read_bytes() != content:
            files.write(paths.remains, content, 0o600)


@contextmanager
def by_itself(paths: Paths) -> Iterator[bool]:
    """False where another process looks already. The lock is the kernel's."""
    lock = paths.memory / "remains.lock"
    files.check(lock)
    descriptor = os.open(lock, os.O_WRONLY | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        yield False
    else:
        yield True
    finally:
        os.close(descriptor)


def locked(paths: Paths) -> list[str]:
    """Accounts that nobody's certificate admits to. From a file that can't be understood none: they have expired, and
    what the CA says is to come into force."""
    if not paths.remains.exists():
        return []
    try:
        return list(Memory.load(paths).locked)
    except DaypassError:
        return []


def waiting(paths: Paths) -> list[EndingReport]:
    """What the CA has yet to hear of, as much as goes into one word to it; `heard` when it has."""
    if not paths.remains.exists():
        return []
    sent, found, size = _sent(paths), list[EndingReport](), 0
    for number, known in Memory.load(paths).endings.items():
        content = msgspec.json.encode(known.report)
        if sent.get(number) != _digest(known.report) and size + len(content) <= _AT_ONCE:
            size += len(content)
            found.append(known.report)
    return found


def heard(paths: Paths, reports: Sequence[EndingReport]) -> None:
    """The CA has these."""
    if reports:
        here = Memory.load(paths).endings
        sent = {**_sent(paths), **{each.ending: _digest(each) for each in reports}}
        kept = {number: digest for number, digest in sent.items() if number in here}
        files.write(paths.remains_sent, msgspec.json.encode(kept), 0o600)


def _sent(paths: Paths) -> dict[str, str]:
    files.check(paths.remains_sent)
    try:
        return msgspec.json.decode(paths.remains_sent.read_bytes(), type=dict[str, str])
    except (OSError, msgspec.DecodeError):
        return {}


def _digest(report: EndingReport) -> str:
    """Of what it says; when somebody looked is no news."""
    return sha256(msgspec.json.encode((report.remains, report.cut))).hexdigest()
