"""The provider's own word, asked for again during the day (trust 6.10). Off unless its section says so.

keep     the refresh token of a sign-in, sealed, for as long as a certificate of it lives; whatever ends that ends it
ask      when it is due, by one process at a time
store    the token that comes back, before anything is made of the answer
end      only on the provider's clear word that it is over, and only where that word can't be about a try of ours that
         nobody knows the end of: a token that was used up by an answer that got lost looks like one taken back
"""

from __future__ import annotations

import asyncio
import hashlib
import logging
import random
from collections.abc import Awaitable, Callable, Mapping

import msgspec

from daypass.ca.clock import ClockGuard
from daypass.ca.ending_ports import Source
from daypass.ca.force import Following
from daypass.ca.ports import Store
from daypass.ca.recheck_ports import Checker, Recheck, Sealer, Verdict, Word
from daypass.errors import DaypassError, Invalid
from daypass.model import OnceId, Proof, Secret, sign_in

__all__ = ["LEASE", "LOOK_EVERY", "Rechecks", "pause"]

LOOK_EVERY = 5.0  # seconds
LEASE = 120  # seconds for a try; those of one look are made side by side
LIMIT = 20  # tries of one look
FIRST_PAUSE = 60  # seconds after a try that came to nothing
ELSEWHERE = 30  # seconds until another machine, whose key it takes, may find it due
log = logging.getLogger("daypass.ca")

End = Callable[..., Awaitable[object]]
"""`daypass.ca.endings.Endings.by_provider`."""


class _Kept(msgspec.Struct):
    """What is sealed. `subject`: whose the token is, as the provider calls them."""

    token: str
    subject: str

    def __repr__(self) -> str:
        return "_Kept(***)"


class Rechecks:
    """Use it from one event loop."""

    def __init__(self, store: Store, clock: ClockGuard, force: Following, sealer: Sealer, end: End) -> None:
        self._store, self._clock, self._force = store, clock, force
        self._sealer, self._end = sealer, end

    async def keep(self, proof: Proof, serial: int, token: Secret) -> None:
        """For as long as the certificate lives. A sign-in is none the worse where that fails."""
        who = proof.identity
        try:
            checker = self._checkers().get(who.provider)
            if checker is None:
                return
            signin = sign_in(who.issuer, proof.session, proof.once)
            sealed = self._seal(signin, who.provider, _Kept(token.reveal(), who.subject))
            await self._store.keep_recheck(signin, serial, who.provider, sealed, self._next(checker.every))
        except DaypassError as error:
            log.warning("provider %s will not be asked again of a sign-in: %s", who.provider, error.message)

    async def watch(self) -> None:
        """For ever."""
        while True:
            try:
                busy = await self.look() == LIMIT
            except DaypassError as error:
                log.debug("who is to be asked of is not known now: %s", error.message)
                busy = False
            await asyncio.sleep(0 if busy else LOOK_EVERY)

    async def look(self) -> int:
        """How many were due."""
        now = self._clock.now()
        due = await self._store.due_rechecks(now, now + LEASE, LIMIT)
        for done in await asyncio.gather(*map(self._one, due), return_exceptions=True):
            if isinstance(done, DaypassError):
                log.warning("a sign-in was not asked of to the end: %s", done.message)
            elif isinstance(done, BaseException):
                log.error("a sign-in was not asked of to the end", exc_info=done)
        return len(due)

    async def _one(self, due: Recheck) -> None:
        checker = self._checkers().get(due.provider)
        if checker is None:  # it was switched off
            await self._store.drop_recheck(due)
            return
        kept = await self._opened(due)
        if kept is not None:
            await self._heed(due, checker, kept, await checker.ask(Secret(kept.token), kept.subject))

    async def _opened(self, due: Recheck) -> _Kept | None:
        try:
            data = self._sealer.open(due.sealed, _about(due.signin, due.provider))
            if data is not None:
                return msgspec.json.decode(data, type=_Kept)
        except (Invalid, msgspec.MsgspecError):
            log.error("a sealed token of provider %s was altered: it is dropped", due.provider)
            await self._store.drop_recheck(due)
            return None
        await self._store.settle_recheck(due, due.sealed, self._next(ELSEWHERE), due.failures)
        return None

    async def _heed(self, due: Recheck, checker: Checker, kept: _Kept, word: Word) -> None:
        failures = due.failures + due.doubtful
        match word.verdict:
            case Verdict.GOOD:
                kept.token = word.token.reveal() if word.token is not None else kept.token
                sealed = self._seal(due.signin, due.provider, kept)
                await self._store.settle_recheck(due, sealed, self._next(checker.every))
            case Verdict.OVER if checker.rotates and failures:
                await self._note("recheck.lost", due, word)
            case Verdict.OVER:
                await self._over(due, word)
            case Verdict.OTHER:
                await self._note("recheck.other", due, word)
            case Verdict.DOWN | Verdict.UNSURE:
                failures += word.verdict is Verdict.UNSURE
                log.info("provider %s could not be asked of a sign-in: %s", due.provider, word.said)
                next_at = self._next(pause(failures, checker.every))
                await self._store.settle_recheck(due, due.sealed, next_at, failures)

    async def _over(self, due: Recheck, word: Word) -> None:
        """What ends in the store takes the token with it."""
        await self._end(
            Source.RECHECK,
            due.provider,
            reason=f"the provider no longer stands by this sign-in: {word.said}",
            about=f"sign-in {due.signin}",
            signins=(due.signin,),
            once=OnceId(f"recheck:{due.provider}", hashlib.sha256(due.sealed).hexdigest()),
        )
        await self._store.drop_recheck(due)

    async def _note(self, act: str, due: Recheck, word: Word) -> None:
        """On record, and not asked of again: their certificates end by themselves, or by somebody's word."""
        details = {"provider": due.provider, "signin": due.signin, "said": word.said}
        actor = f"recheck:{due.provider}"
        await self._store.add_event(act, details, actor=actor, now=self._clock.now(), person=due.person)
        await self._store.drop_recheck(due)

    def _seal(self, signin: str, provider: str, kept: _Kept) -> bytes:
        return self._sealer.seal(msgspec.json.encode(kept), _about(signin, provider))

    def _checkers(self) -> Mapping[str, Checker]:
        return self._force.current.checkers

    def _next(self, seconds: int) -> int:
        """Spread, so that those who all signed in at nine are not all asked of at once."""
        return self._clock.now() + max(1, round(seconds * random.uniform(0.9, 1.1)))  # noqa: S311


def pause(failures: int, every: int) -> int:
    """Seconds until the next try; no more than usual."""
    return int(min(FIRST_PAUSE << min(max(failures - 1, 0), 10), every))


def _about(signin: str, provider: str) -> bytes:
    return f"daypass-recheck-v1\0{signin}\0{provider}".encode()
