"""A schedule answers as its windows do, however often and in whatever order it is asked."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from daypass.ca.schedule import Schedule
from daypass.config.windows import Window, ends
from tests.ca.staff import HOUR, MONDAY_10

TEXTS = ("mon-fri 08:00-18:00 Europe/Berlin", "sat 22:00-02:00 UTC", "mon 18:00-20:00 Europe/Berlin")
SPRING = 1_806_195_600  # 2027-03-28 01:00 UTC, when Berlin skips an hour


def test_without_windows_it_holds_always() -> None:
    assert Schedule(()).holds(0) and Schedule(()).holds(MONDAY_10)


def test_windows_that_follow_each_other_are_one() -> None:
    assert Schedule(TEXTS).ends(MONDAY_10) == MONDAY_10 + 9 * HOUR  # 20:00 in Berlin


@given(st.lists(st.integers(SPRING - 10 * 86400, SPRING + 10 * 86400), min_size=1, max_size=20))
def test_what_it_remembers_is_never_another_answer(times: list[int]) -> None:
    schedule, windows = Schedule(TEXTS), tuple(map(Window.parse, TEXTS))
    asked = [each + step for each in times for step in (0, 1, 59, 61, 3600)]
    assert [schedule.ends(now) for now in asked] == [ends(windows, now) for now in asked]


def test_one_that_is_always_open_stays_so_for_longer_than_any_certificate() -> None:
    schedule = Schedule(["mon-sun 00:00-24:00 UTC"])
    for day in range(30):
        end = schedule.ends(MONDAY_10 + day * 86400)
        assert end is not None and end >= MONDAY_10 + day * 86400 + 5 * 86400
