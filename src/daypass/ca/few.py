"""How many refusals of one person, or one join token, are put on record: enough to be seen, too few to fill a ledger
that keeps all.

A person can sign in as often as their provider lets them.
"""

from __future__ import annotations

from collections import deque

__all__ = ["PER_PERSON", "WINDOW", "Few"]

PER_PERSON, WINDOW = 20, 3600  # entries of one person, in seconds, for each process
MAX_PEOPLE = 10_000  # remembered


class Few:
    def __init__(self) -> None:
        self._noted: dict[tuple[str, str], deque[int]] = {}

    def full(self, who: tuple[str, str], now: int) -> bool:
        """`who`: issuer and subject, or a provider and what is counted of it."""
        return len(self._of(who, now)) >= PER_PERSON

    def take(self, who: tuple[str, str], now: int) -> dict[str, object]:
        """One more is noted. Gives what its entry says of those that will not be."""
        noted = self._of(who, now)
        noted.append(now)
        if len(noted) < PER_PERSON:
            return {}
        return {"more": f"what else is refused here within {WINDOW} s of the first is not recorded"}

    def _of(self, who: tuple[str, str], now: int) -> deque[int]:
        """When this person's refusals of the last hour were noted."""
        if len(self._noted) >= MAX_PEOPLE:
            self._noted = {each: times for each, times in self._noted.items() if times and times[-1] > now - WINDOW}
        noted = self._noted.setdefault(who, deque())
        while noted and noted[0] <= now - WINDOW:
            noted.popleft()
        return noted
