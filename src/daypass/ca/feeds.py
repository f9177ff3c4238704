"""Streams of security events that are polled (RFC 8936). Every CA process polls: what two of them take is one ending.

An event is acknowledged once it is on record here, with the next question; one that can't be taken yet is not, and
comes again.
"""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass, field

from daypass.ca.event_errors import event_error
from daypass.ca.inbound import Inbound
from daypass.ca.inbound_ports import Feed
from daypass.errors import DaypassError, Denied, Invalid, Unauthenticated

__all__ = ["Feeds"]

PAUSE, LONGEST = 5.0, 60.0  # seconds before the next question: where nothing came at once; after failures
LOOK_EVERY = 1.0  # seconds between looks at which streams there are
_log = logging.getLogger("daypass.ca")


@dataclass(slots=True)
class _Answers:
    """What the next question tells of the last answer."""

    done: list[str] = field(default_factory=list)
    refused: dict[str, tuple[str, str]] = field(default_factory=dict)


class Feeds:
    def __init__(self, inbound: Inbound) -> None:
        self._inbound = inbound
        self._running: dict[str, tuple[Feed, asyncio.Task[None]]] = {}

    @property
    def following(self) -> frozenset[str]:
        return frozenset(self._running)

    async def watch(self) -> None:
        """For ever: each stream of the version in force is polled by a task of its own."""
        try:
            while True:
                self._look()
                await asyncio.sleep(LOOK_EVERY)
        finally:
            for _, task in self._running.values():
                task.cancel()

    def _look(self) -> None:
        try:
            wanted = {name: each.feed for name, each in self._inbound.readers().items()}
        except DaypassError:
            return
        for name, (feed, task) in list(self._running.items()):
            if wanted.get(name) is not feed:
                task.cancel()
                del self._running[name]
        for name, fresh in wanted.items():
            if fresh is not None and name not in self._running:
                self._running[name] = fresh, asyncio.create_task(self._follow(name, fresh))

    async def _follow(self, provider: str, feed: Feed) -> None:
        answers, failures = _Answers(), 0
        while True:
            try:
                answers, pause = await self.turn(provider, feed, answers)
                failures = 0
            except DaypassError as error:
                failures += 1
                pause = min(PAUSE * 2 ** min(failures - 1, 4), LONGEST)
                _log.warning("provider %s: %s; next in %d s", provider, error.message, pause)
            except Exception:
                _log.exception("provider %s: its events", provider)
                pause = LONGEST
            await asyncio.sleep(pause)

    async def turn(self, provider: str, feed: Feed, last: _Answers | None = None) -> tuple[_Answers, float]:
        """One question, and what came dealt with: what to tell next, and after how many seconds. Raises Unavailable,
        and what was to be told is still to be."""
        last = last or _Answers()
        told = await feed.poll(last.done, last.refused)
        answers = _Answers()
        for jti, token in told.sets.items():
            await self._take(provider, jti, token, answers)
        return answers, 0.0 if told.more or answers.done or answers.refused else PAUSE

    async def _take(self, provider: str, jti: str, token: str, answers: _Answers) -> None:
        try:
            await self._inbound.events(provider, token)
        except (Invalid, Unauthenticated, Denied) as error:
            _log.warning("provider %s: a security event is refused: %s (%s)", provider, error.message, error.code)
            answers.refused[jti] = event_error(error)
        except DaypassError as error:
            _log.warning("provider %s: a security event has to wait: %s", provider, error.message)
        else:
            answers.done.append(jti)
