"""The agent: listens to the CA, does what it says, and renews. All that it knows is on the disk, so that whatever
ends it loses nothing, and an enrolment, a rekey or a sync beside it is met with the next word.

A round is one connection: a stream, or, where streams do not get through, one question. Between two rounds it waits,
longer and longer while nobody answers. What is this host's own trouble (a full disk, a file that others may write
to) is said and tried again; nothing of it ends the process.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field

from daypass.api import HostSyncResponse
from daypass.errors import Conflict, DaypassError, NotFound, Unauthenticated, Unavailable
from daypass.host.calls import prover
from daypass.host.closing import close_overdue
from daypass.host.enforce import take_back_overdue
from daypass.host.leaving import give_up
from daypass.host.machine import require_same
from daypass.host.refused import note_refusal
from daypass.host.remains.worker import Worker
from daypass.host.renewal import renew_due
from daypass.host.renewing import renew
from daypass.host.reporting import tell
from daypass.host.run.link import Link
from daypass.host.run.pace import BackOff, Pace
from daypass.host.run.systemd import Stopped, Stops, notify
from daypass.host.run.telling import Telling
from daypass.host.run.voice import Level, Voice
from daypass.host.run.watch import Watch
from daypass.host.sessions.turn import told_of
from daypass.host.settings import Paths
from daypass.host.state import State
from daypass.host.sync import Before, Synced, enrolled, request, sync_once, take
from daypass.host.worries import worries
from daypass.times import duration, moment

__all__ = ["Agent", "told"]

_FULL = "streams.full"
_OLDER = ("document.rollback", "host.digest")
_MUTE = 2  # streams in a row that open and say nothing, before questions are asked instead


def _link(url: str, roots: list[str]) -> Link:
    return Link(url, "\n".join(roots))


@dataclass
class Agent:
    """`run` comes back when it is told to stop. `connect`, `wall` and `clock` (monotonic) are a test's to replace."""

    paths: Paths
    stops: Stops
    voice: Voice
    pace: Pace = field(default_factory=Pace)
    connect: Callable[[str, list[str]], Link] = _link
    wall: Callable[[], float] = time.time
    clock: Callable[[], float] = time.monotonic

    def __post_init__(self) -> None:
        self._rounds = BackOff(self.pace.retry, self.pace.longest)
        self._renewals = BackOff(self.pace.renew, self.pace.renew_longest)
        self._mute = 0
        self._asked_beside = False
        self._renew_from = self._stream_from = self.clock()
        self._telling = Telling(self.pace, self.clock)
        self._watch = Watch(self.paths, self.voice, lambda state: self.connect(state.url, state.roots))
        self._ack_within = 0.0
        self._remains = Worker(lambda: self._watch.wake(self._ack_within), clock=self.clock)

    def run(self) -> None:
        notify("READY=1", "STATUS=starting")
        self._watch.start()
        try:
            self.stops.pause(random.uniform(0, self.pace.first))  # noqa: S311  a fleet that starts at once
            while True:
                self.stops.pause(self.round())
        except Stopped:
            notify("STOPPING=1", "STATUS=stopping")

    def round(self) -> float:
        """One connection to its end; how long to wait until the next."""
        asks = self.clock() < self._stream_from
        try:
            wait = self._question() if asks else self._listen()
        except (DaypassError, OSError) as error:
            wait = self._failed(error)
            if asks and isinstance(error, Unavailable):  # it is the CA that is away, not its streams
                self._stream_from = self.clock()
        with suppress(DaypassError, OSError):
            self._on_its_own()
        return wait

    def _listen(self) -> float:
        """Until the CA ends the stream. Unavailable when nothing comes any more."""
        before = Before.look(self.paths)
        link, asked = self.connect(before.state.url, before.state.roots), request(before, self.paths)
        opened = heard = False
        try:
            with ExitStack() as stack:
                with self.stops.waiting():
                    lines = stack.enter_context(link.stream(asked, prover(before.state)))
                opened = True
                self._telling.told(asked)
                for answer in self._words(lines):
                    if answer.retry_after is not None:
                        self._no_words(not heard)
                        return self._away(answer.retry_after)
                    heard = True
                    if self._is_news(answer):
                        self._turn(link)
        except NotFound as error:
            self._ask_instead(error.message)
            raise
        except Unauthenticated as error:
            if not opened:
                note_refusal(self.paths, error)
            raise
        except Unavailable as error:
            if error.code == _FULL:
                self._ask_instead(error.message)
            else:
                self._no_words(not heard and (opened or _held_back(error)))
            raise
        self._no_words(not heard)
        return self._rounds.next()

    def _words(self, lines: Iterator[HostSyncResponse]) -> Iterator[HostSyncResponse]:
        while True:
            with self.stops.waiting():
                answer = next(lines, None)
            if answer is None:
                return
            yield answer

    def _away(self, seconds: int) -> float:
        """The CA ends it: back at a random moment within what it says, which can't be for good."""
        return random.uniform(0, min(max(seconds, 1), 2 * self.pace.longest))  # noqa: S311  spreads a fleet

    def _no_words(self, mute: bool) -> None:
        """Streams that open and say nothing: something between here and the CA holds them back."""
        self._mute = self._mute + 1 if mute else 0
        if self._mute >= _MUTE:
            self._mute = 0
            self._ask_instead("nothing comes through the stream")

    def _ask_instead(self, why: str) -> None:
        self._stream_from = self.clock() + self.pace.stream_again
        self.voice.complain("stream", Level.NOTICE, f"{why}; asking every {duration(self.pace.poll)} instead")

    def _question(self) -> float:
        """Where streams do not get through: one question, and the wait until the next."""
        before = Before.look(self.paths)
        link = self.connect(before.state.url, before.state.roots)
        self._telling.told(request(before, self.paths))
        self._done(sync_once(self.paths, link, self.wall()))
        self._turn(link)
        return self.pace.poll * random.uniform(0.75, 1.25)  # noqa: S311  spreads a fleet

    def _is_news(self, answer: HostSyncResponse) -> bool:
        """Takes it. After a question of our own beside the stream, what had lain in that may be older than the
        answer: it is passed over."""
        try:
            self._take(answer)
        except Conflict as error:
            if not self._asked_beside or error.code not in _OLDER:
                raise
            return False
        self._asked_beside = False
        return True

    def _take(self, answer: HostSyncResponse) -> None:
        self._done(take(answer, self.paths, self.wall()))

    def _done(self, synced: Synced) -> None:
        """In touch with the CA, and what it said is in force."""
        self._rounds.well()
        if synced.news:
            self._ack_within = synced.ack_within
            self._watch.wake(synced.ack_within)
        self.voice.over_all("round ", f"in touch with {synced.state.url} again")
        for line in told(synced):
            self.voice.say(Level.NOTICE, line)
        for warning in synced.said:
            self.voice.complain(f"said {warning}", Level.WARNING, warning)
        if synced.held:
            text = f"{len(synced.held)} accounts are left open, too many to be locked at once; {_LOCK_MANY}"
            self.voice.complain("held", Level.ERR, text)
        else:
            self.voice.over("held")
        until = moment(synced.state.expires)
        notify("WATCHDOG=1", f"STATUS=in touch with {synced.state.url}; certificates until {until}")

    def _turn(self, link: Link) -> None:
        """What is to be done from time to time; the CA's sign of life every 25 s comes by here."""
        self._renew(link)
        self._tell(link)
        self._on_its_own()
        for each in give_up(self.paths, link):
            self.voice.complain("leaving", Level.WARNING, each)
        for each in tell(self.paths, enrolled(self.paths), link, int(self.wall())):
            self.voice.complain("logins", Level.WARNING, each)

    def _on_its_own(self) -> None:
        """What needs no CA: it is done while there is none, too."""
        if take_back_overdue(self.paths, self.wall()):
            text = "nobody has confirmed that certificates alone are let in: keys and passwords are again"
            self.voice.say(Level.WARNING, text)
        if close_overdue(self.paths, self.wall()):
            self.voice.say(Level.CRIT, "so long without word from the CA that certificates are refused here now")
        self._look_for_remains()
        self._worry()

    def _look_for_remains(self) -> None:
        try:
            said = self._remains.turn(self.paths, self.wall())
        except (DaypassError, OSError) as error:
            said = f"what gone persons have left is not looked for: {_words_of(error)}"
        if said:
            self.voice.complain("remains", Level.WARNING, said)

    def _renew(self, link: Link) -> None:
        if self.clock() < self._renew_from or not renew_due(enrolled(self.paths), self.wall()):
            return
        try:
            renewed = renew(self.paths, link, self.wall())
        except (DaypassError, OSError) as error:
            self._renew_from = self.clock() + self._renewals.next(getattr(error, "retry_after", None))
            self.voice.complain("renewal", Level.WARNING, f"certificates could not be renewed: {_words_of(error)}")
        else:
            self._renewals.well()
            self.voice.over("renewal")
            shown = "sshd presents them" if renewed.proven else "no sshd runs here"
            self.voice.say(Level.NOTICE, f"new certificates until {moment(renewed.state.expires)}; {shown}")

    def _tell(self, link: Link) -> None:
        """The CA hears of what is new about this host, and that it is there."""
        asked = request(Before.look(self.paths), self.paths)
        if not self._telling.due(asked):
            return
        try:
            self._done(sync_once(self.paths, link, self.wall()))
        except (DaypassError, OSError) as error:  # the stream goes on
            self._telling.later()
            self.voice.complain("tell", Level.NOTICE, f"the CA could not be told: {_words_of(error)}")
        else:
            self._asked_beside = True
            self._telling.told(asked)
            self.voice.over("tell")

    def _worry(self) -> None:
        state = State.load(self.paths.state)
        found = worries(self.paths, state, self.wall()) if state is not None else []
        for each in found:
            text = f"{each.text}; {each.hint}" if each.hint else each.text
            self.voice.complain(f"worry {each.what}", each.level, text)
        self.voice.over_all("worry ", except_for={f"worry {each.what}" for each in found})

    def _failed(self, error: DaypassError | OSError) -> float:
        """Say it, if it is news. A CA that answers but can't be followed may still renew (a restored one, say)."""
        away = isinstance(error, Unavailable)
        code = error.code if isinstance(error, DaypassError) else "file"
        self.voice.complain(f"round {code}", Level.NOTICE if away else Level.ERR, _words_of(error))
        notify("WATCHDOG=1", f"STATUS={_words_of(error)}")
        with suppress(DaypassError, OSError):
            if not away:
                state = enrolled(self.paths)
                require_same(self.paths, state)
                self._renew(self.connect(state.url, state.roots))
        return self._rounds.next(getattr(error, "retry_after", None))


_LOCK_MANY = "has the CA lost its records? if these people are meant to be gone: daypass host sync --lock-many"


def told(synced: Synced) -> Iterator[str]:
    """What a sync has changed, a line each."""
    yield from (f"{path} {'changed' if path.exists() else 'taken away'}" for path in synced.changed)
    for what in ("made", "locked", "unlocked"):
        yield from (f"account {login} {what}" for login in getattr(synced, what))
    yield from map(told_of, synced.closed)


def _held_back(error: Unavailable) -> bool:
    """Whether something answered for the CA, or waits for a stream's end before it passes it on."""
    return error.code == "connection.timeout" or not error.code.startswith("connection.")


def _words_of(error: DaypassError | OSError) -> str:
    if isinstance(error, DaypassError):
        return f"{error.message}; {error.hint}" if error.hint else error.message
    return f"{error.filename}: {error.strerror}" if error.filename else error.strerror or type(error).__name__
