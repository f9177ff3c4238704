"""Blocks of serials that only ever move forward, so that a restored database can't give one out again (trust 7.1).

A block is 2^24 serials and starts at (unix minute << 32) + (n << 24), n random in 0..255. Its row is its proof of
being taken; nothing is ever derived from the highest serial on record.
"""

from __future__ import annotations

import os
import secrets
import socket

from sqlalchemy import Connection, func, insert, select

from daypass.ca.ports import HONEST_SKEW
from daypass.errors import Unavailable
from daypass.store.schema import serial_blocks
from daypass.store.statements import Statements

__all__ = ["BLOCK", "reserve"]

BLOCK = 1 << 24
MINUTE_SHIFT = 32
PER_MINUTE = 256


def reserve(connection: Connection, statements: Statements, now: float) -> range:
    """A block no one else ever gets. Raises Unavailable where the clock is behind, or the minute is used up."""
    head = statements.lock(connection)
    newest = connection.execute(select(func.max(serial_blocks.c.start))).scalar_one()
    minute = _minute(now, newest)
    if newest is not None and minute < newest >> MINUTE_SHIFT:
        raise _behind("the newest block of serials was taken in a later minute than this machine's clock shows")
    first = minute << MINUTE_SHIFT
    used = set(connection.execute(select(serial_blocks.c.start).where(serial_blocks.c.start >= first)).scalars())
    starts = [start for start in (first + n * BLOCK for n in range(PER_MINUTE)) if start not in used]
    above = [start for start in starts if start > head.serial_floor or start == head.serial_floor == 0]
    if starts and not above:
        raise _behind("serials from a later minute than this machine's clock shows are in use")
    if not above:
        raise Unavailable("all serials of this minute are taken", code="serials.minute", retry_after=60)
    start = secrets.choice(above)
    process = f"{socket.gethostname()}:{os.getpid()}"
    connection.execute(insert(serial_blocks).values(start=start, taken_at=int(now), process=process))
    return range(max(start, 1), start + BLOCK)  # serial 0 can't be revoked (trust 6.1)


def _minute(now: float, newest: int | None) -> int:
    """This minute; the next one where another process has begun it by a clock that is honestly ahead of ours."""
    minute = int(now) // 60
    begun = newest is not None and newest >> MINUTE_SHIFT == minute + 1
    return minute + 1 if begun and now + HONEST_SKEW >= (minute + 1) * 60 else minute


def _behind(message: str) -> Unavailable:
    return Unavailable(message, code="serials.clock", hint="set the clock of this machine right", retry_after=60)
