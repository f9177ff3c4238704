"""What arrives together is done together, and everyone gets their own answer."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Awaitable, Callable, Sequence

import pytest

from daypass.errors import Unavailable
from daypass.store.batch import MAX_GROUP, Batcher


def play(scenario: Callable[[Batcher], Awaitable[None]]) -> None:
    async def run() -> None:
        batcher = Batcher("test")
        try:
            await scenario(batcher)
        finally:
            await batcher.close()

    asyncio.run(run())


class Recorder:
    """Work that remembers its groups; the first waits for `go`."""

    def __init__(self) -> None:
        self.groups: list[list[int]] = []
        self.threads: set[int] = set()
        self.go = threading.Event()

    def __call__(self, items: Sequence[int]) -> Sequence[int | Exception]:
        self.go.wait(5)
        self.groups.append(list(items))
        self.threads.add(threading.get_ident())
        return [ValueError(item) if item < 0 else item * 10 for item in items]


def test_what_is_submitted_in_one_turn_is_one_group() -> None:
    async def scenario(batcher: Batcher) -> None:
        work = Recorder()
        work.go.set()
        assert await asyncio.gather(*(batcher.submit(work, number) for number in range(5))) == [0, 10, 20, 30, 40]
        assert work.groups == [[0, 1, 2, 3, 4]]
        assert work.threads != {threading.get_ident()}

    play(scenario)


def test_what_arrives_while_the_worker_is_busy_waits_as_one_group_for_each_kind_of_work() -> None:
    async def scenario(batcher: Batcher) -> None:
        one, two = Recorder(), Recorder()
        two.go.set()
        first = asyncio.create_task(batcher.submit(one, 1))
        await asyncio.sleep(0.05)
        rest = [asyncio.create_task(batcher.submit((one, two)[number % 2], number)) for number in range(2, 8)]
        await asyncio.sleep(0.05)
        one.go.set()
        await asyncio.gather(first, *rest)
        assert (one.groups, two.groups) == ([[1], [2, 4, 6]], [[3, 5, 7]])
        assert len(one.threads | two.threads) == 1

    play(scenario)


def test_no_group_is_larger_than_the_cap() -> None:
    async def scenario(batcher: Batcher) -> None:
        work = Recorder()
        work.go.set()
        await asyncio.gather(*(batcher.submit(work, number) for number in range(MAX_GROUP + 3)))
        assert [len(group) for group in work.groups] == [MAX_GROUP, 3]

    play(scenario)


def test_an_exception_goes_to_the_one_it_concerns() -> None:
    async def scenario(batcher: Batcher) -> None:
        work = Recorder()
        work.go.set()
        answers = await asyncio.gather(*(batcher.submit(work, n) for n in (1, -2, 3)), return_exceptions=True)
        assert [str(answer) for answer in answers] == ["10", "-2", "30"]
        assert isinstance(answers[1], ValueError)

    play(scenario)


def test_work_that_raises_fails_its_whole_group_and_no_other() -> None:
    def broken(items: Sequence[int]) -> Sequence[int]:
        raise OSError(len(items))

    async def scenario(batcher: Batcher) -> None:
        work = Recorder()
        work.go.set()
        asked = [batcher.submit(broken, 1), batcher.submit(broken, 2), batcher.submit(work, 3)]
        answers = await asyncio.gather(*asked, return_exceptions=True)
        assert [type(answer) for answer in answers] == [OSError, OSError, int]

    play(scenario)


def test_a_request_that_is_cancelled_takes_no_neighbour_with_it() -> None:
    async def scenario(batcher: Batcher) -> None:
        work = Recorder()
        tasks = [asyncio.create_task(batcher.submit(work, number)) for number in range(3)]
        await asyncio.sleep(0.05)
        tasks[1].cancel()
        work.go.set()
        assert list(await asyncio.gather(tasks[0], tasks[2])) == [0, 20]

    play(scenario)


def test_closing_finishes_what_was_submitted_and_refuses_the_rest() -> None:
    async def scenario(batcher: Batcher) -> None:
        work = Recorder()
        last = asyncio.create_task(batcher.submit(work, 1))
        await asyncio.sleep(0)
        work.go.set()
        await batcher.close()
        assert await last == 10
        with pytest.raises(Unavailable):
            await batcher.submit(work, 2)

    play(scenario)
