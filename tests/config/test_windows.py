"""Windows of time hold when a clock on the wall says so, and end when it says so, whatever clocks do in spring."""

from __future__ import annotations

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from daypass.config.windows import DAYS, WEEK, Window, ends
from daypass.errors import Invalid

BERLIN = "Europe/Berlin"


def at(text: str, zone: str = BERLIN, fold: int = 0) -> int:
    return int(datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone), fold=fold).timestamp())


# 2026-03-29 02:00 does not exist in Berlin, 2026-10-25 02:30 is there twice; 2026-11-23 is a Monday.
HOLDS = [
    ("mon-fri 08:00-18:00", "2026-11-23 08:00", "2026-11-23 18:00"),
    ("mon-fri 08:00-18:00", "2026-11-23 17:59", "2026-11-23 18:00"),
    ("mon-fri 08:00-18:00", "2026-11-23 07:59", None),
    ("mon-fri 08:00-18:00", "2026-11-23 18:00", None),
    ("mon-fri 08:00-18:00", "2026-11-28 12:00", None),
    ("mon,wed 08:00-18:00", "2026-11-25 12:00", "2026-11-25 18:00"),
    ("mon,wed 08:00-18:00", "2026-11-24 12:00", None),
    ("fri-mon 08:00-18:00", "2026-11-29 12:00", "2026-11-29 18:00"),
    ("fri-mon 08:00-18:00", "2026-11-26 12:00", None),
    ("fri 22:00-06:00", "2026-11-28 05:59", "2026-11-28 06:00"),
    ("fri 22:00-06:00", "2026-11-27 05:59", None),
    ("sun 22:00-06:00", "2026-11-23 05:00", "2026-11-23 06:00"),
    ("sun 22:00-00:00", "2026-11-29 23:59", "2026-11-30 00:00"),
    ("mon-fri 00:00-24:00", "2026-11-25 12:00", "2026-11-28 00:00"),
    ("mon-sun 00:00-24:00", "2026-11-25 12:00", "2026-12-02 12:00"),  # a week ahead, no further
    ("sat 22:00-06:00", "2026-03-29 01:30", "2026-03-29 06:00"),  # an hour is missing in it
    ("sat 22:00-02:30", "2026-03-29 01:30", "2026-03-29 03:00"),  # it would end in the missing hour
    ("sun 02:30-06:00", "2026-03-29 03:00", "2026-03-29 06:00"),
    ("sat 22:00-06:00", "2026-10-25 01:30", "2026-10-25 06:00"),
    ("sun 00:00-24:00", "2026-10-25 01:30", "2026-10-26 00:00"),
]


@pytest.mark.parametrize(("window", "now", "end"), HOLDS)
def test_a_window_holds_within_its_days_and_times(window: str, now: str, end: str | None) -> None:
    assert Window.parse(f"{window} {BERLIN}").ends(at(now)) == (None if end is None else at(end))


def test_an_hour_that_comes_twice_counts_twice() -> None:
    """Until 02:30: over at the first one, and there again for the second half hour that is before 02:30."""
    window = Window.parse(f"sun 01:00-02:30 {BERLIN}")
    first, second = at("2026-10-25 02:30"), at("2026-10-25 02:30", fold=1)
    assert window.ends(at("2026-10-25 01:00")) == first
    assert window.ends(first) is None
    assert window.ends(second - 1800) == second


def test_windows_that_follow_without_a_gap_are_one() -> None:
    day = [Window.parse(f"mon {times} {BERLIN}") for times in ("08:00-12:00", "12:00-16:00", "17:00-18:00")]
    assert ends(day, at("2026-11-23 08:00")) == at("2026-11-23 16:00")
    assert ends(day, at("2026-11-23 16:30")) is None
    assert ends([], at("2026-11-23 08:00")) is None


def test_windows_of_different_zones_are_joined_in_real_time() -> None:
    """Half past eight in the morning in New York is half past two in Berlin."""
    both = [Window.parse(f"mon 08:00-14:30 {BERLIN}"), Window.parse("mon 08:00-17:00 America/New_York")]
    assert ends(both, at("2026-11-23 08:00")) == at("2026-11-23 17:00", "America/New_York")


