"""Laws of event times: each way of writing is read to the nanosecond, as ``datetime`` and ``zoneinfo`` read it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.errors import InputFileError, UsageError
from schemas.times import MAX_TIME_NS, SECOND_NS, format_time
from sources.event_times import TimeReader

ZONES = ("America/New_York", "Europe/London", "Australia/Lord_Howe", "Asia/Kolkata", "America/Sao_Paulo", "EST", "Pacific/Apia", "UTC")
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def local(year: int, month: int, day: int) -> datetime:
    """Midnight of a clock that hangs somewhere."""
    return datetime(year, month, day)  # noqa: DTZ001 - that is the point


# From 1973: an integer number of seconds before that is not recognised by its size.
times_ns = st.integers(10**17, MAX_TIME_NS - 1)


def read(cells: Sequence[object], time_format: str | None = None, time_zone: str = "UTC") -> list[int | None]:
    times, good = TimeReader(time_format, time_zone).read(pl.Series(cells))
    return [time if fine else None for time, fine in zip(times.tolist(), good.tolist(), strict=True)]


@given(st.lists(times_ns, min_size=1), st.sampled_from([("ns", 1), ("us", 1_000), ("ms", 1_000_000), ("s", SECOND_NS)]), st.booleans())
def test_integers_are_recognised_by_their_size(times: list[int], unit: tuple[str, int], as_text: bool) -> None:
    name, unit_ns = unit
    counts = [time // unit_ns for time in times]
    wanted = [count * unit_ns for count in counts]
    cells: list[object] = [str(count) for count in counts] if as_text else list(counts)
    if all(wanted_ns >= 10**17 for wanted_ns in wanted):
        assert read(cells) == wanted
    assert read(cells, name) == wanted


@given(st.lists(st.integers(0, MAX_TIME_NS - 1), min_size=1))
def test_decimal_seconds_keep_each_nanosecond(times: list[int]) -> None:
    assert read([f"{time // SECOND_NS}.{time % SECOND_NS:09d}" for time in times], "s") == times


@given(st.lists(times_ns, min_size=1), st.data())
def test_rfc3339_in_any_offset_and_mixture(times: list[int], data: st.DataObject) -> None:
    cells = []
    for time in times:
        text = format_time(time)
        if data.draw(st.booleans()):
            minutes = data.draw(st.integers(-14 * 60, 14 * 60))
            local = format_time(max(time + minutes * 60 * SECOND_NS, 0))[:-1]
            if time + minutes * 60 * SECOND_NS >= 0:
                text = f"{local}{'+' if minutes >= 0 else '-'}{abs(minutes) // 60:02d}:{abs(minutes) % 60:02d}"
        cells.append(text.replace("T", " ") if data.draw(st.booleans()) else text)
    assert read(cells) == times


STYLES = [
    ("%Y-%m-%d %H:%M:%S.%f", None),
    ("%Y%m%d %H%M%S%f", None),
    ("%Y%m%d%H%M%S%f", None),
    ("%Y/%m/%d %H:%M:%S", None),
    ("%Y-%m-%dT%H:%M", None),
    ("%Y-%m-%d", None),
    ("%Y%m%d", None),
    ("%d/%m/%Y %H:%M:%S.%f", "%d/%m/%Y %H:%M:%S.%f"),
    ("%m/%d/%y %I:%M:%S %p", "%m/%d/%y %I:%M:%S %p"),
    ("%d %b %Y %H:%M", "%d %b %Y %H:%M"),
    ("%d-%B-%Y %T", "%d-%B-%Y %T"),
    ("%Y %j %H", "%Y %j %H"),
]


@given(st.lists(st.datetimes(local(1973, 4, 1), local(2068, 12, 31)), min_size=1), st.sampled_from(STYLES))
def test_each_style_is_read_as_datetime_reads_it(moments: list[datetime], style: tuple[str, str | None]) -> None:
    written, time_format = style
    cells = [moment.strftime(written) for moment in moments]
    wanted = [datetime.strptime(cell, written.replace("%T", "%H:%M:%S")).replace(tzinfo=UTC) - EPOCH for cell in cells]
    assert read(cells, time_format) == [delta // timedelta(microseconds=1) * 1_000 for delta in wanted]


def test_the_files_of_the_house() -> None:
    assert read(["2012-06-21 09:30:00.017460000"], None, "America/New_York") == [1340285400_017460000]
    assert read(["20200101 170000065"], None, "EST") == [1577916000_065000000]
    assert read(["2012-06-21"]) == [1340236800 * SECOND_NS]


@given(
    st.sampled_from(ZONES),
    st.lists(st.datetimes(local(1970, 1, 3), local(2199, 12, 29)), min_size=1, max_size=20),
    st.integers(0, 999),
)
def test_local_times_are_those_of_zoneinfo(zone: str, moments: list[datetime], below_us: int) -> None:
    assert_as_zoneinfo(zone, moments, below_us)


def transitions(zone: str) -> list[datetime]:
    """Local times around each change of the clocks of some years."""
    where, found = ZoneInfo(zone), []
    for hour in range(366 * 24):
        before = datetime(2011, 1, 1, tzinfo=UTC) + timedelta(hours=hour)
        if (before + timedelta(hours=1)).astimezone(where).utcoffset() != before.astimezone(where).utcoffset():
            local = before.astimezone(where).replace(tzinfo=None)
            found += [local + timedelta(minutes=minute, microseconds=us) for minute in range(-130, 130, 5) for us in (-1, 0, 1)]
    return found


@pytest.mark.parametrize("zone", ZONES)
def test_at_the_edges_of_summer_time_local_times_are_those_of_zoneinfo(zone: str) -> None:
    edges = transitions(zone)
    assert edges or zone in ("EST", "UTC", "Asia/Kolkata")
    assert_as_zoneinfo(zone, edges or [local(2012, 1, 1)], 7)


def assert_as_zoneinfo(zone: str, moments: list[datetime], below_us: int) -> None:
    """A time that comes twice is the first, one that never comes is none."""
    where = ZoneInfo(zone)
    wanted: list[int | None] = []
    for moment in moments:
        utc = moment.replace(tzinfo=where).astimezone(UTC)
        there = utc.astimezone(where).replace(tzinfo=None) == moment
        wanted.append(((utc - EPOCH) // timedelta(microseconds=1)) * 1_000 + below_us if there else None)
    cells = [f"{moment:%Y-%m-%d %H:%M:%S.%f}{below_us:03d}" for moment in moments]
    assert read(cells, None, zone) == wanted


def test_a_time_that_comes_twice_and_one_that_never_comes() -> None:
    assert read(["2012-11-04 01:30:00", "2012-03-11 02:30:00"], None, "America/New_York") == [1352007000 * SECOND_NS, None]


@pytest.mark.parametrize(
    "cell",
    ["2012-02-30 00:00:00", "2011-02-29", "2012-06-21 24:00:00", "2012-06-21 23:59:60", "9999-01-01", "1969-12-31", "2012-13-01", "x", ""],
)
def test_what_is_no_time_is_none_among_good_ones(cell: str) -> None:
    assert read(["2012-06-21 09:30:00", cell, "2012-06-21 09:30:01"]) == [1340271000 * SECOND_NS, None, 1340271001 * SECOND_NS]


@given(st.lists(st.text(max_size=12), min_size=1))
def test_any_text_is_a_time_or_none(cells: list[str]) -> None:
    read(cells, "%d/%m/%Y %H:%M")
    read(cells, "rfc3339")
    read(cells, "ms")


@given(
    st.lists(st.datetimes(local(1970, 1, 3), local(2199, 1, 1)), min_size=1),
    st.sampled_from(["ms", "us", "ns"]),
    st.sampled_from(ZONES),
)
def test_typed_columns_are_read_like_their_text(moments: list[datetime], unit: str, zone: str) -> None:
    in_ms = [moment.replace(microsecond=moment.microsecond // 1000 * 1000) for moment in moments]
    cells = pl.Series(in_ms, dtype=pl.Datetime(unit))  # type: ignore[arg-type]
    times, good = TimeReader(None, zone).read(cells)
    assert [time if fine else None for time, fine in zip(times.tolist(), good.tolist(), strict=True)] == read(
        [f"{moment:%Y-%m-%d %H:%M:%S.%f}" for moment in in_ms], None, zone
    )


def test_a_typed_column_with_a_zone_ignores_the_tables() -> None:
    cells = pl.Series([datetime(2012, 6, 21, 13, 30, tzinfo=UTC)]).dt.convert_time_zone("Asia/Tokyo")
    assert TimeReader(None, "EST").read(cells)[0].tolist() == [1340285400 * SECOND_NS]


def test_messages_say_what_to_do() -> None:
    with pytest.raises(InputFileError, match=r"34200\.17") as failure:
        TimeReader(column="Time", source="a.csv").read(pl.Series(["34200.17"]))
    assert "--time-format" in failure.value.hint
    for wrong in ("%H:%M", "%Q%Y", "seconds", "%Y%Y%m%d"):
        with pytest.raises(UsageError, match="--time-format"):
            TimeReader(wrong)
    for wrong in ("Mars/Olympus", "", "+25:00", "../etc"):
        with pytest.raises(UsageError, match="--time-zone"):
            TimeReader(None, wrong)
