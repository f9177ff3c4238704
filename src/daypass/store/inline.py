"""SQLite's hot path, on the event loop itself.

Its statements take microseconds and wait for nothing, and in a thread of their own they would fight over the
interpreter's lock at every row: that cost more than the statements. What does wait stays away from the loop.
COMMIT waits for the disk in a thread; meanwhile what arrives gathers, and shares the next transaction. And what
can't be done at once (another process writes) or fails is left to the store's worker, which can wait and split.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, NamedTuple

from sqlalchemy import Connection

from daypass.errors import Unavailable
from daypass.store.batch import MAX_GROUP, Batcher, settle
from daypass.store.database import Database

__all__ = ["Inline", "Kind"]


class Kind(NamedTuple):
    """What is done with items of one kind. `now` runs here and may raise anything, `later` in the worker."""

    now: Callable[[Sequence[Any], Connection], Sequence[Any]]
    later: Callable[[Sequence[Any]], Sequence[Any]]


_Entry = tuple[Any, "asyncio.Future[Any]"]


class Inline:
    """Use it from one event loop, on a SQLite database."""

    def __init__(self, database: Database, worker: Batcher, reads: Kind, writes: Kind) -> None:
        self._database, self._worker = database, worker
        self._reads, self._writes = reads, writes
        self._reader, self._writer = database.engine.connect(), database.impatient()
        self._asked: list[_Entry] = []
        self._given: list[_Entry] = []
        self._disk = Batcher("daypass-commit")
        self._committing: list[_Entry] = []
        self._closed = False

    async def read(self, item: Any) -> Any:
        """Together with all that is asked at the same time."""
        return await self._wait(self._asked, item, self._answer)

    async def write(self, item: Any) -> Any:
        """Durable when this returns; together with all that arrives until the last COMMIT is through."""
        return await self._wait(self._given, item, self._transact)

    async def close(self) -> None:
        """Finishes what was given."""
        self._closed = True
        if unfinished := _futures([*self._asked, *self._given, *self._committing]):
            await asyncio.wait(unfinished)
        await self._disk.close()
        self._reader.close()
        self._writer.close()

    def _wait(self, waiting: list[_Entry], item: Any, work: Callable[[], None]) -> asyncio.Future[Any]:
        if self._closed:
            raise Unavailable("the store is closed", code="store.closed")
        future = asyncio.get_running_loop().create_future()
        if not waiting:
            _soon(work)
        waiting.append((item, future))
        return future

    def _answer(self) -> None:
        while self._asked:
            entries = _take(self._asked)
            try:
                results = self._database.run(partial(self._reads.now, _items(entries)), self._reader)
            except Exception:
                self._leave(entries, self._reads)
            else:
                settle(_futures(entries), results)

    def _transact(self) -> None:
        while self._given and not self._committing:
            entries = _take(self._given)
            try:
                if self._worker.busy:  # it would have to wait for us, again and again
                    raise BlockingIOError
                results = self._database.begin(partial(self._writes.now, _items(entries)), self._writer)
            except Exception:
                self._leave(entries, self._writes)
            else:
                self._committing = entries
                self._disk.put(self._commit, results).add_done_callback(self._committed)

    def _commit(self, groups: Sequence[Sequence[Any]]) -> Sequence[Sequence[Any]]:
        """In the thread."""
        self._database.commit(self._writer)
        return groups

    def _committed(self, done: asyncio.Future[Sequence[Any]]) -> None:
        entries, self._committing = self._committing, []
        error = done.exception()
        settle(_futures(entries), done.result() if error is None else [error] * len(entries))
        _soon(self._transact)

    def _leave(self, entries: list[_Entry], kind: Kind) -> None:
        for item, future in entries:
            self._worker.put(kind.later, item, future)


def _soon(work: Callable[[], None]) -> None:
    """A turn after all that is ready now: answers leave first, and what has arrived by then joins."""
    loop = asyncio.get_running_loop()
    loop.call_soon(loop.call_soon, work)


def _take(waiting: list[_Entry]) -> list[_Entry]:
    entries = waiting[:MAX_GROUP]
    del waiting[:MAX_GROUP]
    return entries


def _items(entries: list[_Entry]) -> list[Any]:
    return [item for item, _ in entries]


def _futures(entries: list[_Entry]) -> list[asyncio.Future[Any]]:
    return [future for _, future in entries]
