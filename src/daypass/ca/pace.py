"""How often a sign-in on another device may be asked about, its code guessed, and a host's certificate renewed.

All are counted in this process's memory, by its own monotonic clock. That suffices: several processes let through a
multiple of very little. A device code has 256 bits, so the pace of polling is about load alone. Of user codes there
are 20^8: with every place taken (5000 requests) and every guess made, one process lets one of them be hit in every
5000th window, and it wins little: who types another's code can say no, or sign in as themselves.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from ipaddress import IPv6Address, ip_address, ip_network

from daypass.errors import Throttled

__all__ = ["Guesses", "Opened", "Polls", "Renewed", "network"]

GUESSES, GUESSES_FROM_ONE = 1000, 20  # wrong codes in a window: of everybody, of one network
WINDOW = 600  # seconds
EARLY = 0.5  # seconds that a poll may come too soon: networks are not even
RENEWALS, RENEWALS_WINDOW = (
    120,
    3600,
)  # of one host, in seconds: a renewal a month is enough, and step's may be forced
OPENED, OPENED_WINDOW = 30, 300  # streams of one host, in seconds
MAX_POLLS = 10_000  # remembered; twice as many as there are requests


def network(address: str) -> str:
    """What an address is counted as: itself, or of IPv6 its /64, which one customer has at least."""
    try:
        found = ip_address(address.partition("%")[0])
    except ValueError:
        return address
    if isinstance(found, IPv6Address):
        return str(found.ipv4_mapped or ip_network((found, 64), strict=False))
    return str(found)


class Polls:
    """Each code once in `interval` seconds. `ticks`: a monotonic clock."""

    def __init__(self, interval: int, ticks: Callable[[], float]) -> None:
        self._interval, self._ticks = interval, ticks
        self._last: dict[bytes, float] = {}

    def take(self, code: bytes) -> None:
        """Raises Throttled."""
        now = self._ticks()
        if now - self._last.get(code, float("-inf")) < self._interval - EARLY:
            raise Throttled(
                f"this is asked too often: once in {self._interval} seconds will do",
                code="device.slow-down",
                retry_after=self._interval,
            )
        if len(self._last) >= MAX_POLLS:
            self._last = {each: time for each, time in self._last.items() if now - time < self._interval}
        self._last[code] = now

    def forget(self, code: bytes) -> None:
        """There is no such request: whoever makes codes up fills no memory."""
        self._last.pop(code, None)


class Guesses:
    """Wrong codes of the last minutes. A guess counts as wrong until it is given back, so that many at once are not
    let through before the first is known to be wrong."""

    def __init__(self, ticks: Callable[[], float]) -> None:
        self._ticks = ticks
        self._made: deque[tuple[float, str]] = deque()

    def take(self, source: str) -> tuple[float, str]:
        """Raises Throttled."""
        now = self._ticks()
        while self._made and self._made[0][0] <= now - WINDOW:
            self._made.popleft()
        own = [time for time, other in self._made if other == source]
        if len(own) >= GUESSES_FROM_ONE:
            raise _too_many("from your network ", own[0] + WINDOW - now)
        if len(self._made) >= GUESSES:
            raise _too_many("", self._made[0][0] + WINDOW - now)
        guess = now, source
        self._made.append(guess)
        return guess

    def give_back(self, guess: tuple[float, str]) -> None:
        """It was right."""
        if guess in self._made:
            self._made.remove(guess)


class _OfHosts:
    """What one host has done lately."""

    def __init__(self, ticks: Callable[[], float]) -> None:
        self._ticks = ticks
        self._made: dict[str, deque[float]] = {}  # by host id: only hosts on record come this far

    def _full(self, host: str, most: int, window: int) -> int:
        """In how many seconds there is room again; 0 where there is, and then it is taken."""
        now, made = self._ticks(), self._made.setdefault(host, deque())
        while made and made[0] <= now - window:
            made.popleft()
        if len(made) >= most:
            return int(made[0] + window - now) + 1
        made.append(now)
        return 0


class Renewed(_OfHosts):
    """Each certificate stays on record, so a host that never stopped would fill the database."""

    def take(self, host: str) -> None:
        """Raises Throttled."""
        if wait := self._full(host, RENEWALS, RENEWALS_WINDOW):
            raise Throttled(
                f"this host has had {RENEWALS} certificates within an hour",
                code="renew.many",
                hint="look for what renews without end: once in a third of the certificate's life is enough",
                retry_after=wait,
            )


class Opened(_OfHosts):
    """Two machines with one disk would take the stream from each other for ever."""

    def take(self, host: str) -> None:
        """Raises Throttled."""
        if wait := self._full(host, OPENED, OPENED_WINDOW):
            raise Throttled(
                f"this host has opened {OPENED} streams within {OPENED_WINDOW // 60} minutes",
                code="streams.many",
                hint="is there another machine with a copy of its disk? daypass host list says so",
                retry_after=wait,
            )


def _too_many(where: str, seconds: float) -> Throttled:
    return Throttled(
        f"too many wrong codes {where}were typed",
        code="device.guesses",
        hint="wait some minutes, then type the code that the terminal shows",
        retry_after=max(1, int(seconds) + 1),
    )
