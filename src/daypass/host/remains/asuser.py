"""Work in what an account owns, as that account: a child gives up root first, so that nothing laid out there (a link,
a FIFO, a file system of their own that never answers) leads to more than the account itself could do.

Between fork and exit the child can be neither traced nor read by the account: whoever changes its uid is not dumpable
(PR_SET_DUMPABLE, prctl(2)). It keeps no descriptor but the pipe.
"""

from __future__ import annotations

import errno
import os
import select
import signal
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any, NoReturn, TypeVar

import msgspec

__all__ = ["as_user"]

Answer = TypeVar("Answer")

_MOST = 64 << 20  # bytes of an answer
_REAPED = 2.0  # seconds that a killed child is waited for


class _Failed(msgspec.Struct):
    number: int
    words: str
    path: str


class _Told(msgspec.Struct):
    """One of them."""

    answer: bytes = b""
    failed: _Failed | None = None


def as_user(
    uid: int, gid: int, work: Callable[[], object], kind: type[Answer] | Any, *, seconds: float = 10.0
) -> Answer:
    """What `work` gives, of the type `kind`. Raises OSError: its own, or TimeoutError after so many seconds."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        _child(writing, uid, gid, work)
    os.close(writing)
    try:
        told = _decode(_read(reading, time.monotonic() + seconds))
    finally:
        os.close(reading)
        _end(child)
    if told.failed is not None:
        raise OSError(told.failed.number, told.failed.words, told.failed.path or None)
    answer: Answer = msgspec.msgpack.decode(told.answer, type=kind)
    return answer


def _child(writing: int, uid: int, gid: int, work: Callable[[], object]) -> NoReturn:
    try:
        for each in (signal.SIGTERM, signal.SIGINT, signal.SIGCHLD):
            signal.signal(each, signal.SIG_DFL)
        os.closerange(3, writing)
        os.closerange(writing + 1, os.sysconf("SC_OPEN_MAX"))
        _become(uid, gid)
        told = _tried(work)
        with open(writing, "wb") as pipe:
            pipe.write(msgspec.msgpack.encode(told))
    finally:
        os._exit(0)


def _become(uid: int, gid: int) -> None:
    if os.geteuid() == 0 and uid != 0:
        os.setgroups([])
        os.setresgid(gid, gid, gid)
        os.setresuid(uid, uid, uid)
    os.umask(0o077)
    os.chdir("/")


def _tried(work: Callable[[], object]) -> _Told:
    try:
        return _Told(answer=msgspec.msgpack.encode(work()))
    except OSError as error:
        path = error.filename if isinstance(error.filename, str) else ""
        return _Told(failed=_Failed(error.errno or errno.EIO, error.strerror or type(error).__name__, path))


def _read(reading: int, end: float) -> bytes:
    found = bytearray()
    while len(found) <= _MOST:
        left = end - time.monotonic()
        if left <= 0 or not select.select([reading], [], [], left)[0]:
            raise TimeoutError(errno.ETIMEDOUT, "it takes too long")
        more = os.read(reading, 1 << 16)
        if not more:
            return bytes(found)
        found += more
    raise OSError(errno.EFBIG, "there is too much of it")


def _decode(found: bytes) -> _Told:
    try:
        return msgspec.msgpack.decode(found, type=_Told)
    except msgspec.DecodeError as error:
        raise OSError(errno.EIO, "whoever looked was ended before it could answer") from error


def _end(child: int) -> None:
    """One that hangs in the kernel is left to whoever reaps orphans."""
    with suppress(ProcessLookupError):
        os.kill(child, signal.SIGKILL)
    end = time.monotonic() + _REAPED
    while os.waitpid(child, os.WNOHANG) == (0, 0) and time.monotonic() < end:
        time.sleep(0.005)
