"""What the store has on record, for a command that only reads it and can do without."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from daypass.errors import DaypassError

if TYPE_CHECKING:
    from daypass.ca.recorded import Record
    from daypass.config import Config

__all__ = ["record_of"]


def record_of(config: Config) -> Record | str:
    """People and hosts on record, or why they can't be looked at."""
    try:
        return asyncio.run(_read(config.ca.database))
    except DaypassError as exc:
        return exc.message


async def _read(database: str) -> Record:
    from daypass.ca.recorded import Record
    from daypass.store import open_store

    store = open_store(database)
    try:
        return Record(await store.people(), await store.hosts())
    finally:
        await store.close()
