"""People see their own clock and its zone; scripts see UTC."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest

from daypass.times import moment, utc

WHEN = 1795487880  # Tue 24 Nov 2026 02:38 UTC


@pytest.fixture(autouse=True)
def in_paris(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("TZ", "CET-1CEST,M3.5.0,M10.5.0/3")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


@pytest.mark.parametrize(
    ("now", "shown"),
    [
        (WHEN - 3600, "Tue 24 Nov 03:38 CET"),
        (WHEN - 200 * 86400, "Tue 24 Nov 03:38 CET"),
        (WHEN + 60 * 86400, "Tue 24 Nov 2026 03:38 CET"),
    ],
)
def test_a_person_sees_day_and_zone_and_the_year_only_where_it_is_another(now: int, shown: str) -> None:
    assert moment(WHEN, now) == shown


def test_summer_time_has_its_own_name() -> None:
    assert moment(WHEN - 150 * 86400, WHEN).endswith("CEST")


def test_a_script_sees_utc() -> None:
    assert utc(WHEN) == "2026-11-24T02:38:00Z"
