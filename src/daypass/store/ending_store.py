"""The EndingStore port."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import chain

from daypass.ca.ending_ports import Ended, Ending, EndingRecord, Unlock
from daypass.ledger.chain import check_details
from daypass.store import endings, locking
from daypass.store.access import Access
from daypass.store.rows import check_text

__all__ = ["SqlEndings"]


class SqlEndings(Access):
    _tell: Callable[[], None] | None = None

    def on_end(self, tell: Callable[[], None]) -> None:
        self._tell = tell

    async def end(self, ending: Ending, *, now: int, dry: bool = False) -> Ended:
        once = (ending.once.provider, ending.once.id) if ending.once is not None else ()
        names = (*ending.hosts, *ending.signins, *ending.roles)
        check_details(ending.details)
        check_text(ending.actor, ending.reason, ending.about, ending.lock, *once, *names)
        ended = await self._change_together(endings.end, ending, now=now, dry=dry)
        if self._tell is not None and not dry:
            self._tell()
        return ended

    async def endings(self, since: int, limit: int) -> Sequence[EndingRecord]:
        return await self._read(lambda connection: endings.newest(connection, since, limit))

    async def ending(self, ending_id: str) -> EndingRecord | None:
        check_text(ending_id)
        return await self._read(lambda connection: endings.find(connection, ending_id))

    async def release(self, ending_id: str, *, actor: str, now: int) -> bool:
        check_text(ending_id, actor)
        released = await self._change(endings.release, ending_id, actor=actor, now=now)
        if self._tell is not None:
            self._tell()
        return released

    async def held(self) -> Sequence[str]:
        return await self._read(endings.held)

    async def unlock(self, unlock: Unlock, *, now: int) -> bool:
        check_text(unlock.reason, unlock.actor, unlock.by, *chain.from_iterable(unlock.entries))
        done = await self._change(locking.unlock, unlock, now=now)
        if self._tell is not None:
            self._tell()
        return done

    async def keys_called(self, fingerprint: str, now: int) -> Sequence[bytes]:
        return await self._read(lambda connection: endings.keys_called(connection, fingerprint, now))
