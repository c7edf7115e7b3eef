"""Event times of a table: text, numbers or dates to int64 UTC nanoseconds, none rounded.

Most times of a file are written alike. So the pattern is matched with one cell, which tells where its digits stand; every cell
of the same length that differs in those digits only is read there, as a matrix of bytes. What is written otherwise is next.
"""

from __future__ import annotations

import re
from collections import Counter
from datetime import timezone
from decimal import Decimal, InvalidOperation

import numpy as np
import numpy.typing as npt
import polars as pl

from schemas.errors import InputFileError
from schemas.times import MAX_TIME_NS, MIN_TIME_NS, SECOND_NS
from sources.numbers import NUMBER
from sources.time_formats import MONTHS, UNIT_NS, TimeFormat, parse_format, recognise
from sources.zones import to_utc, zone

Int64s = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]

SAMPLE = 100
"""Cells that are looked at to recognise the format."""

_ROUNDS = 16
"""Ways of writing that are read as a matrix per length and block; the cells of any further way are read one by one."""

_DAYS_IN_MONTH = np.array([0, 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31], np.int64)
_NEVER = -1
"""Outside of what an event time may be: a cell that is no time."""


class TimeReader:
    """Reads one column of times, block after block; a format that was recognised in the first stays."""

    def __init__(
        self, time_format: str | None = None, time_zone: str = "UTC", *, column: str = "timestamp", source: str = "the table"
    ) -> None:
        """Raises UsageError: the format or the zone is none."""
        self._format = parse_format(time_format) if time_format is not None else None
        self._zone = zone(time_zone)
        self._column = column
        self._source = source

    def read(self, cells: pl.Series) -> tuple[Int64s, Bools]:
        """Times of cells.

        Args:
            cells: shape (n,): text, integers, floats, dates or datetimes of polars.

        Returns:
            shape (n,) UTC nanoseconds and shape (n,) whether the cell is a time from 1970 to 2199 that exists.

        Raises:
            InputFileError: no format was given and the first SAMPLE cells look like no time at all.
        """
        if cells.dtype in (pl.Datetime, pl.Date):
            times = self._from_datetimes(cells)
        else:
            if cells.dtype.is_float():
                cells = cells.cast(pl.String)
            if self._format is None:
                self._format = self._recognise(cells)
            times = self._from_unit(cells, UNIT_NS[self._format.unit]) if self._format and self._format.unit else self._from_text(cells)
        good = (times >= MIN_TIME_NS) & (times < MAX_TIME_NS)
        return np.where(good, times, 0), good

    def _recognise(self, cells: pl.Series) -> TimeFormat | None:
        sample = cells.drop_nulls().head(SAMPLE).cast(pl.String).to_list()
        formats = Counter(found for text in sample if (found := recognise(text.strip())))
        if formats:
            return formats.most_common(1)[0][0]
        if any(text.strip() for text in sample):
            raise InputFileError(
                f"{self._source}: expected times in column {self._column!r}, found {sample[0][:60]!r}",
                hint="say how they are written: --time-format ns|us|ms|s, or letters of strftime such as '%d/%m/%Y %H:%M:%S.%f'",
            )
        return None

    def _from_datetimes(self, cells: pl.Series) -> Int64s:
        known_zone = isinstance(cells.dtype, pl.Datetime) and cells.dtype.time_zone is not None
        unit_ns = UNIT_NS[cells.dtype.time_unit] if isinstance(cells.dtype, pl.Datetime) else 86_400 * SECOND_NS
        physical = cells.to_physical().cast(pl.Int64).fill_null(_NEVER)
        units = physical.to_numpy().astype(np.int64)
        seconds, rest = (
            (units // (SECOND_NS // unit_ns), units % (SECOND_NS // unit_ns)) if unit_ns < SECOND_NS else (units * 86_400, units * 0)
        )
        return self._joined(seconds, rest * unit_ns, cells.is_not_null().to_numpy(), 0 if known_zone else None)

    def _from_unit(self, cells: pl.Series, unit_ns: int) -> Int64s:
        counts = cells.cast(pl.Int64, strict=False)
        known = counts.is_not_null().to_numpy()
        units = counts.fill_null(_NEVER).to_numpy().astype(np.int64)
        fits = known & (units >= 0) & (units < MAX_TIME_NS // unit_ns)
        times = np.where(fits, units, 0) * unit_ns
        times[~fits] = _NEVER
        for at in np.flatnonzero(~known & cells.is_not_null().to_numpy()).tolist():
            times[at] = _decimal_ns(str(cells[at]), unit_ns)
        return times

    def _from_text(self, cells: pl.Series) -> Int64s:
        cells = cells.cast(pl.String)
        times = np.full(len(cells), _NEVER, np.int64)
        lengths = cells.str.len_bytes().fill_null(0).to_numpy()
        for length in np.unique(lengths[lengths > 0]).tolist():
            rows = np.flatnonzero(lengths == length)
            same = cells if len(rows) == len(cells) else cells.gather(rows)
            text = str(same.str.join("").item()).encode()
            times[rows] = self._from_matrix(np.frombuffer(text, np.uint8).reshape(len(rows), length))
        return times

    def _from_matrix(self, cells: npt.NDArray[np.uint8]) -> Int64s:
        times = np.full(len(cells), _NEVER, np.int64)
        pending = np.arange(len(cells))
        for _ in range(_ROUNDS):
            if not len(pending):
                return times
            match = self._match(cells[pending[0]].tobytes())
            if match is None:
                pending = pending[1:]
                continue
            alike = _alike(cells if len(pending) == len(cells) else cells[pending], match)
            times[pending[alike]] = self._matched(cells[pending[alike]], match)
            pending = pending[~alike]
        for at in pending.tolist():
            match = self._match(cells[at].tobytes())
            if match is not None:
                times[at] = self._matched(cells[at : at + 1], match)[0]
        return times

    def _match(self, cell: bytes) -> re.Match[str] | None:
        assert self._format is not None
        try:
            text = cell.decode("ascii")
        except UnicodeDecodeError:
            return None
        start, end = len(text) - len(text.lstrip()), len(text.rstrip())
        return self._format.pattern.fullmatch(text, start, end)

    def _matched(self, cells: npt.NDArray[np.uint8], match: re.Match[str]) -> Int64s:
        groups = match.groupdict()
        value = {name: _digits(cells, match.span(name)) for name in "YymdjHIMSf" if groups.get(name) is not None}
        days, good = _days(value, groups.get("b"))
        hour = value.get("H", np.zeros(len(cells), np.int64))
        if "I" in value:
            good = good & (value["I"] >= 1) & (value["I"] <= 12)
            hour = value["I"] % 12 + 12 * ((groups.get("p") or "").casefold() == "pm")
        minute, second = (value.get(name, np.zeros(len(cells), np.int64)) for name in "MS")
        good &= (hour < 24) & (minute < 60) & (second < 60)
        seconds = days * 86_400 + hour * 3_600 + minute * 60 + second
        fraction = value["f"] * 10 ** (9 - len(groups["f"])) if "f" in value else np.zeros(len(cells), np.int64)
        written = groups.get("zone")
        return self._joined(seconds, fraction, good, None if written is None else _zone_s(written))

    def _joined(self, seconds: Int64s, fraction_ns: Int64s, good: Bools, offset_s: int | None) -> Int64s:
        """Nanoseconds of local seconds; ``offset_s`` None: local to the table's zone."""
        reachable = good & (seconds > -86_400) & (seconds < MAX_TIME_NS // SECOND_NS + 86_400)
        local = np.where(reachable, seconds, 0)
        utc, exists = to_utc(local, self._zone) if offset_s is None else (local - offset_s, np.ones(len(local), np.bool_))
        return np.where(reachable & exists, utc * SECOND_NS + fraction_ns, _NEVER)


def _alike(cells: npt.NDArray[np.uint8], match: re.Match[str]) -> Bools:
    """Which cells have digits where the matched one has them, and elsewhere the same bytes."""
    fixed = np.ones(cells.shape[1], np.bool_)
    for name in "YymdjHIMSf":
        if name in match.re.groupindex and match.group(name) is not None:
            fixed[slice(*match.span(name))] = False
    other = cells[:, ~fixed]
    digits: Bools = np.logical_and.reduce((other >= ord("0")) & (other <= ord("9")), axis=1)
    same: Bools = np.logical_and.reduce(cells[:, fixed] == np.frombuffer(match.string.encode(), np.uint8)[fixed], axis=1)
    return digits & same


def _digits(cells: npt.NDArray[np.uint8], span: tuple[int, int]) -> Int64s:
    value = np.zeros(len(cells), np.int64)
    for at in range(*span):
        value = value * 10 + (cells[:, at] - ord("0"))
    return value


def _days(value: dict[str, Int64s], month_name: str | None) -> tuple[Int64s, Bools]:
    """Days since 1970 of a date (proleptic Gregorian), and whether it is one."""
    year = value["Y"] if "Y" in value else np.where(value["y"] < 69, 2000, 1900) + value["y"]
    leap = (year % 4 == 0) & ((year % 100 != 0) | (year % 400 == 0))
    if "j" in value:
        good = (value["j"] >= 1) & (value["j"] <= 365 + leap)
        return _january_first(year) + value["j"] - 1, good & (year >= 1)
    month, good = value.get("m", np.zeros(len(year), np.int64)), np.ones(len(year), np.bool_)
    if month_name is not None:
        short = month_name.casefold()[:3]
        month = np.full(len(year), MONTHS.index(short) + 1 if short in MONTHS else 0, np.int64)
    good &= (month >= 1) & (month <= 12) & (year >= 1)
    month = np.where(good, month, 1)
    good &= (value["d"] >= 1) & (value["d"] <= _DAYS_IN_MONTH[month] + (leap & (month == 2)))
    before = np.cumsum(_DAYS_IN_MONTH)[month - 1] + (leap & (month > 2))
    return _january_first(year) + before + value["d"] - 1, good


def _january_first(year: Int64s) -> Int64s:
    past = year - 1
    return past * 365 + past // 4 - past // 100 + past // 400 - 719_162


def _zone_s(text: str) -> int:
    where = zone(text)
    assert isinstance(where, timezone)
    return int(where.utcoffset(None).total_seconds())


def _decimal_ns(text: str, unit_ns: int) -> int:
    """``1340285400.123`` units; digits beyond the nanosecond are cut off."""
    if not NUMBER.fullmatch(text):
        return _NEVER
    try:
        value = Decimal(text.strip()) * unit_ns
    except InvalidOperation:
        return _NEVER
    return int(value) if 0 <= value < MAX_TIME_NS else _NEVER


def describe(cell: object) -> str:
    """How a cell is shown in a message."""
    return "an empty cell" if cell is None or cell == "" else repr(str(cell)[:60])
