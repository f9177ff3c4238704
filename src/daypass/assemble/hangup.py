"""SIGHUP to `daypass ca serve`: this machine's file becomes the next version, and its secrets are read anew."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import signal
import threading
import time
from collections.abc import Callable, Iterator

from msgspec.structs import replace

from daypass.ca.force import Following
from daypass.ca.publishing import Configs, Published, describe
from daypass.config import Config
from daypass.errors import DaypassError

__all__ = ["Reload", "hangups"]

log = logging.getLogger("daypass.ca")


class Reload:
    """`began` is the file as it was when this process started: of its local part only the secrets can change."""

    def __init__(self, configs: Configs, force: Following, read: Callable[[], Config], began: Config) -> None:
        self._configs, self._force, self._read, self._began = configs, force, read, began
        self._lock = asyncio.Lock()

    async def __call__(self) -> None:
        """Whatever goes wrong is told in the log, and nothing has changed."""
        async with self._lock:
            try:
                config = self._read()
                published = await self._publish(config)
            except DaypassError as error:
                log.error("SIGHUP: nothing changes: %s (%s)", error.message, error.hint or error.code)
                return
            _tell(published)
            if _at_home(config) != _at_home(self._began):
                log.warning("SIGHUP: addresses, pages, events or paths in the file take effect at the next start")
            self._force.again()
            with contextlib.suppress(DaypassError):
                await self._force.look()

    async def _publish(self, config: Config) -> Published:
        return await self._configs.publish(
            config, actor=f"uid:{os.geteuid()}", now=int(time.time()), comment=f"SIGHUP at {os.uname().nodename}"
        )


def _at_home(config: Config) -> tuple[object, ...]:
    """What is read once."""
    return replace(config.ca, name=""), config.pages, config.events


def _tell(published: Published) -> None:
    if not published.changed:
        log.warning("SIGHUP: nothing changed: version %d stays in force", published.version.version)
        return
    log.warning("SIGHUP: version %d is in force", published.version.version)
    for change in published.changes:
        log.warning("SIGHUP: %s", describe(change))


@contextlib.contextmanager
def hangups(reload: Reload) -> Iterator[None]:
    """SIGHUP runs `reload`. Only the main thread may listen to it."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    loop, running = asyncio.get_running_loop(), set[asyncio.Task[None]]()

    def begin() -> None:
        task = loop.create_task(reload())
        running.add(task)  # asyncio itself would let go of it
        task.add_done_callback(running.discard)

    loop.add_signal_handler(signal.SIGHUP, begin)
    try:
        yield
    finally:
        loop.remove_signal_handler(signal.SIGHUP)
        for task in running:
            task.cancel()
