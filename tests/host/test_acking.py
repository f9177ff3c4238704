"""The host's word to its CA: said when it is new, kept until it was heard, cut to what the CA reads."""

from __future__ import annotations

import time
from typing import Any

import msgspec
import pytest
from msgspec.structs import replace
from tests.host.box import Box

from daypass.api import MAX_BODY, ClosedSession, EndingReport, HostAck, HostSession
from daypass.errors import DaypassError, NotFound, Unavailable
from daypass.host.acking import acknowledge, word
from daypass.host.look_after import end_sessions, say
from daypass.host.remains.memory import Known
from daypass.host.remains.memory import Memory as Remains
from daypass.host.run.voice import Voice
from daypass.host.run.watch import Watch
from daypass.host.sessions.memory import Memory, Open
from daypass.host.state import State


def session(name: str = "0123456789ab", **changes: Any) -> HostSession:
    given: dict[str, Any] = {"account": "deploy", "address": "192.0.2.7", "since": 7, "way": "certificate"}
    return HostSession(id=name, **(given | changes))


def closed(name: str) -> ClosedSession:
    return ClosedSession(session=session(name), closed_at=9.5, reason="revoked", survivors=["sh (7)"] * 40)


@pytest.fixture
def host(box: Box) -> Box:
    box.enrol()
    box.sync()
    return box


def remember(host: Box, **changes: Any) -> None:
    replace(Memory.load(host.paths.sessions), **changes).save(host.paths.sessions)


def said(host: Box) -> list[HostAck]:
    """What the CA has heard since the last time."""
    heard, host.ca.acked = host.ca.acked, []
    return heard


def test_it_says_what_is_in_force_once_and_again_when_that_is_new(host: Box) -> None:
    assert acknowledge(host.paths, host.ca) is not None
    assert acknowledge(host.paths, host.ca) is None
    (first,) = said(host)
    assert (first.bundle_version, first.krl_version, first.sessions) == (1, 1, [])
    host.change()
    host.sync()
    acknowledge(host.paths, host.ca)
    (second,) = said(host)
    assert (second.bundle_version, second.sessions) == (2, None)


def test_it_says_who_is_there_when_that_has_changed(host: Box) -> None:
    acknowledge(host.paths, host.ca)
    remember(host, sessions=[Open(session=session(), pid=7, start=7)])
    acknowledge(host.paths, host.ca)
    assert [each.sessions for each in said(host)] == [[], [session()]]


def test_what_was_closed_and_what_was_found_is_said_until_it_was_heard(host: Box) -> None:
    remember(host, closed=[closed("0123456789ab")])
    host.ca.ack_error = Unavailable("down")
    report = EndingReport(ending="e1", time=8)
    left = Remains.load(host.paths)
    left.endings = {"e1": Known(report=report, policy="report", undone=False)}
    left.save(host.paths)
    for _ in range(2):
        with pytest.raises(DaypassError, match="down"):
            acknowledge(host.paths, host.ca)
    host.ca.ack_error = None
    acknowledge(host.paths, host.ca)
    (word,) = said(host)
    assert [each.session.id for each in word.closed] == ["0123456789ab"]
    assert len(word.closed[0].survivors) == 20 and word.endings == [report]
    assert Memory.load(host.paths.sessions).closed == []


def test_however_much_there_is_to_say_the_ca_reads_it_and_the_rest_is_said_next(host: Box) -> None:
    many = [closed(f"{number:012x}") for number in range(600)]
    open_ = [Open(session=each.session, pid=7, start=7) for each in many]
    remember(host, closed=many, sessions=open_)
    while acknowledge(host.paths, host.ca) is not None:
        assert len(host.ca.acked) < 30
    heard = said(host)
    assert all(len(msgspec.json.encode(each)) < MAX_BODY for each in heard)
    assert [each.session.id for word in heard for each in word.closed] == [each.session.id for each in many]


def test_a_machine_that_is_not_enrolled_says_nothing(box: Box) -> None:
    box.paths.memory.mkdir(parents=True)
    assert acknowledge(box.paths, box.ca) is None


def test_what_a_boot_has_ended_is_forgotten_and_what_was_closed_before_is_not(host: Box) -> None:
    remember(host, sessions=[Open(session=session(), pid=7, start=7)], closed=[closed("0123456789ab")])
    before = Memory.load(host.paths.sessions)
    replace(before, boot="0" * 32).save(host.paths.sessions)
    after = Memory.load(host.paths.sessions)
    assert (after.sessions, after.closed) == ([], before.closed)


@pytest.mark.parametrize("content", [b"", b"{}", b'{"boot":7}', b"\xff"])
def test_a_broken_file_is_begun_anew(host: Box, content: bytes) -> None:
    host.paths.sessions.write_bytes(content)
    host.paths.sessions.chmod(0o600)
    assert Memory.load(host.paths.sessions).sessions == []


def test_a_sync_by_cron_says_it_too_and_a_ca_that_does_not_know_such_words_is_no_trouble(host: Box) -> None:
    host.ca.ack_error = NotFound("no such route")
    assert say(host.paths, host.ca) == []
    host.ca.ack_error = Unavailable("down")
    assert say(host.paths, host.ca) == ["the CA has not heard what is in force: down"]
    host.ca.ack_error = None
    assert say(host.paths, host.ca) == []
    assert end_sessions(host.paths, time.time()) == ([], [])
    assert len(said(host)) == 1


def test_word_is_none_where_nothing_is_new(host: Box) -> None:
    state = State.load(host.paths.state)
    assert state is not None
    memory = Memory.load(host.paths.sessions)
    first = word(state, memory)
    assert first is not None
    assert word(state, replace(memory, applied=first.applied, told=first.told)) is None


def watch(host: Box, lines: list[str], now: list[float]) -> Watch:
    return Watch(host.paths, Voice(write=lines.append), lambda _: host.ca, clock=lambda: now[0])


def test_the_agent_says_it_within_the_time_that_the_ca_gives_and_not_before(host: Box) -> None:
    now, lines = [100.0], list[str]()
    watching = watch(host, lines, now)
    watching.wake(40.0)
    wait = watching.step()
    while not host.ca.acked:
        now[0] += wait
        assert now[0] <= 145
        wait = watching.step()
    assert lines == []


def test_a_turn_follows_a_word_from_the_ca_soon_and_then_from_time_to_time(host: Box) -> None:
    watching = watch(host, [], [100.0])
    watching.wake()
    assert [round(watching.step(), 1) for _ in range(3)] == [1.5, 10.0, 10.0]


def test_a_ca_that_does_not_hear_is_complained_of_once_and_tried_less_and_less(host: Box) -> None:
    now, lines = [100.0], list[str]()
    watching, host.ca.ack_error = watch(host, lines, now), Unavailable("down")
    for _ in range(40):
        now[0] += watching.step()
    assert [line for line in lines if "has not heard" in line] == lines[:1] and len(lines) == 1
    host.ca.ack_error = None
    now[0] += 700
    watching.step()
    assert len(said(host)) == 1
