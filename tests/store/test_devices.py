"""Sign-ins on another device: rows that live for minutes, moved on by compare-and-set, on both databases."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from msgspec.structs import replace
from tests.store.build import NOW, certificate, recording, verified_ledger
from tests.store.conftest import Scenario, opened, rows
from tests.store.ends import revoke

from daypass.ca.ports import DeviceCaps, DeviceOutcome, DeviceRequest, DeviceState, Refusal
from daypass.errors import Conflict, Invalid, Throttled
from daypass.store import SqlStore

Run = Callable[[Scenario], None]
CAPS = DeviceCaps(network=3, overall=5)
ANY = tuple(DeviceState)
ADDRESS = "203.0.113.5"
BROWSER, OTHER = b"b" * 32, b"o" * 32
NO = Refusal("device.denied", "no", "ask again")


def request(**changes: Any) -> DeviceRequest:
    made = DeviceRequest(
        device_hash=os.urandom(32), user_hash=os.urandom(32), public_key=b"key", salt=b"s" * 32, machine="büro-1",
        address="192.0.2.7", network="192.0.2.7", provider="idp", lifetime=None, created_at=NOW, expires_at=NOW + 600,
    )  # fmt: skip
    return replace(made, **changes)


async def added(store: SqlStore, **changes: Any) -> DeviceRequest:
    made = request(**changes)
    await store.add_device(made, CAPS)
    return made


async def at(store: SqlStore, state: DeviceState, **changes: Any) -> DeviceRequest:
    """One that has come as far as `state`."""
    made = await added(store, **changes)
    if state is not DeviceState.WAITING:
        await store.bind_device(made.user_hash, os.urandom(32), ADDRESS, NOW)
        assert state is DeviceState.SEEN or await store.move_device(made.device_hash, ANY, state, NOW)
    return made


async def state(store: SqlStore, made: DeviceRequest) -> DeviceState:
    found = await store.device(made.device_hash, NOW)
    assert found is not None
    return found.state


def test_what_was_added_is_found_as_it_was(run: Run) -> None:
    async def scenario(store: SqlStore) -> None:
        for made in (request(), request(lifetime=3600), request(role="db-admin")):
            await store.add_device(made, CAPS)
            assert await store.device(made.device_hash, NOW) == made
        assert await store.device(os.urandom(32), NOW) is None
        assert await store.device_of(BROWSER, NOW) is None

    run(scenario)


def test_a_code_is_bound_to_the_first_browser_that_types_it(run: Run) -> None:
    async def scenario(store: SqlStore) -> None:
        made = await added(store)
        bound = await store.bind_device(made.user_hash, BROWSER, ADDRESS, NOW)
        assert bound == replace(made, state=DeviceState.SEEN, browser_hash=BROWSER, browser_address=ADDRESS)
        assert await store.bind_device(made.user_hash, BROWSER, ADDRESS, NOW) == bound
        assert await store.bind_device(made.user_hash, OTHER, ADDRESS, NOW) is None
        assert await store.bind_device(os.urandom(32), OTHER, ADDRESS, NOW) is None
        assert await store.device_of(BROWSER, NOW) == bound
        assert await store.device_of(OTHER, NOW) is None

    run(scenario)


def test_a_browser_has_one_request_at_a_time(run: Run) -> None:
    async def scenario(store: SqlStore) -> None:
        first, second = await added(store), await added(store)
        await store.bind_device(first.user_hash, BROWSER, ADDRESS, NOW)
        with pytest.raises(Conflict):
            await store.bind_device(second.user_hash, BROWSER, ADDRESS, NOW)
        assert await state(store, second) is DeviceState.WAITING

    run(scenario)


@pytest.mark.parametrize("late", [DeviceState.REDEEMING, DeviceState.ISSUED, DeviceState.REFUSED])
def test_a_code_that_was_dealt_with_is_no_code_any_more(run: Run, late: DeviceState) -> None:
    async def scenario(store: SqlStore) -> None:
        made = await added(store)
        await store.bind_device(made.user_hash, BROWSER, ADDRESS, NOW)
        await store.move_device(made.device_hash, ANY, late, NOW)
        assert await store.bind_device(made.user_hash, BROWSER, ADDRESS, NOW) is None

    run(scenario)


Act = Callable[[SqlStore, DeviceRequest, int], Awaitable[object]]
ACTS: dict[str, Act] = {
    "found": lambda store, made, now: store.device(made.device_hash, now),
    "typed": lambda store, made, now: store.bind_device(made.user_hash, BROWSER, ADDRESS, now),
    "moved": lambda store, made, now: store.move_device(made.device_hash, ANY, DeviceState.ALLOWED, now),
    "refused": lambda store, made, now: store.refuse_device(made.device_hash, ANY, NO, now),
}


@pytest.mark.parametrize("act", ACTS.values(), ids=ACTS)
def test_expiry_is_looked_at_when_it_is_used(run: Run, act: Act) -> None:
    async def scenario(store: SqlStore) -> None:
        made = await added(store)
        assert not await act(store, made, made.expires_at)
        assert await act(store, made, made.expires_at - 1)

    run(scenario)


def test_a_browser_is_not_bound_to_what_has_expired(run: Run) -> None:
    async def scenario(store: SqlStore) -> None:
        made = await added(store)
        await store.bind_device(made.user_hash, BROWSER, ADDRESS, NOW)
        assert await store.device_of(BROWSER, made.expires_at) is None

    run(scenario)


def test_expired_requests_are_forgotten_by_the_next_one_and_by_the_clearance(url: str) -> None:
    count = "SELECT count(*) FROM device_requests"

    async def scenario() -> None:
        async with opened(url) as store:
            for _ in range(3):
                await added(store, expires_at=NOW + 10)
            await added(store, created_at=NOW + 10)
            assert rows(url, count) == [(1,)]
            await store.forget_expired(NOW + 600)
            assert rows(url, count) == [(0,)]

    asyncio.run(scenario())


def test_there_is_room_for_so_many_from_one_network_and_for_so_many_at_all(run: Run) -> None:
    async def scenario(store: SqlStore) -> None:
        for _ in range(CAPS.network):
            await at(store, DeviceState.REFUSED)
        with pytest.raises(Throttled, match="from your network") as caught:
            await added(store)
        assert caught.value.retry_after and caught.value.hint
        for number in range(CAPS.overall - CAPS.network):
            await added(store, network=f"198.51.100.{number}")
        with pytest.raises(Throttled, match="on another device are under way"):
            await added(store, network="203.0.113.9")
        await added(store, created_at=NOW + 600)

    run(scenario)


def test_no_two_requests_share_a_code(run: Run) -> None:
    async def scenario(store: SqlStore) -> None:
        made = await added(store)
        for field in ("device_hash", "user_hash"):
            with pytest.raises(Conflict):
                await added(store, **{field: getattr(made, field)})

    run(scenario)


@pytest.mark.parametrize("text", ["a\0b", "\ud800"])
def test_what_no_database_holds_is_refused_before_it_gets_there(run: Run, text: str) -> None:
    async def scenario(store: SqlStore) -> None:
        with pytest.raises(Invalid):
            await added(store, machine=text)
        made = await added(store)
        with pytest.raises(Invalid):
            await store.refuse_device(made.device_hash, ANY, Refusal("x", text), NOW)

    run(scenario)


def test_a_move_starts_where_it_says_or_not_at_all(run: Run) -> None:
    async def scenario(store: SqlStore) -> None:
        made = await at(store, DeviceState.SEEN)
        allowed, redeeming = DeviceState.ALLOWED, DeviceState.REDEEMING
        assert not await store.move_device(made.device_hash, {allowed}, redeeming, NOW)
        assert await store.move_device(made.device_hash, {DeviceState.SEEN, allowed}, allowed, NOW)
        assert await store.move_device(made.device_hash, {allowed}, redeeming, NOW)
        assert not await store.move_device(made.device_hash, {allowed}, redeeming, NOW)
        assert not await store.move_device(os.urandom(32), ANY, redeeming, NOW)
        assert await state(store, made) is redeeming

    run(scenario)


def test_a_refusal_keeps_its_reason(run: Run) -> None:
    async def scenario(store: SqlStore) -> None:
        made = await at(store, DeviceState.ALLOWED)
        assert await store.refuse_device(made.device_hash, {DeviceState.ALLOWED}, NO, NOW)
        assert not await store.refuse_device(made.device_hash, {DeviceState.ALLOWED}, Refusal("x", "y"), NOW)
        found = await store.device(made.device_hash, NOW)
        assert found is not None and (found.state, found.refusal) == (DeviceState.REFUSED, NO)

    run(scenario)


def test_a_request_is_finished_once_and_the_ledger_says_so_once(run: Run) -> None:
    async def scenario(store: SqlStore) -> None:
        issued = recording(certificates=[certificate(serial=77)])
        await store.record(issued)
        made = await at(store, DeviceState.REDEEMING)
        outcome = DeviceOutcome(77, "alice", "example:alice", {"serial": 77, "machine": made.machine})
        assert await store.finish_device(made.device_hash, outcome, NOW)
        assert not await store.finish_device(made.device_hash, outcome, NOW)
        assert not await store.refuse_device(made.device_hash, {DeviceState.REDEEMING}, NO, NOW)
        found = await store.device(made.device_hash, NOW)
        assert found is not None and (found.state, found.serial, found.login) == (DeviceState.ISSUED, 77, "alice")
        assert (await verified_ledger(store))[-2:] == ["certificate.issue", "device.issue"]
        kept = await store.certificate(77)
        assert kept is not None and kept.certificate == issued.certificates[0].encode() and not kept.revoked
        await revoke(store, [77], reason="lost", actor="root", now=NOW)
        kept = await store.certificate(77)
        assert kept is not None and kept.revoked
        assert await store.certificate(78) is None

    run(scenario)


def test_what_is_not_under_way_is_not_finished(run: Run) -> None:
    async def scenario(store: SqlStore) -> None:
        made = await at(store, DeviceState.ALLOWED)
        outcome = DeviceOutcome(77, "alice", "example:alice", {})
        assert not await store.finish_device(made.device_hash, outcome, NOW)
        assert await verified_ledger(store) == ["config.publish"]

    run(scenario)


def test_of_two_processes_one_wins_each_move(url: str) -> None:
    """Two browsers with one code, two tabs with one answer: on stores of their own, as two CA processes have."""

    async def scenario() -> None:
        async with opened(url) as one, opened(url) as two:
            for _ in range(10):
                made = request(network=os.urandom(4).hex())
                await one.add_device(made, DeviceCaps(100, 100))
                bound = await asyncio.gather(
                    one.bind_device(made.user_hash, os.urandom(32), ADDRESS, NOW),
                    two.bind_device(made.user_hash, os.urandom(32), ADDRESS, NOW),
                )
                assert sum(each is not None for each in bound) == 1
                moved = await asyncio.gather(
                    *(store.move_device(made.device_hash, {DeviceState.SEEN}, DeviceState.ALLOWED, NOW)
                      for store in (one, two, one, two)),
                )  # fmt: skip
                assert sum(moved) == 1
                outcome = DeviceOutcome(1, "alice", "example:alice", {})
                await one.move_device(made.device_hash, {DeviceState.ALLOWED}, DeviceState.REDEEMING, NOW)
                ended = await asyncio.gather(
                    one.finish_device(made.device_hash, outcome, NOW),
                    two.refuse_device(made.device_hash, {DeviceState.REDEEMING}, NO, NOW),
                )
                assert sum(ended) == 1

    asyncio.run(scenario())


def test_two_processes_together_keep_the_caps(url: str) -> None:
    async def scenario() -> None:
        async with opened(url) as one, opened(url) as two:
            tried = [store.add_device(request(), CAPS) for store in (one, two) * 5]
            results = await asyncio.gather(*tried, return_exceptions=True)
            assert results.count(None) == CAPS.network
            assert sum(isinstance(each, Throttled) for each in results) == 10 - CAPS.network

    asyncio.run(scenario())
