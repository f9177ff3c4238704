"""When a host that listens tells the CA of itself."""

from __future__ import annotations

from daypass.api import HostSelf, HostSyncRequest
from daypass.host.run.pace import Pace
from daypass.host.run.telling import Telling

PACE = Pace(told=300, again=6 * 3600)
ASKED = HostSyncRequest(digest="d", accounts=["alice"], about=HostSelf(openssh="9.2", since=1))


class Clock:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


def told_at_once() -> tuple[Telling, Clock]:
    clock = Clock()
    telling = Telling(PACE, clock)
    telling.told(ASKED)
    return telling, clock


def test_what_is_new_is_told_within_minutes_and_not_at_once() -> None:
    telling, clock = told_at_once()
    new = HostSyncRequest(digest="d", accounts=["alice", "bob"], about=ASKED.about)
    assert not telling.due(new)
    clock.now += PACE.told
    assert telling.due(new)
    telling.told(new)
    assert not telling.due(new)


def test_a_sign_of_life_is_nothing_new() -> None:
    telling, clock = told_at_once()
    for passed in (0.0, 400.0, 4000.0):
        clock.now = 1000 + passed
        assert not telling.due(HostSyncRequest(digest="d", bundle_version=7, accounts=["alice"], about=ASKED.about))
        about = HostSelf(openssh="9.2", since=int(clock.now))
        assert not telling.due(HostSyncRequest(digest="d", accounts=["alice"], about=about))


def test_what_went_back_to_what_it_was_is_not_told() -> None:
    telling, clock = told_at_once()
    assert not telling.due(HostSyncRequest(digest="e"))
    assert not telling.due(ASKED)
    clock.now += PACE.told
    assert not telling.due(HostSyncRequest(digest="e"))


def test_the_same_is_told_again_after_hours() -> None:
    telling, clock = told_at_once()
    clock.now += PACE.again - 1
    assert not telling.due(ASKED)
    clock.now += 1
    assert not telling.due(ASKED)
    clock.now += PACE.told
    assert telling.due(ASKED)
    telling.told(ASKED)
    clock.now += PACE.again - 1
    assert not telling.due(ASKED)
