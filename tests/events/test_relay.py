"""The relay: at least once, in order, whoever fails; an outlet that hangs holds up nobody."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.events.made import event, row
from tests.store.build import NOW, POLICY, recording

from daypass.ca.ending_ports import Ending, Source
from daypass.ca.event_ports import Event, Severity
from daypass.ca.relay import LEASE, LONGEST_PAUSE, MOST_ASKED, Outlet, Relay, as_event, next_try
from daypass.errors import Unavailable
from daypass.store import SqlStore, open_store


class Clock:
    def __init__(self) -> None:
        self.at = float(NOW)

    def now(self) -> float:
        return self.at

    def monotonic(self) -> float:
        return self.at


class Kept:
    """A way out that keeps what it is sent, and fails as it is told: `down`, or from `fails` events on."""

    def __init__(self) -> None:
        self.got: list[int] = []
        self.ids: list[str] = []
        self.down = self.lost = False
        self.fails: int | None = None
        self.came = asyncio.Event()

    async def send(self, event: Event) -> None:
        if self.down or (self.fails is not None and len(self.got) >= self.fails):
            raise Unavailable("it is down")
        self.got.append(event.seq)
        self.ids.append(event.id)
        self.came.set()

    async def settle(self) -> None:
        if self.lost:
            raise Unavailable("the connection was closed")

    async def close(self) -> None:
        pass


class Town:
    """A store, a clock and one outlet, told by as many processes as a test wants."""

    def __init__(self, store: SqlStore) -> None:
        self.store, self.clock, self.sink = store, Clock(), Kept()

    def relay(self, *acts: str, least: Severity = Severity.INFO) -> Relay:
        return Relay(self.store, [Outlet("alerts", acts or ("*",), least, self.sink)], self.clock)

    async def happen(self, *people: str) -> None:
        """An entry each: certificate.issue."""
        for each in people:
            await self.store.record(recording(each))

    async def head(self) -> int:
        return (await self.store.head()).seq


async def turns(relay: Relay, most: int = 20) -> int:
    done = 0
    while await relay.turn(relay.outlets[0]) and done < most:
        done += 1
    return done


@asynccontextmanager
async def town(folder: Path) -> AsyncIterator[Town]:
    store = open_store(f"sqlite:///{folder}/ca.sqlite", create=True)
    try:
        await store.publish("config_version = 1", POLICY, actor="root", now=NOW)
        yield Town(store)
    finally:
        await store.close()


@pytest.fixture
def play(tmp_path: Path) -> Callable[[Callable[[Town], Coroutine[Any, Any, None]]], None]:
    async def run(scenario: Callable[[Town], Coroutine[Any, Any, None]]) -> None:
        async with town(tmp_path) as made:
            await scenario(made)

    return lambda scenario: asyncio.run(run(scenario))


Play = Callable[[Callable[[Town], Coroutine[Any, Any, None]]], None]


def test_what_happens_is_told_in_its_order_and_nothing_from_before(play: Play) -> None:
    async def scenario(town: Town) -> None:
        await town.happen("alice")
        relay = town.relay()
        await turns(relay)
        assert town.sink.got == []
        start = await town.head()
        await town.happen("bob", "carol", "dave")
        await turns(relay)
        assert town.sink.got == [start + 1, start + 2, start + 3]
        await turns(relay)
        assert len(town.sink.got) == 3

    play(scenario)


def test_who_is_down_is_told_later_and_misses_nothing(play: Play) -> None:
    async def scenario(town: Town) -> None:
        relay = town.relay()
        await turns(relay)
        start = await town.head()
        await town.happen("alice", "bob", "carol")
        town.sink.fails = 1
        await turns(relay)
        assert town.sink.got == [start + 1]
        place = await town.store.event_place("alerts")
        assert (place.seq, place.failures, place.error) == (start + 1, 1, "it is down")
        await turns(relay)
        assert (await town.store.event_place("alerts")).failures == 1, "not before its time"
        town.clock.at += next_try(1)
        await turns(relay)
        assert (await town.store.event_place("alerts")).failures == 2
        town.sink.fails = None
        town.clock.at += next_try(2)
        await turns(relay)
        assert town.sink.got == [start + 1, start + 2, start + 3]
        assert (await town.store.event_place("alerts")).error is None

    play(scenario)


def test_what_may_not_have_arrived_is_sent_again_under_the_same_id(play: Play) -> None:
    async def scenario(town: Town) -> None:
        relay = town.relay()
        await turns(relay)
        await town.happen("alice")
        town.sink.lost = True
        await turns(relay)
        town.sink.lost = False
        town.clock.at += next_try(1)
        await turns(relay)
        first, second = town.sink.ids
        assert first == second

    play(scenario)


def test_a_process_that_died_is_followed_by_the_next_one(play: Play) -> None:
    """It had sent, and said nothing of it: the next one sends again. Two that live take turns."""

    async def scenario(town: Town) -> None:
        one, two = town.relay(), town.relay()
        await turns(one)
        await turns(two)
        start = await town.head()
        await town.happen("alice", "bob")
        assert await town.store.lease_events("alerts", "died", now=NOW, until=NOW + LEASE)
        await turns(one)
        assert town.sink.got == []
        town.clock.at += LEASE
        await turns(two)
        assert town.sink.got == [start + 1, start + 2]
        await turns(one)
        assert len(town.sink.got) == 2

    play(scenario)


def test_an_outlet_gets_what_it_asked_for_and_goes_past_the_rest(play: Play) -> None:
    async def scenario(town: Town) -> None:
        relay = town.relay("person.*", least=Severity.WARNING)
        await turns(relay)
        await town.happen("alice")
        (alice,) = [each.id for each in await town.store.people()]
        lock = Ending(source=Source.OPERATOR, actor="uid:0", reason="left", about="alice", persons=(alice,), lock="")
        await town.store.end(lock, now=NOW)
        await turns(relay)
        told = [each.act for each in await town.store.ledger(town.sink.got[0] - 1, 1)]
        assert (len(town.sink.got), told) == (1, ["person.lock"])
        assert (await town.store.event_place("alerts")).seq == await town.head()

    play(scenario)


def test_one_that_hangs_holds_up_no_other_and_its_end_gives_the_lease_back(play: Play) -> None:
    async def scenario(town: Town) -> None:
        class Hanging(Kept):
            async def send(self, event: Event) -> None:  # noqa: ARG002
                await asyncio.Event().wait()

        hangs = Outlet("hangs", ("*",), Severity.INFO, Hanging())
        outlets = [hangs, Outlet("alerts", ("*",), Severity.INFO, town.sink)]
        relay = Relay(town.store, outlets, town.clock)
        for each in relay.outlets:
            await relay.turn(each)
        await town.happen("alice")
        task = asyncio.create_task(relay.watch())
        await town.sink.came.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert [each.leased_by for each in await town.store.event_places()] == [None, None]

    play(scenario)


@settings(max_examples=25)
@given(st.lists(st.tuples(st.integers(0, 3), st.sampled_from(["well", "down", "lost", "dies"])), max_size=8))
def test_whatever_fails_nothing_is_missed_and_nothing_first_comes_out_of_order(
    tmp_path_factory: pytest.TempPathFactory, story: list[tuple[int, str]]
) -> None:
    async def run() -> None:
        async with town(tmp_path_factory.mktemp("relay")) as made:
            relay = made.relay()
            await turns(relay)
            start = await made.head()
            for number, (count, how) in enumerate([*story, (1, "well")]):
                await made.happen(*(f"p{number}-{each}" for each in range(count)))
                made.sink.down, made.sink.lost = how == "down", how == "lost"
                made.clock.at += LONGEST_PAUSE + LEASE
                await turns(relay)
                relay = made.relay() if how == "dies" else relay
            firsts = list(dict.fromkeys(made.sink.got))
            assert firsts == list(range(start + 1, await made.head() + 1))

    asyncio.run(run())


SEVERITIES = [
    ("credential.reused", {}, Severity.ALERT),
    ("provider.unmatched", {}, Severity.ALERT),
    ("host.clone", {}, Severity.ALERT),
    ("certificate.revoke", {"held": True}, Severity.ALERT),
    ("certificate.revoke", {"held": False}, Severity.NOTICE),
    ("certificate.deny", {}, Severity.WARNING),
    ("token.deny", {}, Severity.WARNING),
    ("person.lock", {}, Severity.WARNING),
    ("certificate.issue", {}, Severity.INFO),
    ("something.new", {}, Severity.NOTICE),
]


@pytest.mark.parametrize(("act", "details", "grave"), SEVERITIES)
def test_an_alarm_is_marked_as_one(act: str, details: dict[str, Any], grave: Severity) -> None:
    assert event(act=act, **details).severity is grave


def test_the_same_number_of_another_ledger_is_another_event() -> None:
    one = row(7)
    other = type(one)(one.seq, one.time, one.act, one.entry, b"y" * 32)
    assert as_event(one).id != as_event(other).id
    assert "." not in as_event(one).id, "it stands between dots in what is signed"


def test_what_is_no_entry_is_passed_on_by_its_act() -> None:
    made = as_event(type(row(7))(7, NOW, "person.lock", b"\xff", bytes(32)))
    assert (made.fields, made.severity) == ({}, Severity.WARNING)


@pytest.mark.parametrize(
    ("failures", "asked", "pause"),
    [
        *((1, None, 2), (2, None, 4), (8, None, 256), (9, None, LONGEST_PAUSE), (10**6, None, LONGEST_PAUSE)),
        *((1, 120, 120), (1, 10**8, MOST_ASKED), (9, 1, LONGEST_PAUSE)),
    ],
)
def test_pauses_grow_and_end_somewhere(failures: int, asked: int | None, pause: int) -> None:
    assert next_try(failures, asked) == pause
