"""One PAM conversation, in a process of its own: whatever a module does, the CA goes on.

Run as a program, by its path and without any package (`python -I -S`): libpam's modules share this memory, so nothing
of the CA is in it. It talks over file descriptor 0, a socket, in JSON, one object a line:

    in   {"service", "folder", "account", "standin", "address", "least", "seconds"}      once
    out  {"ask": [{"style": "secret" | "text" | "info" | "error", "text"}, …]}
    in   {"answers": [text for each secret and text, in their order]}
    out  {"end": what PAM said of it, "stage", "account": {"name", "uid", "groups"} | null}

An account that is not there, or has a uid below `least`, is never asked about: `standin`, who does not exist, is, so
that nobody learns which is which, and no tally of root's is touched. Nothing is ever written but to that socket.
"""

from __future__ import annotations

import contextlib
import ctypes
import grp
import json
import os
import pwd
import resource
import signal
import socket
import sys
from typing import Any

MAX_PROMPTS = 32  # messages of one round: PAM_MAX_NUM_MSG
MAX_TEXT = 512  # characters of one: PAM_MAX_MSG_SIZE
MAX_ROUNDS = 20
MAX_REFUSED = 20  # calls of the conversation after it was ended, before the module is taken for one that never stops
MAX_GROUPS = 1000
MAX_LINE = 64 * 1024
MAX_ANSWER = 511  # bytes: PAM_MAX_RESP_SIZE less its NUL
MEMORY = 1 << 30  # bytes of address space

SUCCESS, BUF_ERR, CONV_ERR, ABORT = 0, 5, 19, 26
STYLES = {1: "secret", 2: "text", 3: "error", 4: "info"}
USER, TTY, RHOST, FAIL_DELAY = 2, 3, 4, 10  # items


class Message(ctypes.Structure):
    _fields_ = (("style", ctypes.c_int), ("text", ctypes.c_char_p))


class Response(ctypes.Structure):
    _fields_ = (("text", ctypes.c_void_p), ("code", ctypes.c_int))


CONVERSE = ctypes.CFUNCTYPE(
    ctypes.c_int,
    ctypes.c_int,
    ctypes.POINTER(ctypes.POINTER(Message)),
    ctypes.POINTER(ctypes.POINTER(Response)),
    ctypes.c_void_p,
)
DELAY = ctypes.CFUNCTYPE(None, ctypes.c_int, ctypes.c_uint, ctypes.c_void_p)


class Conversation(ctypes.Structure):
    _fields_ = (("converse", CONVERSE), ("data", ctypes.c_void_p))


class Line:
    """The socket to the CA."""

    def __init__(self) -> None:
        self._socket = socket.socket(fileno=os.dup(0))  # not inherited by what a module starts
        self._file = self._socket.makefile("rb")

    def say(self, **what: Any) -> None:
        self._socket.sendall(json.dumps(what).encode() + b"\n")

    def hear(self) -> dict[str, Any]:
        line = self._file.readline(MAX_LINE)
        if not line.endswith(b"\n"):
            os._exit(0)  # the CA has let go
        heard: dict[str, Any] = json.loads(line)
        return heard


class Talk:
    """What a module may say and hear. Beyond the bounds it hears that the conversation is over, and then no more."""

    def __init__(self, line: Line) -> None:
        self._line, self._rounds, self._refused = line, 0, 0
        self._c = ctypes.CDLL(None)
        self._c.calloc.restype = ctypes.c_void_p
        self._c.calloc.argtypes = [ctypes.c_size_t, ctypes.c_size_t]

    def __call__(self, count: int, messages: Any, responses: Any, _data: Any) -> int:
        try:
            return self._round(count, messages, responses)
        except BaseException:  # nothing may be thrown through C
            return CONV_ERR

    def _round(self, count: int, messages: Any, responses: Any) -> int:
        self._rounds += 1
        if not 1 <= count <= MAX_PROMPTS or self._rounds > MAX_ROUNDS:
            self._refused += 1
            if self._refused > MAX_REFUSED:
                os._exit(3)
            return CONV_ERR
        asked = [(messages[at].contents.style, messages[at].contents.text or b"") for at in range(count)]
        if not all(style in STYLES for style, _ in asked):
            return CONV_ERR
        shown = [
            {"style": STYLES[style], "text": text.decode("utf-8", "replace")[:MAX_TEXT]} for style, text in asked
        ]
        self._line.say(ask=shown)
        answers = iter(self._line.hear()["answers"])
        texts = [next(answers).encode() if style in (1, 2) else None for style, _ in asked]
        if any(text is not None and (b"\0" in text or len(text) > MAX_ANSWER) for text in texts):
            return CONV_ERR
        responses[0] = ctypes.cast(self._reply(texts), ctypes.POINTER(Response))
        return SUCCESS

    def _reply(self, texts: list[bytes | None]) -> int:
        """As pam_conv(3) has it: an array and its strings from malloc, which the module frees."""
        array: int = self._c.calloc(len(texts), ctypes.sizeof(Response))
        for at, text in enumerate(texts):
            if text is not None:
                copy = self._c.calloc(len(text) + 1, 1)
                ctypes.memmove(copy, text, len(text))
                Response.from_address(array + at * ctypes.sizeof(Response)).text = copy
        return array


