"""The CA's end of one PAM conversation: a process, a socket to it, and a time after which it is killed.

The process is `pamhelper`, started without a shell, an environment, or anything of ours in its memory. It leads a
session of its own, so whatever its modules have started goes with it.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec

from daypass.ca.pam_ports import Account, Asked, Prompt
from daypass.errors import DaypassError, Denied, Misconfigured, Unauthenticated, Unavailable
from daypass.model import Secret

__all__ = ["LEAST_UID", "PamTalk", "Stack"]

LEAST_UID = 1000  # below it are the system's own accounts (trust 8.6)
STANDIN = "daypass-nobody"  # asked about instead of whom there is not
HELPER = Path(__file__).with_name("pamhelper.py")
ENVIRON = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LANG": "C.UTF-8"}
MAX_LINE = 64 * 1024
MAX_PROMPTS, MAX_MESSAGES = 32, 64  # of one round, of the whole conversation
_STYLES = frozenset({"secret", "text", "info", "error"})
_LATE: list[subprocess.Popen[bytes]] = []  # killed, and not gone yet

# <security/_pam_types.h>; what each means for the person.
_EXPIRED = {12, 27}  # NEW_AUTHTOK_REQD AUTHTOK_EXPIRED
_ACCOUNT_EXPIRED = 13
_BROKEN = {None, -1, 1, 2, 3, 4, 28}  # (no code, our own) OPEN_ERR SYMBOL_ERR SERVICE_ERR SYSTEM_ERR MODULE_UNKNOWN
_BACKEND = {5, 9, 22, 24}  # BUF_ERR AUTHINFO_UNAVAIL AUTHTOK_LOCK_BUSY TRY_AGAIN


class _Ask(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    style: str
    text: str


class _Account(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    name: str
    uid: int
    groups: list[str]


class _Line(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One line of the helper's. Modules share its memory, so it is judged as anybody's."""

    ask: list[_Ask] | None = None
    end: int | None = None
    stage: str = ""
    account: _Account | None = None


_read = msgspec.json.Decoder(_Line).decode


@dataclass(frozen=True, slots=True)
class Stack:
    """`timeout` is in seconds, for a whole conversation; `environ` goes to the helper beside the usual."""

    provider: str
    service: str
    folder: str
    timeout: int
    environ: Mapping[str, str]


