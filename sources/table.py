"""Rows of a table as ticks: what CSV and Parquet have in common."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from decimal import Decimal

import numpy as np
import numpy.typing as npt
import polars as pl

from schemas.dead_letters import Reason
from schemas.errors import RejectedRecord, UsageError
from schemas.symbols import MAX_SYMBOL_BYTES, SYMBOLS
from schemas.ticks import BUY, NO_SEQUENCE, NO_SYMBOL, QUOTE, SELL, TRADE, Rows, empty_rows
from sources.columns import PRICES, Columns, TableOptions
from sources.event_times import TimeReader, describe
from sources.numbers import Bools, read_numbers

Int32s = npt.NDArray[np.int32]
Int64s = npt.NDArray[np.int64]

NUMBERS = {"price": "price", "size": "size", "bid": "bid", "ask": "ask", "bidSize": "bid_size", "askSize": "ask_size"}
"""Payload field to column of TICK."""

_SIDES = {"buy": BUY, "b": BUY, "sell": SELL, "s": SELL, "": 0}


@dataclass(frozen=True, slots=True)
class BadLine:
    """One row that cannot be used, for a dead letter."""

    line: int
    reason: Reason
    detail: str
    """What was expected and what was found."""
    text: bytes
    """The row as it stands in the file (Parquet: as JSON)."""


@dataclass(frozen=True, slots=True, eq=False)
class Table:
    """Some rows of a file, cells not read yet."""

    frame: pl.DataFrame
    """A column per mapped field, named by it; of text, or typed as the file has it."""
    lines: Int64s
    """Shape (n,): line of each row in the file, from 1 (Parquet: number of the row, from 1)."""
    text: Callable[[int], bytes]
    """The row at a place of the frame, as it stands in the file."""
    rejects: list[BadLine] = field(default_factory=list)
    """Rows that could not even be split into cells."""


@dataclass(frozen=True, slots=True, eq=False)
class TickBlock:
    """Ticks of some rows in the order of the file, and the rows that are none.

    ``offset`` of a tick is its line in the file, ``partition`` 0, ``index`` -1, ``watermark`` the latest time so far.
    """

    rows: Rows
    rejects: list[BadLine] = field(default_factory=list)


class Faults:
    """The first fault of each row."""

    def __init__(self, table: Table) -> None:
        self._table = table
        self._found: dict[int, BadLine] = {}

    def add(self, bad: Bools, reason: Reason, detail: Callable[[int], str] | str) -> None:
        for at in np.flatnonzero(bad).tolist():
            if at not in self._found:
                self._found[at] = BadLine(
                    int(self._table.lines[at]), reason, detail if isinstance(detail, str) else detail(at), self._table.text(at)
                )

    def good(self) -> Int64s:
        kept = np.ones(len(self._table.lines), np.bool_)
        kept[list(self._found)] = False
        return np.flatnonzero(kept)

    def rejects(self) -> list[BadLine]:
        return sorted([*self._table.rejects, *self._found.values()], key=lambda reject: reject.line)


class TickReader:
    """Turns tables into ticks: a row with a price is a trade, another one with a bid or an ask is a quote.

    A row's other numbers are left out: a trade has price and size, a quote bid, ask and their sizes. A negative price passes, for only
    the instrument can say whether it may be.
    """

    def __init__(self, columns: Columns, options: TableOptions, *, source: str) -> None:
        """Raises UsageError: the time format, the time zone or the symbol is none."""
        self._columns = columns
        self._options = options
        self._times = TimeReader(options.time_format, options.time_zone, column=columns.names["timestamp"], source=source)
        self._latest = 0
        if options.symbol is not None and _code(options.symbol) == NO_SYMBOL:
            raise UsageError(f"--symbol: expected 1 to {MAX_SYMBOL_BYTES} bytes, found {options.symbol[:80]!r}")

    def read(self, table: Table) -> TickBlock:
        """Raises InputFileError: the format of the times was not given and cannot be recognised."""
        frame, faults = table.frame, Faults(table)
        rows = empty_rows(len(frame))
        times, good = self._times.read(frame["timestamp"])
        rows["time"] = times
        faults.add(~good, Reason.TIME, lambda at: self._expected("timestamp", "a time from 1970 to 2199", frame["timestamp"][at]))
        self._fill_numbers(rows, frame, faults)
        self._fill_kind(rows, faults)
        rows["symbol"] = self._symbols(frame, faults)
        if "side" in frame.columns:
            rows["side"] = self._sides(frame["side"], faults)
        if "sequence" in frame.columns:
            rows["sequence"] = self._sequences(frame["sequence"], faults)
        rows["offset"] = table.lines
        good_rows = faults.good()
        kept = rows if len(good_rows) == len(rows) else rows[good_rows]
        kept["watermark"] = np.maximum.accumulate(np.maximum(kept["time"], self._latest))
        self._latest = int(kept["watermark"][-1]) if len(kept) else self._latest
        return TickBlock(kept, faults.rejects())

    def read_all(self, tables: Iterator[Table]) -> Iterator[TickBlock]:
        return map(self.read, tables)

    def _expected(self, name: str, expected: str, found: object) -> str:
        return f"column {self._columns.names.get(name, name)!r} ({name}): expected {expected}, found {describe(found)}"

    def _fill_numbers(self, rows: Rows, frame: pl.DataFrame, faults: Faults) -> None:
        for name, column in NUMBERS.items():
            if name not in frame.columns:
                continue
            cells = frame[name]
            values, bad = read_numbers(cells, self._options.price_scale if name in PRICES else Decimal(1))
            rows[column] = values
            faults.add(bad, Reason.NUMBER, lambda at, name=name, cells=cells: self._expected(name, "a number", cells[at]))  # type: ignore[misc]
            if name not in PRICES:
                faults.add(
                    values < 0,
                    Reason.NEGATIVE_SIZE,
                    lambda at, name=name, cells=cells: self._expected(name, "a size of at least 0", cells[at]),  # type: ignore[misc]
                )

    def _fill_kind(self, rows: Rows, faults: Faults) -> None:
        trade = np.isfinite(rows["price"])
        quote = ~trade & (np.isfinite(rows["bid"]) | np.isfinite(rows["ask"]))
        wanted = [f"column {self._columns.names[name]!r} ({name})" for name in ("price", "bid", "ask") if name in self._columns.places]
        faults.add(~trade & ~quote, Reason.MISSING_FIELD, f"expected a value in {' or '.join(wanted)}, found none")
        rows["kind"] = np.where(trade, TRADE, QUOTE)
        for column in ("bid", "ask", "bid_size", "ask_size"):
            rows[column][trade] = np.nan
        rows["size"][quote] = np.nan

    def _symbols(self, frame: pl.DataFrame, faults: Faults) -> Int32s:
        if self._options.symbol is not None:
            return np.full(len(frame), SYMBOLS.code(self._options.symbol), np.int32)
        cells = frame["symbol"].cast(pl.String).fill_null("").str.strip_chars()
        distinct = cells.unique()
        codes = {name: _code(name) for name in distinct.to_list()}
        column = cells.replace_strict(distinct, pl.Series(list(codes.values()), dtype=pl.Int32), return_dtype=pl.Int32)
        result: Int32s = column.to_numpy().astype(np.int32)
        faults.add(result == NO_SYMBOL, Reason.SYMBOL, lambda at: self._expected("symbol", "a symbol of 1 to 64 bytes", cells[at]))
        return result

    def _sides(self, cells: pl.Series, faults: Faults) -> npt.NDArray[np.int8]:
        words = cells.cast(pl.String).fill_null("").str.strip_chars().str.to_lowercase()
        sides = words.replace_strict(_SIDES, default=None, return_dtype=pl.Int8)
        faults.add(sides.is_null().to_numpy(), Reason.MALFORMED, lambda at: self._expected("side", "buy, sell or nothing", cells[at]))
        return sides.fill_null(0).to_numpy().astype(np.int8)

    def _sequences(self, cells: pl.Series, faults: Faults) -> Int64s:
        if not cells.dtype.is_integer():
            cells = cells.cast(pl.String).str.strip_chars()
            cells = cells.set(cells == "", None)
        numbers = cells.cast(pl.Int64, strict=False)
        bad = (cells.is_not_null() & (numbers.is_null() | (numbers < 0).fill_null(False))).to_numpy()
        faults.add(bad, Reason.NUMBER, lambda at: self._expected("sequence", "a whole number of at least 0", cells[at]))
        return numbers.fill_null(NO_SEQUENCE).to_numpy().astype(np.int64)


def _code(name: str) -> int:
    try:
        return SYMBOLS.code(name)
    except RejectedRecord:
        return NO_SYMBOL
