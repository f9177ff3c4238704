"""Work that arrives together is done together: an asyncio front, one worker thread behind it.

Everything submitted during one turn of the event loop is handed over at once, and all results of a group come
back at once: a thread switch per group, not per request.
"""

from __future__ import annotations

import asyncio
import threading
from collections import deque
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from daypass.errors import Unavailable

__all__ = ["MAX_GROUP", "Batcher", "Work", "settle"]

MAX_GROUP = 256  # items one piece of work is given at most
Item = TypeVar("Item")
Result = TypeVar("Result")
Work = Callable[[Sequence[Item]], Sequence[Result | Exception]]
"""Takes a group, gives one result or exception each, in order. What it raises goes to the whole group."""

_Entry = tuple[Callable[..., Any], Any, "asyncio.Future[Any]"]


class Batcher:
    """One worker thread for one event loop. Items of the same work are grouped, in the order of their arrival."""

    def __init__(self, name: str) -> None:
        self._fresh: list[_Entry] = []  # submitted in this turn of the loop; touched by the loop's thread only
        self._open = 0  # submitted and not settled; the same
        self._queue: deque[_Entry] = deque()
        self._wake = threading.Condition()
        self._closed = False
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)
        self._thread.start()

    async def submit(self, work: Work[Item, Result], item: Item) -> Result:
        """The item's result; raises its exception, or Unavailable once closed."""
        return await self.put(work, item)

    def put(
        self, work: Work[Item, Result], item: Item, future: asyncio.Future[Result] | None = None
    ) -> asyncio.Future[Result]:
        """The same, as a future: `future` where somebody waits for one already."""
        if self._closed:
            raise Unavailable("the store is closed", code="store.closed")
        loop = asyncio.get_running_loop()
        future = future or loop.create_future()
        if not self._fresh:
            loop.call_soon(self._hand_over)
        self._fresh.append((work, item, future))
        self._open += 1
        return future

    @property
    def busy(self) -> bool:
        """Whether anything submitted has not been answered."""
        return self._open > 0

    async def close(self) -> None:
        """Finishes what was submitted, then ends the thread."""
        self._closed = True
        self._hand_over()
        await asyncio.to_thread(self._thread.join)

    def _hand_over(self) -> None:
        fresh, self._fresh = self._fresh, []
        with self._wake:
            self._queue.extend(fresh)
            self._wake.notify()

    def _run(self) -> None:
        while group := self._next_group():
            self._deliver(group, _perform(group[0][0], [item for _, item, _ in group]))

    def _next_group(self) -> list[_Entry]:
        """The oldest item and all that wait for the same work; empty at the end."""
        with self._wake:
            while not self._queue:
                if self._closed:
                    return []
                self._wake.wait()
            waiting, work = list(self._queue), self._queue[0][0]
            group = [entry for entry in waiting if entry[0] == work][:MAX_GROUP]
            taken = {id(entry) for entry in group}
            self._queue = deque(entry for entry in waiting if id(entry) not in taken)
            return group

    def _deliver(self, group: list[_Entry], results: Sequence[Any]) -> None:
        futures = [future for _, _, future in group]
        try:
            futures[0].get_loop().call_soon_threadsafe(self._answered, futures, results)
        except RuntimeError:  # the loop is gone, and with it all who waited
            return

    def _answered(self, futures: list[asyncio.Future[Any]], results: Sequence[Any]) -> None:
        self._open -= len(futures)
        settle(futures, results)


def _perform(work: Callable[..., Sequence[Any]], items: list[Any]) -> Sequence[Any]:
    try:
        return work(items)
    except Exception as error:  # whatever it is, somebody waits for an answer and the thread must go on
        return [error] * len(items)


def settle(futures: list[asyncio.Future[Any]], results: Sequence[Any]) -> None:
    """Give each future its result, or its exception."""
    for future, result in zip(futures, results, strict=True):
        if future.done():  # the request was cancelled meanwhile
            continue
        if isinstance(result, Exception):
            future.set_exception(result)
        else:
            future.set_result(result)