class PamTalk:
    """Implements `ca.pam_ports.Talk`. Nothing runs before the first `next`."""

    def __init__(self, stack: Stack, account: str, address: str) -> None:
        self._stack, self._account, self._address = stack, account, address
        self._process: subprocess.Popen[bytes] | None = None
        self._reader: asyncio.StreamReader | None = None
        self._writer: asyncio.StreamWriter | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._messages = 0
        self.over = self._timed_out = False

    async def next(self, answers: Sequence[Secret] | None) -> Asked | Account:
        try:
            if answers is None:
                await self._start()
            else:
                self._say({"answers": [each.reveal() for each in answers]})
            return await self._hear()
        except (OSError, ValueError) as error:  # msgspec's errors, and a line too long, are ValueErrors
            raise self._fault(error) from error
        finally:
            if sys.exc_info()[0] is not None:
                self.end()

    def end(self) -> None:
        self.over = True
        if self._timer is not None:
            self._timer.cancel()
        if self._writer is not None:
            self._writer.transport.abort()
        if self._process is not None:
            _kill(self._process)
            self._process = None

    async def _start(self) -> None:
        self._process, ours = _spawn({**ENVIRON, **self._stack.environ})
        self._timer = asyncio.get_running_loop().call_later(self._stack.timeout, self._time_is_up)
        self._reader, self._writer = await asyncio.open_connection(sock=ours, limit=MAX_LINE)
        stack = self._stack
        wanted = {"service": stack.service, "folder": stack.folder, "account": self._account, "standin": STANDIN}
        self._say(wanted | {"address": self._address, "least": LEAST_UID, "seconds": stack.timeout})

    def _time_is_up(self) -> None:
        self._timed_out = True
        self.end()

    def _say(self, what: Mapping[str, Any]) -> None:
        if self._writer is None or self.over:
            raise OSError
        self._writer.write(msgspec.json.encode(what) + b"\n")

    async def _hear(self) -> Asked | Account:
        if self._reader is None:
            raise OSError
        line = await self._reader.readline()
        if not line.endswith(b"\n"):
            raise OSError  # it has gone
        heard = _read(line)
        if heard.ask is not None:
            return self._asked(heard.ask)
        return self._ended(heard)

    def _asked(self, asked: list[_Ask]) -> Asked:
        self._messages += len(asked)
        if not 1 <= len(asked) <= MAX_PROMPTS or not all(each.style in _STYLES for each in asked):
            raise ValueError
        if self._messages > MAX_MESSAGES:
            raise Unavailable(
                "the sign-in at the CA asks and tells without end", code="pam.flood", hint=_tell(self._stack)
            )
        return Asked(tuple(Prompt(each.style, each.text) for each in asked))

    def _ended(self, heard: _Line) -> Account:
        """In this order: nobody learns what a stack says of an account that is none of a person."""
        found, code = heard.account, heard.end
        if code == 0 and heard.stage == "account" and found is not None and found.name == self._account:
            if found.uid < LEAST_UID:
                raise ValueError
            return Account(found.name, found.uid, tuple(found.groups))
        raise _refusal(code, heard.stage, self._stack, known=found is not None)

    def _fault(self, error: Exception) -> DaypassError:
        if self._timed_out:
            return Unavailable(
                "the sign-in at the CA took too long", code="pam.timeout", hint="try again; " + _tell(self._stack)
            )
        what = "has stopped" if isinstance(error, OSError) else "answers nonsense"
        return Unavailable(f"the sign-in at the CA {what}", code="pam.crashed", hint=_tell(self._stack))


def _refusal(code: int | None, stage: str, stack: Stack, *, known: bool) -> DaypassError:
    """Any code that is neither the stack's fault nor its backend's is a no, and stays counted as a wrong answer."""
    signed_in = stage == "account" and known
    if signed_in and code in _EXPIRED:
        hint = "change it where your company has you change it, then sign in again"
        return Denied("your password has expired", code="pam.password-expired", hint=hint)
    if signed_in and code == _ACCOUNT_EXPIRED:
        return Denied("your account has expired", code="pam.account-expired", hint="ask who looks after accounts")
    if code in _BROKEN:
        return Misconfigured("the CA's PAM stack does not work", code="pam.stack", hint=_tell(stack))
    if code in _BACKEND:
        text = "what stands behind the CA's PAM stack can't be asked right now"
        return Unavailable(text, code="pam.backend", hint=f"try again in a minute; {_tell(stack)}")
    if signed_in and code != 0:
        return Denied("your account may not sign in now", code="pam.account", hint="ask who looks after accounts")
    return Unauthenticated("the sign-in failed", code="pam.refused", hint="try again: daypass login")


def _tell(stack: Stack) -> str:
    return f"if it stays so, tell the CA's operator: daypass ca provisioner test {stack.provider}"


def _spawn(environ: Mapping[str, str]) -> tuple[subprocess.Popen[bytes], socket.socket]:
    """The helper, and our end. A millisecond: there is no fork of what this process holds (vfork), and no shell."""
    ours, theirs = socket.socketpair()
    nowhere = subprocess.DEVNULL
    with theirs:
        try:
            process = subprocess.Popen(
                [sys.executable, "-I", "-S", str(HELPER)], stdin=theirs.fileno(), stdout=nowhere, stderr=nowhere,
                start_new_session=True, cwd="/", env=dict(environ),
            )  # fmt: skip
        except BaseException:
            ours.close()
            raise
    return process, ours


def _kill(process: subprocess.Popen[bytes]) -> None:
    with contextlib.suppress(OSError):
        os.killpg(process.pid, signal.SIGKILL)  # it is not reaped before, so the number is its own
    _LATE.append(process)
    _LATE[:] = [each for each in _LATE if each.poll() is None]
