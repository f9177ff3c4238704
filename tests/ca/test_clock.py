"""When a CA believes its clock, and when it does not (trust 7.5)."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from daypass.ca.clock import ClockGuard
from daypass.errors import Unavailable
from tests.ca.heart import MovingClock, heart
from tests.parts.op import Op


class Set:
    """A clock that says what it is told."""

    def __init__(self, wall: float, boot: float = 100.0) -> None:
        self.wall, self.boot = wall, boot

    def now(self) -> float:
        return self.wall

    def monotonic(self) -> float:
        return self.boot


@pytest.mark.parametrize(
    ("behind", "believed"), [(-3600, True), (0, True), (1, True), (5, True), (6, False), (60, False)]
)
def test_a_clock_behind_the_last_record_is_believed_within_what_honest_machines_differ_by(
    behind: int, believed: bool
) -> None:
    guard = ClockGuard(Set(1_800_000_000))
    if believed:
        assert guard.now(1_800_000_000 + behind) == 1_800_000_000
    else:
        with pytest.raises(Unavailable) as caught:
            guard.now(1_800_000_000 + behind)
        assert caught.value.code == "clock.behind"


@pytest.mark.parametrize(("moved", "believed"), [(0, True), (299, True), (-299, True), (301, False), (-301, False)])
def test_a_wall_clock_that_leaves_the_monotonic_one_is_not_believed(moved: int, believed: bool) -> None:
    clock = Set(1_800_000_000)
    guard = ClockGuard(clock)
    clock.wall, clock.boot = clock.wall + 7200 + moved, clock.boot + 7200
    if believed:
        assert guard.now() == 1_800_007_200 + moved
    else:
        with pytest.raises(Unavailable) as caught:
            guard.now()
        assert caught.value.code == "clock.moved"


def test_two_honest_cas_on_one_store_issue_in_turn_though_one_clock_is_a_second_behind(
    op: Op, tmp_path: Path
) -> None:
    """Why there is slack at all: to the letter, the one behind would refuse whenever the other had just issued."""

    async def main() -> None:
        behind = MovingClock()
        behind.ahead = -1.5
        async with heart(op, tmp_path / "ca.sqlite") as one, heart(op, tmp_path / "ca.sqlite", clock=behind) as other:
            for number in range(4):
                who = {"sub": f"p{number}", "email": f"p{number}@example.com"}
                assert (await (one, other)[number % 2].sign_in(**who))[0].certificates
            times = [row.time for row in await one.store.ledger(0, 100)]
            assert times == sorted(times)

    asyncio.run(main())
