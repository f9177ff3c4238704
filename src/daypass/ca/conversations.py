"""Conversations under way (PAM at the CA), in the process that began them.

start    the key, proven, and what the sign-in is for (in its nonce) -> what the stack asks first
answer   -> what it asks next; or at its end a token that is good for that key and that act alone, for a minute

A conversation is open in this process and no other one: libpam can't be moved. Its token any process can read.
"""

from __future__ import annotations

import asyncio
import secrets
from collections import Counter, deque
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import NoReturn

from daypass.ca.clock import ClockGuard
from daypass.ca.force import Following
from daypass.ca.pace import network
from daypass.ca.pam_ports import (
    FREE,
    SLOW_FROM,
    Account,
    Asked,
    Converses,
    FailureStore,
    Prompt,
    Talk,
    network_key,
    slow_after,
    who_key,
)
from daypass.errors import DaypassError, Invalid, NotFound, Throttled, Unauthenticated, Unavailable
from daypass.model import Secret, is_login_name
from daypass.wire import PublicKey

__all__ = ["Begin", "Conversations", "Said"]

MOST, MOST_FROM_ONE = 100, 60  # conversations under way: of everybody, of one place or of one way in
STARTS, WINDOW = 90, 60  # of one place, in seconds
MOST_REMEMBERED = 10_000  # places
TOLD, TOLD_WINDOW = 60, 3600  # entries of the ledger about wrong passwords, in seconds: strangers can't fill it
FLOOR = 2.0  # seconds that a no takes at least, whoever it is for and whatever the stack looked up
QUESTIONS = 3  # different ones that one charge pays for: password, code, and one to spare
DEVICE = "device:"  # no network is written so
AGAIN = "begin anew: daypass login"


NO_DEVICE = Secret("")


@dataclass(frozen=True, slots=True)
class Begin:
    """`nonce` commits to key, CA and act (trust 3.1); `key` has signed for it."""

    provider: str
    account: str
    key: PublicKey
    nonce: str
    device: Secret = NO_DEVICE


@dataclass(frozen=True, slots=True)
class Said:
    """What is asked next; or a token at the end, and what the device shows the next time."""

    conversation: str = ""
    prompts: tuple[Prompt, ...] = ()
    token: Secret | None = None
    device: Secret | None = None


@dataclass(slots=True)
class _Open:
    begin: Begin
    way: Converses
    talk: Talk
    network: str
    device: str = ""  # empty for one that nobody knows
    rounds: int = 0  # that the stack was answered
    wanted: int = 0
    questions: tuple[str, ...] = ()  # that were asked last
    asked: set[str] = field(default_factory=set)  # all before those
    charged: int = 0  # failures
    acts: list[str] = field(default_factory=list)  # for the ledger, if the answer is no
    id: str = field(default_factory=lambda: secrets.token_urlsafe(24))

    @property
    def place(self) -> str:
        return _place(self.network, self.device)