def bound(seconds: int) -> None:
    """No core dump, nobody's debugger, an end in time, and gone with the CA."""
    parent = os.getppid()
    libc = ctypes.CDLL(None)
    libc.prctl(4, 0, 0, 0, 0)  # PR_SET_DUMPABLE
    libc.prctl(1, signal.SIGKILL, 0, 0, 0)  # PR_SET_PDEATHSIG
    if os.getppid() != parent:
        os._exit(0)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    resource.setrlimit(resource.RLIMIT_CPU, (seconds + 5, seconds + 5))  # the CA ends it before
    signal.alarm(seconds + 5)


def look_up(name: str, least: int) -> dict[str, Any] | None:
    """Who it is on this machine, if a person. Groups are looked up at the end: before the first question that would
    take longer than it does for nobody."""
    try:
        found = pwd.getpwnam(name)
    except (KeyError, ValueError, OSError):
        return None
    if found.pw_name != name or found.pw_uid < least:
        return None
    return {"name": name, "uid": found.pw_uid, "groups": []}


def groups_of(name: str) -> list[str]:
    groups = []
    for number in os.getgrouplist(name, pwd.getpwnam(name).pw_gid)[:MAX_GROUPS]:
        with contextlib.suppress(KeyError, OSError):
            groups.append(grp.getgrgid(number).gr_name)
    return groups


def start(pam: ctypes.CDLL, wanted: dict[str, Any], name: str, conversation: Conversation, handle: Any) -> int:
    service, user = wanted["service"].encode(), name.encode()
    pointers = ctypes.byref(conversation), ctypes.byref(handle)
    if not wanted["folder"]:
        return int(pam.pam_start(service, user, *pointers))
    folder = wanted["folder"].encode()
    return int(pam.pam_start_confdir(service, user, pointers[0], folder, pointers[1]))  # Linux-PAM 1.4


def asked_as(pam: ctypes.CDLL, handle: Any) -> str:
    """Whom the stack has taken them for in the end."""
    found = ctypes.c_char_p()
    if pam.pam_get_item(handle, USER, ctypes.byref(found)) != SUCCESS or found.value is None:
        return ""
    return found.value.decode("utf-8", "replace")


def converse(line: Line, wanted: dict[str, Any]) -> None:
    account = look_up(wanted["account"], wanted["least"])
    name = wanted["account"] if account is not None else wanted["standin"]
    pam = ctypes.CDLL("libpam.so.0")
    talk, delay = CONVERSE(Talk(line)), DELAY(lambda *_: None)  # kept alive as long as libpam has them
    handle, conversation = ctypes.c_void_p(), Conversation(talk, None)
    code, stage = start(pam, wanted, name, conversation, handle), "start"
    if code == SUCCESS:
        pam.pam_set_item(handle, TTY, b"daypass")
        pam.pam_set_item(handle, RHOST, wanted["address"].encode())
        pam.pam_set_item(handle, FAIL_DELAY, ctypes.cast(delay, ctypes.c_void_p))  # the CA sees to that
        code, stage = pam.pam_authenticate(handle, 0), "authenticate"
    if code == SUCCESS:
        code, stage = pam.pam_acct_mgmt(handle, 0), "account"
    if code == SUCCESS and asked_as(pam, handle) != name:
        code, stage = ABORT, "user"
    if code == SUCCESS and account is not None:
        account["groups"] = groups_of(name)
    line.say(end=code, stage=stage, account=account)


def main() -> None:
    line = Line()
    wanted = line.hear()
    nowhere = os.open(os.devnull, os.O_RDWR)
    for descriptor in (0, 1, 2):  # modules write where they like
        os.dup2(nowhere, descriptor)
    bound(wanted["seconds"])
    try:
        converse(line, wanted)
    except (OSError, AttributeError, ValueError, MemoryError) as error:
        line.say(end=-1, stage=type(error).__name__, account=None)
    os._exit(0)  # what a module leaves for atexit is its own affair


if __name__ == "__main__" and len(sys.argv) == 1:
    main()
