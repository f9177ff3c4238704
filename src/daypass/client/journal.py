"""What happened, step by step: in HOME/daypass.log for whoever must find out later, and on stderr with --verbose.

Nothing secret is passed to a log in the first place; what looks like a secret is masked all the same, whatever it
came in (bearer tokens stood in the logs of step-ca, BLESS and sigstore). One line per event:

    2026-11-24T02:38:00.123Z 4711 daypass.client.signin.login sign-in finished in 3.2 s …

Any number of processes append. A log that can't be written never hurts: there is none then.
"""

from __future__ import annotations

import contextlib
import logging
import os
import platform
import re
import stat
import sys
import time
from collections.abc import Iterator
from pathlib import Path

from daypass import __version__

__all__ = ["MAX_BYTES", "redact", "show", "start", "stop"]

MAX_BYTES = 256 * 1024
"""Of the log, and of the one before it, daypass.log.1."""

_LOGGER = "daypass"
_FIELDS = (
    "access_token|assertion|auth|authorization|client_assertion|client_secret|code|code_challenge|code_verifier|"
    "device_code|id_token|nonce|ott|passphrase|password|proof|refresh_token|salt|secret|session_state|state|token|"
    "user_code|verifier"
)
_MASKS: tuple[tuple[re.Pattern[str], str], ...] = (
    (
        re.compile(r"-----BEGIN [A-Z0-9 ]*PRIVATE KEY-----.*?(-----END [A-Z0-9 ]*PRIVATE KEY-----|\Z)", re.DOTALL),
        "***",
    ),
    (re.compile(r"b3BlbnNzaC1rZXktdjE[A-Za-z0-9+/=]*"), "***"),  # openssh-key-v1 in base64
    (re.compile(r"\bdpj?1\.[A-Za-z0-9_.-]+"), "***"),  # our nonces and join tokens
    (re.compile(r"\beyJ[A-Za-z0-9_-]{4,}(?:\.[A-Za-z0-9_-]*)*"), "***"),  # a JWT, or the start of one
    (re.compile(r"\b((?:proxy-)?authorization\s*[:=]\s*)[^\r\n]+", re.IGNORECASE), r"\1***"),
    (re.compile(r"\b(basic|bearer)\s+[A-Za-z0-9+/=._~-]{8,}", re.IGNORECASE), r"\1 ***"),
    (re.compile(r"([a-z][a-z0-9+.-]*://)[^\s/@]+@", re.IGNORECASE), r"\1***@"),
    (re.compile(rf"\b({_FIELDS})=[^\s&#\"',;)]+", re.IGNORECASE), r"\1=***"),
    (re.compile(rf"([\"'](?:{_FIELDS})[\"']\s*:\s*)([\"'])[^\"']*\2", re.IGNORECASE), r"\1\2***\2"),
)


def redact(text: str) -> str:
    """The text with everything masked that looks like a token, a code, a key or a password."""
    for pattern, mask in _MASKS:
        text = pattern.sub(mask, text)
    return text


def start(log: Path, command: str) -> None:
    """Keep the log of this command, if its folder is there. One that was kept before in this process ends."""
    _remove(_File)
    if log.parent.is_dir():
        _add(_File(log))
    python = f"Python {platform.python_version()}"
    logging.getLogger(__name__).info("daypass %s %s (%s, %s)", __version__, command, python, sys.platform)


def show() -> None:
    """Say every step on stderr, with the seconds since now."""
    _remove(_Screen)
    _add(_Screen())


def stop() -> None:
    """As it was before `start` and `show`."""
    _remove(_File)
    _remove(_Screen)
    logging.getLogger(_LOGGER).setLevel(logging.NOTSET)


def _add(handler: logging.Handler) -> None:
    logger = logging.getLogger(_LOGGER)
    logger.setLevel(logging.DEBUG)
    logger.addHandler(handler)


def _remove(kind: type[logging.Handler]) -> None:
    logger = logging.getLogger(_LOGGER)
    for each in [each for each in logger.handlers if isinstance(each, kind)]:
        logger.removeHandler(each)


def _line(record: logging.LogRecord) -> str:
    """One line, whatever is in it. A traceback stays out: its text may hold anything."""
    return "".join(each if each.isprintable() else " " for each in redact(record.getMessage()))


class _Screen(logging.Handler):
    def __init__(self) -> None:
        super().__init__()
        self._began = time.monotonic()

    def emit(self, record: logging.LogRecord) -> None:
        with contextlib.suppress(OSError, ValueError, AttributeError, UnicodeError):
            sys.stderr.write(f"{time.monotonic() - self._began:8.3f} s  {_line(record)}\n")
            sys.stderr.flush()


class _File(logging.Handler):
    """Opened for each line: many processes share it, and the one that finds it full moves it away."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self._path = path

    def emit(self, record: logging.LogRecord) -> None:
        stamp = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(record.created))
        line = f"{stamp}.{int(record.msecs):03d}Z {os.getpid()} {record.name} {_line(record)}\n"
        with contextlib.suppress(OSError, ValueError), self._opened() as descriptor:
            os.write(descriptor, line.encode("utf-8", "replace"))

    @contextlib.contextmanager
    def _opened(self) -> Iterator[int]:
        # Not through a link, and without waiting for whoever would read a pipe.
        flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT
        flags |= getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_CLOEXEC", 0)
        descriptor = os.open(self._path, flags, 0o600)
        try:
            found = os.fstat(descriptor)
            if not stat.S_ISREG(found.st_mode):
                raise OSError
            if found.st_size < MAX_BYTES or not self._moved(descriptor, found):
                yield descriptor
                return
            with self._opened() as fresh:
                yield fresh
        finally:
            os.close(descriptor)

    def _moved(self, descriptor: int, found: os.stat_result) -> bool:
        """Whether the full log has become daypass.log.1, by us or by another process a moment ago."""
        if sys.platform == "win32":
            return False
        import fcntl

        fcntl.flock(descriptor, fcntl.LOCK_EX)
        with contextlib.suppress(FileNotFoundError):
            if os.path.samestat(self._path.stat(), found):
                self._path.replace(self._path.with_name(f"{self._path.name}.1"))
        return True
