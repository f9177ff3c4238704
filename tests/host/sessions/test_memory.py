"""Which line is whose session: that of a process which was there before the line, and is sshd's and root's."""

from __future__ import annotations

import os
import time
from typing import Any

import pytest
from msgspec.structs import replace
from tests.host.box import Box

from daypass.host.logins import Login
from daypass.host.sessions.memory import Memory, _opened, worth_writing
from daypass.host.sessions.process import NO_AUDIT, Process, boot_id, uptime_of
from daypass.host.sessions.whose import Trace, belongings


def login(pid: int, uptime: float | None, boot: str = "") -> Login:
    return Login("deploy", "certificate", "a@x.org", time.time(), pid, "192.0.2.7", "SHA256:x", 7, boot, uptime)


def test_a_line_is_a_process_s_own_only_if_that_was_there_first(box: Box) -> None:
    """A pid that is another's by now: the line was written before that one was started."""
    with box.running() as sshd:
        process = Process.read(sshd.process.pid)
        assert process is not None and process.is_sshd_of_root
        started = uptime_of(process.start)
        cases = [(started - 1, False), (started - 0.2, False), (started + 0.2, True), (started + 86400, True)]
        for uptime, is_its in cases:
            assert (_opened(login(process.pid, uptime), boot_id()) is not None) is is_its, uptime - started
    assert _opened(login(process.pid, started + 1), boot_id()) is None


def test_nobody_else_s_process_is_a_session_whatever_it_is_called() -> None:
    assert _opened(login(os.getpid(), 1e9), boot_id()) is None
    assert _opened(login(1, 1e9), boot_id()) is None


def test_the_same_process_has_the_same_name_in_every_look_and_no_other_has_it(box: Box) -> None:
    with box.running() as sshd:
        seen = [_opened(login(sshd.process.pid, 1e9), boot) for boot in (boot_id(), boot_id(), "0" * 32)]
    names = [each.session.id for each in seen if each is not None]
    assert names[0] == names[1] != names[2] and all(len(each) == 12 for each in names)


def process(pid: int, parent: int, audit: int = NO_AUDIT) -> Process:
    return Process(pid, parent, 1000 + pid, 5001, "sh", audit, -1)


WHOSE: list[tuple[str, Trace, set[int]]] = [
    ("what it has started", Trace(10, 1010), {10, 11, 12}),
    ("an earlier process of that pid", Trace(10, 999), set()),
    ("one audit session, its parents gone", Trace(10, 999, audit=7), {12, 20}),
    ("both", Trace(10, 1010, audit=7), {10, 11, 12, 20}),
    ("no audit session is not one audit session", Trace(99, 1099), set()),
]


@pytest.mark.parametrize(("trace", "pids"), [row[1:] for row in WHOSE], ids=[row[0] for row in WHOSE])
def test_what_belongs_to_a_session(trace: Trace, pids: set[int]) -> None:
    here = [process(10, 1), process(11, 10), process(12, 11, 7), process(20, 1, 7), process(30, 1), process(31, 1, 8)]
    found = belongings(trace, running={each.pid: each for each in here})
    assert {each.pid for each in found.all} == pids


def test_another_login_below_it_is_not_its_own() -> None:
    """Somebody who came in by an sshd that was started there: PAM has given them an audit session of theirs."""
    here = {each.pid: each for each in (process(10, 1, 7), process(11, 10, 7), process(12, 11, 8))}
    assert {each.pid for each in belongings(Trace(10, 1010, audit=7), running=here).all} == {10, 11}


CHANGES: list[tuple[str, dict[str, Any], bool]] = [
    ("nothing", {}, False),
    ("a place in the journal", {"cursor": "b", "read_at": 100}, False),
    ("a place in the journal, long after", {"cursor": "b", "read_at": 700}, True),
    ("time alone", {"read_at": 7000}, False),
    ("a login that is over", {"cursor": "b", "logins": 1}, True),
]


@pytest.mark.parametrize(("changes", "written"), [row[1:] for row in CHANGES], ids=[row[0] for row in CHANGES])
def test_it_is_written_for_what_is_worth_a_write(changes: dict[str, Any], written: bool) -> None:
    before = Memory(boot="x", cursor="a", read_at=50)
    assert worth_writing(before, replace(before, **changes)) is written
