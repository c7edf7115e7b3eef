"""Times: text and nanoseconds are two forms of one value."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.times import MAX_TIME_NS, MIN_TIME_NS, SECOND_NS, format_time, parse_time

TIMES = st.integers(MIN_TIME_NS, MAX_TIME_NS - 1)
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@given(TIMES)
def test_text_reads_back(time_ns: int) -> None:
    assert parse_time(format_time(time_ns)) == time_ns
    assert parse_time(time_ns) == time_ns


@given(TIMES, TIMES)
def test_text_sorts_as_time(first: int, second: int) -> None:
    assert (format_time(first) < format_time(second)) == (first < second)


@given(st.timedeltas(timedelta(days=1), timedelta(days=83_000)), st.integers(-23 * 60, 23 * 60))
def test_zones_agree_with_the_standard_library(since: timedelta, minutes: int) -> None:
    zoned = (EPOCH + since).astimezone(timezone(timedelta(minutes=minutes)))
    assert parse_time(zoned.isoformat()) == since // timedelta(microseconds=1) * 1000


@given(TIMES, st.integers(0, 9))
def test_any_number_of_decimals(time_ns: int, places: int) -> None:
    text = format_time(time_ns)
    cut = text[: 20 + places].rstrip(".") + "Z"
    assert parse_time(cut) == time_ns - time_ns % SECOND_NS + time_ns % SECOND_NS // 10 ** (9 - places) * 10 ** (9 - places)


@pytest.mark.parametrize(
    "value",
    [
        "",
        "2026",
        "2026-01-02",
        "2026-01-02T15:04:05",
        "2026-02-29T00:00:00Z",
        "2026-01-02T24:00:00Z",
        "2026-01-02T15:04:60Z",
        "1969-12-31T23:59:59Z",
        "2200-01-01T00:00:00Z",
        "2026-01-02T15:04:05.1234567890Z",
        "٢٠٢٦-01-02T15:04:05Z",
        -1,
        MAX_TIME_NS,
        2**70,
        True,
    ],
)
def test_what_is_no_time_is_refused(value: str | int) -> None:
    with pytest.raises(ValueError, match="expected"):
        parse_time(value)
