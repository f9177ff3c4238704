"""A CA process in small: records as fast as it can until its stdin ends, and prints what it may answer.

`python -m tests.store.worker URL NAME`; a line for each recording that is durable: `ONCE SERIAL [SERIAL]`.
"""

from __future__ import annotations

import asyncio
import itertools
import sys
import threading
from collections.abc import Iterator
from typing import NoReturn

from tests.store.build import NOW, certificate, question, recording

from daypass.ca.ports import Recorded
from daypass.store import SqlStore, open_store

LANES = 8


async def lane(store: SqlStore, name: str, numbers: Iterator[int], serials: Iterator[int]) -> NoReturn:
    while True:
        number = next(numbers)
        once, who = f"{name}-{number}", f"user{number % 20}"
        view = await store.view(question(who, once=once))
        made = recording(
            who,
            once=once,
            generation=view.person.generation if view.person else 0,
            certificates=[certificate(serial=next(serials)) for _ in range(1 + number % 2)],
        )
        if await store.record(made) == Recorded():
            print(once, *(cert.serial for cert in made.certificates), flush=True)


async def work(url: str, name: str) -> None:
    store = open_store(url)
    numbers, serials = itertools.count(), iter(await store.reserve_serials(NOW))
    ended = asyncio.Event()
    loop = asyncio.get_running_loop()
    threading.Thread(target=lambda: (sys.stdin.read(), loop.call_soon_threadsafe(ended.set)), daemon=True).start()
    lanes = [asyncio.create_task(lane(store, name, numbers, serials)) for _ in range(LANES)]
    await asyncio.wait([asyncio.create_task(ended.wait()), *lanes], return_when=asyncio.FIRST_COMPLETED)
    for each in lanes:
        if each.done():
            each.result()
        each.cancel()
    await store.close()


if __name__ == "__main__":
    asyncio.run(work(sys.argv[1], sys.argv[2]))