class Conversations:
    """Implements `server.ports.Conversations`. One event loop. `floor` is in seconds."""

    def __init__(self, force: Following, store: FailureStore, clock: ClockGuard, floor: float = FLOOR) -> None:
        self._force, self._store, self._clock, self._floor = force, store, clock, floor
        self._open: dict[str, _Open] = {}  # the oldest first
        self._busy: dict[Talk, _Open] = {}
        self._told: deque[float] = deque()
        self._started: dict[str, deque[float]] = {}

    async def start(self, begin: Begin, address: str) -> Said:
        """Raises NotFound (no such way in), Invalid, Throttled, and what the stack says."""
        way, where = self._way(begin.provider), network(address)
        begin = replace(begin, provider=way.name)
        if not is_login_name(begin.account):
            raise Invalid("that is not the name of an account", code="pam.account", hint="daypass login --user NAME")
        sealed = way.device(begin.account, begin.device)
        self._pace(_place(where, sealed))
        device = await self._judge(begin, where, sealed)
        self._make_room(_place(where, device), way.name)
        opened = _Open(begin, way, way.talk(begin.account, address), where, device)
        return await self._step(opened, None)

    async def answer(self, conversation: str, answers: Sequence[Secret]) -> Said:
        """Raises NotFound for one that is not open here, Throttled, Unauthenticated, Denied, Unavailable."""
        opened = self._open.pop(conversation, None)
        if opened is None:
            raise NotFound(
                "this sign-in is not under way in this process of the CA: it has ended, or was begun elsewhere",
                code="pam.gone",
                hint=AGAIN,
            )
        if len(answers) != opened.wanted:
            opened.talk.end()
            raise Invalid("as many answers as were asked for", code="pam.answers", hint=AGAIN)
        return await self._step(opened, answers)

    async def close(self) -> None:
        for talk in [*self._busy, *(each.talk for each in self._open.values())]:
            talk.end()
        self._open.clear()

    async def watch(self) -> None:
        """Until it is cancelled: then nothing is left running."""
        try:
            await asyncio.Event().wait()
        finally:
            await self.close()

    async def _step(self, opened: _Open, answers: Sequence[Secret] | None) -> Said:
        began, talk = asyncio.get_running_loop().time(), opened.talk
        self._busy[talk] = opened
        try:
            if answers is not None:
                opened.rounds += 1
                await self._charge(opened)
            said = await talk.next(answers)
            if isinstance(said, Account):
                return await self._done(opened, said)
        except Unavailable:
            talk.end()
            await self._refund(opened)
            raise
        except DaypassError as error:
            talk.end()
            self._busy.pop(talk, None)  # who waits for a no takes nobody's place
            if isinstance(error, Unauthenticated):
                await self._tell(opened)
            await asyncio.sleep(self._floor - (asyncio.get_running_loop().time() - began))
            raise
        except BaseException:  # the caller hung up
            talk.end()
            raise
        finally:
            self._busy.pop(talk, None)
        return self._asked(opened, said)

    def _asked(self, opened: _Open, asked: Asked) -> Said:
        opened.wanted = asked.wanted
        opened.questions = asked.questions
        self._open[opened.id] = opened
        return Said(opened.id, asked.prompts)

    async def _done(self, opened: _Open, account: Account) -> Said:
        opened.talk.end()
        now, way, device = self._clock.now(), opened.way, opened.device or secrets.token_hex(16)
        if not opened.device:
            await self._store.sign_in_worked(*_keys(opened.begin, opened.network), now)
        await self._store.sign_in_worked(*_keys(opened.begin, _place("", device)), now)
        token = way.token(account, opened.begin.key, opened.begin.nonce)
        return Said(token=token, device=way.device_token(account.name, device))

    # -- who is asked, and when -----------------------------------------------------------------------------------

    def _way(self, name: str) -> Converses:
        for each in self._force.current.provisioners:
            if isinstance(each, Converses) and name in ("", each.name):
                return each
        raise NotFound(
            "this CA has no such way to sign in by password", code="pam.off", hint="what there is: daypass login"
        )

    async def _judge(self, begin: Begin, where: str, device: str) -> str:
        """The device, if it is known. Refused while it is paused from there; slow where somebody tries that account
        from everywhere."""
        now = self._clock.now()
        counted = await self._store.sign_in_failures(*_keys(begin, _place(where, device)), now)
        if device and not counted.known:  # forgotten since
            device, counted = "", await self._store.sign_in_failures(*_keys(begin, where), now)
        if counted.until > now:
            _paused(counted.until - now)
        if not counted.known and (pause := slow_after(counted.failures)):
            await self._sleep(pause)
        return device

    async def _charge(self, opened: _Open) -> None:
        """Before the stack hears anything: once for each conversation, and once more for what it asks anew."""
        again = any(each in opened.asked for each in opened.questions) or len(opened.asked) >= QUESTIONS
        opened.asked.update(opened.questions)
        if opened.charged and not (opened.questions and again):
            return
        now = self._clock.now()
        before = await self._store.charge_sign_in(*_keys(opened.begin, opened.place), now)
        if before.until > now:
            _paused(before.until - now)
        opened.charged += 1
        crossed = {"pam.paused": before.own + 1 == FREE, "pam.attacked": before.failures + 1 == SLOW_FROM}
        opened.acts += [act for act, so in crossed.items() if so]

    async def _tell(self, opened: _Open) -> None:
        """The ledger, when a wrong answer begins the pauses of this place, or was the one too many over all."""
        now = asyncio.get_running_loop().time()
        for act in opened.acts:
            while self._told and self._told[0] <= now - TOLD_WINDOW:
                self._told.popleft()
            if len(self._told) < TOLD:
                self._told.append(now)
                provider, account = opened.begin.provider, opened.begin.account
                details = {"provider": provider, "account": account, "network": opened.network}
                await self._store.add_event(act, details, actor=f"pam:{provider}", now=self._clock.now())

    async def _refund(self, opened: _Open) -> None:
        """Only of a first answer, of which nothing was heard: else whoever has learned that a guess was wrong would
        let the time run out and have it back."""
        if opened.charged and opened.rounds == 1:
            await self._store.refund_sign_in(*_keys(opened.begin, opened.place), self._clock.now())

    async def _sleep(self, seconds: float) -> None:
        """Scaled as the floor is, which tests take away."""
        await asyncio.sleep(seconds * self._floor / FLOOR)

    def _pace(self, place: str) -> None:
        """Each conversation is a process: no network begins them without end, nor keeps a known device from it."""
        now = asyncio.get_running_loop().time()
        made = self._started.setdefault(place, deque())
        while made and made[0] <= now - WINDOW:
            made.popleft()
        if len(made) >= STARTS:
            raise Throttled(
                "too many sign-ins were begun from your network",
                code="pam.many",
                hint="wait a minute",
                retry_after=int(made[0] + WINDOW - now) + 1,
            )
        made.append(now)
        if len(self._started) > MOST_REMEMBERED:
            self._started = {each: made for each, made in self._started.items() if made[-1] > now - WINDOW}

    def _make_room(self, place: str, way: str) -> None:
        """Where all is taken, the network that has the most of those that wait for a person gives one up, and a
        device that has signed in before only to another one: strangers have as many networks as they like.

        Those that wait for their stack give up none, so a stack that hangs may not take them all.
        """
        self._open = {one: each for one, each in self._open.items() if not each.talk.over}
        under_way = [*self._open.values(), *self._busy.values()]
        stuck = sum(each.way.name == way for each in self._busy.values())
        if sum(each.place == place for each in under_way) >= MOST_FROM_ONE or stuck >= MOST_FROM_ONE:
            _full()
        if len(under_way) < MOST:
            return
        waiting = [each for each in self._open.values() if not each.device]
        if not waiting and place.startswith(DEVICE):
            waiting = list(self._open.values())
        if not waiting:
            _full()
        busiest = Counter(each.place for each in waiting).most_common(1)[0][0]
        oldest = next(each for each in waiting if each.place == busiest)
        del self._open[oldest.id]
        oldest.talk.end()


def _keys(begin: Begin, place: str) -> tuple[str, str, str]:
    """How the store knows them; `place`: a network, or a device behind DEVICE."""
    provider, account = begin.provider, begin.account
    return provider, who_key(provider, account), network_key(provider, account, place)


def _place(where: str, device: str) -> str:
    return DEVICE + device if device else where


def _full() -> NoReturn:
    raise Throttled("too many people sign in right now", code="pam.full", hint="try again in a moment", retry_after=5)


def _paused(seconds: int) -> NoReturn:
    raise Throttled(
        "this account has been tried with wrong answers from here",
        code="pam.paused",
        hint="wait, then try again; a device that has signed in before is not held up by others",
        retry_after=max(1, seconds),
    )
