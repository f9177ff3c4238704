"""Wave after wave: a mistake costs one host, not a thousand."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass

from daypass.client.fleet.listing import Target
from daypass.client.fleet.takeover import Outcome, Takeover
from daypass.errors import DaypassError

__all__ = ["Waves", "sizes", "untried"]

_FIRST = (1, 5)  # hosts of the first waves: whatever is wrong everywhere shows there


def sizes(count: int, most: int) -> Iterator[int]:
    """1, 5, then `most` each time, `count` in all."""
    planned = iter(_FIRST)
    while count > 0:
        size = min(next(planned, most), most, count)
        yield size
        count -= size


@dataclass(frozen=True, slots=True)
class Waves:
    """`tell` hears of each host as it is done."""

    takeover: Takeover
    tell: Callable[[Outcome], None]
    most: int = 25
    parallel: int = 8
    keep_going: bool = False

    def run(self, targets: Sequence[Target], tokens: Mapping[str, str]) -> list[Outcome]:
        """One outcome for each, in their order. `tokens`: by the host's name. No wave begins after one with a
        failure, unless told to."""
        done, left = list[Outcome](), list(targets)
        for size in sizes(len(targets), self.most):
            wave, left = left[:size], left[size:]
            outcomes = self._wave(wave, tokens)
            done += outcomes
            if self.stops(outcomes):
                break
        return done + untried(left)

    def stops(self, outcomes: Sequence[Outcome]) -> bool:
        return not self.keep_going and any(each.state == "failed" for each in outcomes)

    def _wave(self, wave: Sequence[Target], tokens: Mapping[str, str]) -> list[Outcome]:
        found = dict[str, Outcome]()
        with ThreadPoolExecutor(self.parallel) as pool:
            running = [pool.submit(self._one, each, tokens[each.name]) for each in wave]
            for ended in as_completed(running):
                outcome = ended.result()
                found[outcome.target.name] = outcome
                self.tell(outcome)
        return [found[each.name] for each in wave]

    def _one(self, target: Target, token: str) -> Outcome:
        began = time.monotonic()
        try:
            if not self.takeover.is_ours(target):
                return Outcome(target, "already", "", time.monotonic() - began)
            said = self.takeover.enrol(target, token)
        except DaypassError as error:
            said = error.message
        return Outcome(target, "failed" if said else "enrolled", said, time.monotonic() - began)


def untried(targets: Sequence[Target]) -> list[Outcome]:
    return [Outcome(each, "untried", "a wave before it had failures") for each in targets]
