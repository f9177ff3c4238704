"""The end of sessions where one of them puts it off, is killed in the middle, or has no room to write it down."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from msgspec.structs import replace
from tests.host.fake_ca import FakeCa
from tests.parts.processes import wait_until

from daypass.api import HostSession, SessionEnd
from daypass.host import processes
from daypass.host.sessions import turn as turns
from daypass.host.sessions.ending import end_all
from daypass.host.sessions.memory import Memory, Open
from daypass.host.sessions.process import Process, boot_id
from daypass.host.sessions.whose import Trace
from daypass.host.settings import Paths

FIRST_THREAD_GONE = """
import ctypes, threading, time
threading.Thread(target=lambda: time.sleep(600)).start()
print("up", flush=True)
ctypes.CDLL(None).syscall({exit}, 0)
"""
SAYS_WHO_IS_ALIVE = """
import pathlib, signal, sys, time
other, noted = map(pathlib.Path, sys.argv[1:])
def over(*_):
    noted.write_text(str(other.exists()))
    sys.exit()
signal.signal(signal.SIGTERM, over)
print("up", flush=True)
time.sleep(600)
"""
STOPPED = "import os, signal; print('up', flush=True); os.kill(os.getpid(), signal.SIGSTOP)"


@contextmanager
def running(code: str, *arguments: str | Path) -> Iterator[Process]:
    command = [sys.executable, "-c", code, *map(str, arguments)]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as started:
        try:
            assert started.stdout is not None and started.stdout.readline() == b"up\n"
            found = Process.read(started.pid)
            assert found is not None
            yield found
        finally:
            started.kill()


def trace(process: Process) -> Trace:
    return Trace(process.pid, process.start)


def state_of(process: Process) -> str:
    return Path(f"/proc/{process.pid}/stat").read_text().rpartition(")")[2].split()[0]


@pytest.mark.skipif(os.uname().machine not in ("x86_64", "aarch64"), reason="the number of exit(2) is not known here")
def test_a_process_whose_first_thread_has_ended_still_runs_and_is_ended() -> None:
    """The kernel calls it a zombie, and cgroup.kill passes over it."""
    number = 60 if os.uname().machine == "x86_64" else 93
    with running(FIRST_THREAD_GONE.replace("{exit}", str(number))) as process:
        wait_until(lambda: state_of(process) == "Z", "its first thread's end")
        assert process.is_alive and process.pid in processes.running(process.uid)
        assert end_all([(trace(process), "over")]) == [[]]
        assert not process.is_alive and process.pid not in processes.running(process.uid)


def test_one_that_puts_its_end_off_keeps_no_other_waiting(tmp_path: Path) -> None:
    """A person can stop the half of sshd that runs as them: it hears no TERM then."""
    noted = tmp_path / "noted"
    with running(STOPPED) as stopped, running(SAYS_WHO_IS_ALIVE, f"/proc/{stopped.pid}/cwd", noted) as other:
        assert end_all([(trace(stopped), "over"), (trace(other), "over")]) == [[], []]
    assert noted.read_text() == "True"


@pytest.fixture
def paths(tmp_path: Path) -> Paths:
    paths = Paths(tmp_path)
    paths.memory.mkdir(parents=True, mode=0o700)
    return paths


def known(process: Process, **changes: object) -> Open:
    session = HostSession(
        id="0" * 12, account="deploy", address="192.0.2.7", since=int(time.time()) - 7200, way="certificate",
        key_id="a@x.org", ca="SHA256:x", serial=7,
    )  # fmt: skip
    return Open(session=session, pid=process.pid, start=process.start, **changes)  # type: ignore[arg-type]


def remember(paths: Paths, *sessions: Open) -> None:
    Memory(boot=boot_id(), sessions=list(sessions)).save(paths.sessions)


@pytest.fixture
def over(monkeypatch: pytest.MonkeyPatch) -> None:
    """The bundle says that this session is over."""
    bundle = replace(FakeCa()._bundle(), session_ends=[SessionEnd(session="0" * 12, at=1, reason="enough")])
    monkeypatch.setattr(turns, "_in_force", lambda _: (bundle, b""))


def test_whoever_is_killed_right_after_an_end_has_said_so(paths: Paths) -> None:
    with running(STOPPED) as gone:
        remember(paths, known(gone, why="enough"))
    (closed,) = turns.turn(paths, time.time()).closed
    assert (closed.session.serial, closed.reason, closed.survivors) == (7, "enough", [])
    kept = Memory.load(paths.sessions)
    assert ([each.reason for each in kept.closed], kept.sessions) == (["enough"], [])
    assert turns.turn(paths, time.time()).closed == []


def test_who_leaves_by_themselves_was_not_ended(paths: Paths) -> None:
    with running(STOPPED) as gone:
        remember(paths, known(gone))
    assert turns.turn(paths, time.time()).closed == []


@pytest.mark.usefixtures("over")
def test_why_is_on_the_disk_before_the_end(paths: Paths, monkeypatch: pytest.MonkeyPatch) -> None:
    seen = list[str]()

    def end(_: object) -> list[list[str]]:
        seen.extend(each.why for each in Memory.load(paths.sessions).sessions)
        return [[]]

    monkeypatch.setattr(turns, "end_all", end)
    with running(STOPPED) as process:
        remember(paths, known(process))
        turns.turn(paths, time.time())
    assert seen == ["enough"]


@pytest.mark.usefixtures("over")
def test_a_full_disk_keeps_nobody_in(paths: Paths, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with running(STOPPED) as process:
        remember(paths, known(process))
        monkeypatch.setattr(Memory, "save", full)
        turned = turns.turn(paths, time.time())
        assert not process.is_alive
    assert [each.reason for each in turned.closed] == ["enough"]
    assert any("No space left" in each for each in turned.said)
