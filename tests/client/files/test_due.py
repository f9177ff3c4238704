"""When a certificate is due, as `step ssh needs-renewal` reckons it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from daypass.client.files.due import is_due, parse_span, share_used
from daypass.client.files.shown import ShownCertificate, ShownKey
from daypass.errors import Invalid
from daypass.wire import FOREVER
from tests.wire.making import signed


def certificate(start: int, end: int) -> ShownCertificate:
    found = ShownKey(signed(valid_after=start, valid_before=end).encode()).certificate
    assert found is not None
    return found


@pytest.mark.parametrize(
    ("now", "threshold", "due"),
    [
        (1000, "66%", False), (1659, "66%", False), (1660, "66%", True), (3000, "66%", True), (0, "66%", False),
        (1000, "0%", True), (999, "0%", True), (1999, "100%", False), (2000, "100%", True),
        (1000, "999s", False), (1000, "1000s", True), (1001, "1000s", True), (2000, "0", True), (1999, "0", False),
        (2500, "-10m", False), (2700, "-10m", True), (0, "1h", True), (1000, "16m40s", True),
    ],
)  # fmt: skip
def test_a_certificate_is_due_by_share_or_by_time_left(now: int, threshold: str, due: bool) -> None:
    assert is_due(certificate(1000, 2000), threshold, now) is due


def test_one_that_never_ends_is_never_due() -> None:
    assert not is_due(certificate(0, FOREVER), "66%", 2e9) and not is_due(certificate(0, FOREVER), "8h", 2e9)


def test_one_without_any_time_is_due() -> None:
    assert is_due(certificate(5, 5), "66%", 1) and share_used(certificate(5, 4), 1) == 1


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("8h", 28800), ("1h15m", 4500), ("300ms", 0.3), ("-1.5h", -5400), ("3d", 259200), ("0", 0), ("+1s", 1)],
)
def test_times_are_go_s_durations_and_days(text: str, seconds: float) -> None:
    assert parse_span(text) == pytest.approx(seconds)


@pytest.mark.parametrize(
    "text", ["", "8", "8 h", "h", "1h-1m", "1y", "٣h", "1e3s", "9" * 40 + "h", "75%%", "101%", "7.5%", "-1%"]
)
def test_anything_else_is_refused(text: str) -> None:
    with pytest.raises(Invalid):
        is_due(certificate(0, 10), text, 5)


@given(st.text(max_size=40))
def test_no_text_is_more_than_refused(text: str) -> None:
    try:
        is_due(certificate(0, 10), text, 5)
    except Invalid as error:
        assert error.hint
