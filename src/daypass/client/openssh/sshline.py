"""Which ssh is asking: the command line that is waiting for us, and what it says (ssh(1)).

`Match exec` tells its command nothing, so the process that started it is looked at: /proc, or ps where there is none.
Only `os` is imported at first, since ssh waits for this.
"""

# pathlib costs more than all there is to do here.
# ruff: noqa: PTH115, PTH116, PTH119, PTH123

from __future__ import annotations

import os
import sys
import time

TYPE_CHECKING = False  # importing typing for it would cost more than all the rest
if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["Ssh", "options", "running"]

_TAKES_A_VALUE = frozenset("BbcDEeFIiJLlmOopPQRSWw")
_SETTLES_IT = frozenset("GOQV")  # asks something, and connects nowhere
_YES = ("yes", "true")
_DEEP_ENOUGH = 32  # processes above us
_SECONDS = 5.0
_COARSE = 8  # seconds that a terminal's last use may be later than it says (tty_io.c, tty_update_time)


class Ssh:
    """A running ssh. `above` are those that led to it, as for ProxyJump. A plain class: see client.glance."""

    __slots__ = ("above", "arguments", "pid", "program", "started")

    def __init__(
        self, pid: int, arguments: Sequence[str], *, above: Sequence[Ssh] = (), started: float = 0.0
    ) -> None:
        self.pid, self.arguments, self.above = pid, list(arguments), above
        self.started = started  # unix seconds; of the command a person typed, as far as can be told
        self.program = _program(pid)

    @property
    def needs_nobody(self) -> bool:
        """Whether the command line says that it connects nowhere, or that nobody is there to be asked."""
        found = options(self.arguments)
        batch = next((value for letter, value in found if letter == "o" and _key(value) == "batchmode"), "")
        return any(letter in _SETTLES_IT for letter, _ in found) or _value(batch) in _YES

    def wants_pass(self) -> bool:
        """Whether its configuration lets it use one: asked of ssh itself. It must not ask us in turn."""
        told = self._ask("-G", *self.arguments)
        pairs = dict(line.lower().split(" ", 1) for line in (told or "").splitlines() if " " in line)
        methods = pairs.get("preferredauthentications", "publickey")
        return (
            told is not None
            and pairs.get("batchmode") not in _YES
            and pairs.get("pubkeyauthentication") not in ("no", "false")
            and "publickey" in methods.split(",")
            and not self._is_connected(pairs.get("controlpath", "none"))
        )

    def reads(self, path: str) -> bool:
        """Whether the configuration it goes by names this file, as that of a company's hosts names their own."""
        return path in (self._ask("-G", *self.arguments) or "")

    def _is_connected(self, path: str) -> bool:
        """A master that is up needs no certificate (trust 8.4)."""
        return path != "none" and self._ask("-O", "check", *self.arguments) is not None

    def _ask(self, *arguments: str) -> str | None:
        """What ssh says on stdout; None where it refuses or takes its time."""
        import subprocess

        try:
            done = subprocess.run(
                [self.program, *arguments],
                env=os.environ | {"DAYPASS_AUTO_LOGIN": "0"},
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                text=True,
                errors="surrogateescape",
                timeout=_SECONDS,
            )
        except (OSError, ValueError, subprocess.SubprocessError):
            return None
        return done.stdout if done.returncode == 0 else None


def running() -> Ssh | None:
    """The nearest ssh among the processes that led to us; None where there is none."""
    if sys.platform == "win32":
        return None
    found: list[tuple[int, list[str]]] = []
    pid, started = os.getppid(), min(_started(os.getpgrp()), _last_typed())
    for _ in range(_DEEP_ENOUGH):
        if pid <= 1:
            break
        parent, words = _look(pid)
        if words and os.path.basename(words[0]) == "ssh":
            found.append((pid, words[1:]))
            started = min(started, _started(pid))
        pid = parent
    if not found:
        return None
    return Ssh(*found[0], above=[Ssh(*each) for each in found[1:]], started=started)


def options(arguments: Sequence[str]) -> list[tuple[str, str]]:
    """(letter, value) of each option, read as ssh reads them: also behind the host, but not in the command."""
    found, rest, has_host = list[tuple[str, str]](), list(arguments), False
    while rest:
        word = rest.pop(0)
        if word == "--" or (has_host and not _is_option(word)):
            break
        if not _is_option(word):
            has_host = True
            continue
        letters = word[1:]
        while letters:
            letter, letters = letters[0], letters[1:]
            if letter not in _TAKES_A_VALUE:
                found.append((letter, ""))
                continue
            found.append((letter, letters or (rest.pop(0) if rest else "")))
            break
    return found


def _is_option(word: str) -> bool:
    return len(word) > 1 and word[0] == "-"


def _key(text: str) -> str:
    """Of `Key=value` or `Key value`."""
    return text.replace("=", " ").split()[0].lower() if text.replace("=", " ").strip() else ""


def _value(text: str) -> str:
    words = text.replace("=", " ").split()
    return words[1].strip('"').lower() if len(words) > 1 else ""


def _look(pid: int) -> tuple[int, list[str]]:
    """A process's parent and its command line."""
    if not sys.platform.startswith("linux"):
        return _look_with_ps(pid)
    try:
        with open(f"/proc/{pid}/cmdline", "rb") as file:
            words = os.fsdecode(file.read()).split("\0")[:-1]
        return int(_stat(pid)[1]), words
    except (OSError, IndexError, ValueError):
        return 0, []


def _look_with_ps(pid: int) -> tuple[int, list[str]]:
    """As words: ps does not tell where one argument ends."""
    import subprocess

    try:
        done = subprocess.run(["ps", "-o", "ppid=,args=", "-p", str(pid)], capture_output=True, text=True, timeout=2)
        parent, *words = done.stdout.split()
        return int(parent), words
    except (OSError, ValueError, subprocess.SubprocessError):
        return 0, []


def _program(pid: int) -> str:
    try:
        return os.readlink(f"/proc/{pid}/exe")
    except OSError:
        return "ssh"


def _started(pid: int) -> float:
    """When a process began, in unix seconds; now, where that can't be told (proc(5), field 22)."""
    now = time.time()
    if not sys.platform.startswith("linux"):
        return now
    try:
        with open("/proc/uptime", "rb") as file:
            uptime = float(file.read().split()[0])
        return now - uptime + int(_stat(pid)[19]) / os.sysconf("SC_CLK_TCK")
    except (OSError, IndexError, ValueError):
        return now


def _last_typed() -> float:
    """When something was last read from our terminal, in unix seconds, give or take; now, where that can't be told.

    A command that a person types is not older than what they typed. An interactive shell's loop is: all night long.
    """
    now = time.time()
    if not sys.platform.startswith("linux"):
        return now
    try:
        device = int(_stat(os.getpid())[4])
        found = os.stat(f"/dev/pts/{os.minor(device)}")
    except (OSError, IndexError, ValueError):
        return now
    return min(now, found.st_atime + _COARSE) if found.st_rdev == device else now


def _stat(pid: int) -> list[bytes]:
    """What follows the name, which may hold anything: state, parent, process group …"""
    with open(f"/proc/{pid}/stat", "rb") as file:
        return file.read().rpartition(b")")[2].split()