BAD = [
    ("", "is not a window"),
    ("mon-fri 08:00-18:00", "names no time zone"),
    ("08:00-18:00 UTC", "is not a window"),
    ("mon-fri  08:00-18:00 UTC", "is not a window"),
    ("mon-fri 08:00-18:00 UTC ", "is not a window"),
    ("mon-fri 08:00-18:00 UTC\n", "for a time zone"),
    ("Mon-Fri 08:00-18:00 UTC", 'has "Mon" for a day'),
    ("mon-fry 08:00-18:00 UTC", 'has "fry" for a day'),
    ("mon-wed-fri 08:00-18:00 UTC", 'has "wed-fri" for a day'),
    ("mon, 08:00-18:00 UTC", 'has "" for a day'),
    ("-fri 08:00-18:00 UTC", 'has "" for a day'),
    ("mon- 08:00-18:00 UTC", 'has "" for a day'),
    ("mon-fri 8:00-18:00 UTC", 'has "8:00-18:00" for its times'),
    ("mon-fri 08:00-24:01 UTC", "for its times"),
    ("mon-fri 24:00-08:00 UTC", "for its times"),
    ("mon-fri 08:60-18:00 UTC", "for its times"),
    ("mon-fri ٠٨:00-18:00 UTC", "for its times"),
    ("mon-fri 08:00-08:00 UTC", "is empty"),
    ("mon-fri 00:00-00:00 UTC", "is empty"),
    ("mon-fri 08:00-18:00 Berlin", 'has "Berlin" for a time zone'),
    ("mon-fri 08:00-18:00 Europe", 'has "Europe" for a time zone'),
    ("mon-fri 08:00-18:00 ../../etc/passwd", "for a time zone"),
    ("mon-fri 08:00-18:00 Europe/../UTC", "for a time zone"),
    ("mon-fri 08:00-18:00 /etc/localtime", "for a time zone"),
    ("mon-fri 08:00-18:00 localtime", "for a time zone"),
    ("mon-fri 08:00-18:00 right/UTC", "for a time zone"),
    ("mon-fri 08:00-18:00 zone.tab", "for a time zone"),
]


@pytest.mark.parametrize(("text", "said"), BAD)
def test_what_is_no_window_is_refused_in_words(text: str, said: str) -> None:
    with pytest.raises(Invalid) as caught:
        Window.parse(text)
    assert said in caught.value.message and caught.value.hint


@pytest.mark.parametrize(("zone", "meant"), [("berlin", BERLIN), ("europe/berlin", BERLIN), ("Europe/Belin", BERLIN)])
def test_a_zone_that_is_nearly_one_is_suggested(zone: str, meant: str) -> None:
    with pytest.raises(Invalid) as caught:
        Window.parse(f"mon 08:00-18:00 {zone}")
    assert caught.value.hint == f'did you mean "{meant}"?'


# Zones whose clocks change by half an hour, at midnight, on other days, or never.
ZONES = ["UTC", BERLIN, "America/New_York", "Australia/Lord_Howe", "Asia/Kathmandu", "America/Havana", "Africa/Cairo"]
_times = st.integers(0, 95).map(lambda quarter: f"{quarter // 4:02}:{quarter % 4 * 15:02}")
_days = st.lists(st.sampled_from(DAYS), min_size=1, max_size=4, unique=True).map(",".join)
_windows = st.tuples(_days, _times, _times, st.sampled_from(ZONES)).filter(lambda parts: parts[1] != parts[2])
_changes = [at(f"2026-{day} 00:00", "UTC") for day in ("03-08", "03-29", "04-04", "04-24", "10-03", "10-25", "11-01")]
_instants = st.builds(lambda start, minute: start + minute * 60, st.sampled_from(_changes), st.integers(-1440, 2880))


def _shows(window: tuple[str, str, str, str], now: int) -> bool:
    """Whether a clock on the wall shows a day and time in the window; the same, written down another way."""
    days, start, end, zone = window
    clock = datetime.fromtimestamp(now, UTC).astimezone(ZoneInfo(zone)).strftime("%a %H:%M").lower()
    today, time = clock.split()
    yesterday = DAYS[DAYS.index(today) - 1]
    if start < end:
        return today in days.split(",") and start <= time < end
    return (today in days.split(",") and time >= start) or (yesterday in days.split(",") and time < end)


@given(st.lists(_windows, min_size=1, max_size=4), _instants)
@example([("sun", "01:00", "02:30", BERLIN)], at("2026-10-25 01:00"))
@example([("sat", "22:00", "02:30", BERLIN)], at("2026-03-29 01:30"))
@example([("sun", "00:00", "12:00", "America/Havana")], at("2026-03-08 01:00", "America/Havana"))
def test_the_end_is_the_first_minute_at_which_no_clock_shows_a_window(
    windows: list[tuple[str, str, str, str]], now: int
) -> None:
    end = now
    while any(_shows(window, end) for window in windows) and end < now + WEEK:
        end += 60
    parsed = [Window.parse(f"{days} {start}-{stop} {zone}") for days, start, stop, zone in windows]
    assert ends(parsed, now) == (None if end == now else end)


@given(st.text(max_size=40))
def test_any_text_is_a_window_or_invalid(text: str) -> None:
    try:
        Window.parse(text)
    except Invalid as exc:
        assert exc.message.isprintable()
