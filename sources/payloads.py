"""Rows of a table as JSON payloads: for every topic but ``market.ticks``."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from decimal import Decimal

import msgspec
import numpy as np
import polars as pl

from schemas.dead_letters import Reason
from schemas.times import format_time
from sources.columns import BARS, PRICES, Columns, TableOptions
from sources.event_times import TimeReader, describe
from sources.numbers import read_numbers
from sources.table import BadLine, Faults, Int64s, Table

_TIMES = frozenset({"timestamp", "start", "end"})
_NUMBERS = frozenset({*PRICES, "volume", "tradeCount"})
"""Numbers of a bar. Other topics' numbers are handed on as they are written, for money must not pass through a double."""

_TEXTS = re.compile(r"(?:.*[a-z])?Id|symbol|account|venue|currency|baseCurrency|feeCurrency|interval|side|rule|scope|reason|user", re.ASCII)
"""Fields that are text even where they look like a number."""

_JSON_WORD = re.compile(r"-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?|true|false|null", re.ASCII)
_encode = msgspec.json.Encoder().encode


@dataclass(frozen=True, slots=True, eq=False)
class PayloadBlock:
    """Payloads of some rows in the order of the file, and the rows that are none."""

    lines: Int64s
    """Shape (n,): line of each row in the file, from 1."""
    payloads: list[bytes]
    """JSON objects; empty cells are left out."""
    rejects: list[BadLine] = field(default_factory=list)


class PayloadReader:
    """Turns tables into payloads. A row of ``market.bars`` needs ``start`` or ``end`` and has an interval only if the file has one."""

    def __init__(self, columns: Columns, options: TableOptions, *, source: str) -> None:
        """Raises UsageError: the time format or the time zone is none."""
        self._columns = columns
        self._options = options
        self._times = {
            name: TimeReader(options.time_format, options.time_zone, column=columns.names[name], source=source)
            for name in columns.places
            if name in _TIMES
        }

    def read(self, table: Table) -> PayloadBlock:
        """Raises InputFileError: the format of the times was not given and cannot be recognised."""
        faults = Faults(table)
        parts = [self._cells(name, table.frame[name], faults) for name in self._columns.places]
        if self._columns.topic == BARS:
            self._require_times(table, faults)
        constant = b"" if self._options.symbol is None else b'"symbol":' + _encode(self._options.symbol)
        keys = [_encode(name) + b":" for name in self._columns.places]
        kept = faults.good()
        payloads = []
        for at in kept.tolist():
            fields = [key + cell for key, part in zip(keys, parts, strict=True) if (cell := part[at])]
            payloads.append(b"{" + b",".join([constant, *fields] if constant else fields) + b"}")
        return PayloadBlock(table.lines[kept], payloads, faults.rejects())

    def read_all(self, tables: Iterator[Table]) -> Iterator[PayloadBlock]:
        return map(self.read, tables)

    def _cells(self, name: str, cells: pl.Series, faults: Faults) -> list[bytes]:
        """The JSON of each cell; empty: absent."""
        if name in _TIMES:
            times, good = self._times[name].read(cells)
            present = (cells.cast(pl.String).fill_null("") != "").to_numpy()
            faults.add(present & ~good, Reason.TIME, self._expected(name, "a time from 1970 to 2199", cells))
            return [
                b'"' + format_time(time).encode() + b'"' if there else b""
                for time, there in zip(times.tolist(), present & good, strict=True)
            ]
        if name in _NUMBERS and self._columns.topic == BARS:
            values, bad = read_numbers(cells, self._options.price_scale if name in PRICES else Decimal(1))
            faults.add(bad, Reason.NUMBER, self._expected(name, "a number", cells))
            return [b"" if value != value else _encode(int(value) if name == "tradeCount" else value) for value in values.tolist()]
        return [_json(name, cell) for cell in cells.to_list()]

    def _require_times(self, table: Table, faults: Faults) -> None:
        missing = np.ones(len(table.frame), np.bool_)
        for name in {"start", "end"} & self._columns.places.keys():
            missing &= (table.frame[name].cast(pl.String).fill_null("") == "").to_numpy()
        faults.add(missing, Reason.MISSING_FIELD, "expected a time in start or end, found none")

    def _expected(self, name: str, expected: str, cells: pl.Series) -> Callable[[int], str]:
        return lambda at: f"column {self._columns.names[name]!r} ({name}): expected {expected}, found {describe(cells[at])}"


def _json(name: str, cell: object) -> bytes:
    if cell is None or cell == "":
        return b""
    if not isinstance(cell, str):
        return _encode(str(cell) if _TEXTS.fullmatch(name) else cell)
    return cell.encode() if _JSON_WORD.fullmatch(cell) and not _TEXTS.fullmatch(name) else _encode(cell)
