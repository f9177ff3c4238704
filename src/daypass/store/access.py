"""What every part of the store does its reading and writing by: one worker thread, a group at a time."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, TypeVar

from sqlalchemy import Connection

from daypass.errors import Invalid, NotFound
from daypass.store.batch import Batcher
from daypass.store.database import Database, Refused

__all__ = ["Access"]

T = TypeVar("T")


class Access:
    """Use it from one event loop."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._statements = database.statements
        self._batcher = Batcher("daypass-store")

    async def _read(self, work: Callable[[Connection], T]) -> T:
        result: T = await self._batcher.submit(self._each_read, work)
        return result

    async def _write(self, work: Callable[[Connection], T]) -> T:
        result: T = await self._batcher.submit(self._each_write, work)
        return result

    async def _change(self, change: Callable[..., T], *args: object, **kwargs: object) -> T:
        return await self._write(partial(_changed, change, self._statements, args, kwargs))

    async def _change_together(self, change: Callable[..., T], *args: object, **kwargs: object) -> T:
        """In one transaction with the others that arrive meanwhile: for changes that thousands of hosts make. What
        `change` raises of our tree it raises before it writes."""
        work = partial(_changed, change, self._statements, args, kwargs)
        result: T = await self._batcher.submit(self._all_written, work)
        return result

    # In the worker thread.

    def _all_written(self, works: Sequence[Callable[[Connection], Any]]) -> Sequence[Any]:
        try:
            return self._database.write(lambda connection: [_tried(work, connection) for work in works])
        except Refused:  # one of them is what no database holds
            return self._each_write(works)

    def _each_read(self, works: Sequence[Callable[[Connection], Any]]) -> Sequence[Any]:
        return [_attempt(self._database.read, work) for work in works]

    def _each_write(self, works: Sequence[Callable[[Connection], Any]]) -> Sequence[Any]:
        return [_attempt(self._database.write, work) for work in works]


def _changed(change: Callable[..., T], statements: object, args: Any, kwargs: Any, connection: Connection) -> T:
    return change(connection, statements, *args, **kwargs)


def _attempt(run: Callable[[Callable[[Connection], T]], T], work: Callable[[Connection], T]) -> T | Exception:
    try:
        return run(work)
    except Exception as error:
        return error


def _tried(work: Callable[[Connection], T], connection: Connection) -> T | Exception:
    try:
        return work(connection)
    except (Invalid, NotFound) as error:
        return error
