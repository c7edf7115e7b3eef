"""Rows of the archive as the records that they were: columns laid into their shapes, byte for byte."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import msgspec
import numpy as np
import numpy.typing as npt
import polars as pl
import pyarrow as pa

from schemas.archive.columns import DECIMAL_SCALE, Kind, columns_of
from schemas.archive.shapes import Form, shape_parts
from schemas.bus import Batch, Bytes1D, Int64s
from schemas.event_layout import put_digits, put_integer, put_second
from schemas.json_bytes import address_of, byte_at, copy_bytes, double_of, put_byte
from schemas.json_numbers import INT_POWERS
from schemas.kernels import kernel

_F_TEXT, _F_INTEGER, _F_WHOLE, _F_FLOAT, _F_EPOCH, _F_JSON = (
    int(form) for form in (Form.TEXT, Form.INTEGER, Form.WHOLE, Form.FLOAT, Form.EPOCH, Form.JSON)
)
_F_TIME, _F_FIXED, _F_DECIMAL, _F_SCALED = (int(form) for form in (Form.TIME, Form.FIXED, Form.DECIMAL, Form.SCALED))
_SCALE = DECIMAL_SCALE
_HOLE_BYTES = 32
"""Most bytes of a hole whose value is a number or a time."""

_encode = msgspec.json.Encoder().encode


@dataclass(frozen=True, slots=True, eq=False)
class ArchivedRecords:
    """Records of one partition in the order of their offsets, as they stood on the bus."""

    batch: Batch
    """With keys. An empty value is a tombstone."""
    time_ns: Int64s
    """Shape (n,): event time of each record; of an array that of its first element."""


@kernel
def _fill(
    shapes: Any, pieces: Any, firsts: Any, constants_: Any, cells: Any, starts: Any, lengths: Any, arena_: Any, out_: Any, ends: Any
) -> int:  # fmt: skip
    """Lay out all rows; ``shapes`` is -1 where the row's bytes stand in the last column of spans."""
    out, constants, arena = address_of(out_), address_of(constants_), address_of(arena_)
    at, raw = 0, len(starts) - 1
    for row in range(len(shapes)):
        shape = shapes[row]
        if shape < 0:
            copy_bytes(out, at, arena, starts[raw, row], lengths[raw, row])
            at += lengths[raw, row]
        else:
            for place in range(firsts[shape], firsts[shape + 1]):
                form, first, last = pieces[place, 0], pieces[place, 1], pieces[place, 2]
                if form == 0:
                    copy_bytes(out, at, constants, first, last - first)
                    at += last - first
                elif form in (_F_TEXT, _F_FLOAT, _F_JSON):
                    copy_bytes(out, at, arena, starts[first, row], lengths[first, row])
                    at += lengths[first, row]
                elif form >= _F_DECIMAL:
                    at = _put_decimal(out, at, arena, starts[first, row], lengths[first, row], form)
                else:
                    at = _put_value(out, at, cells[first, row], form)
        ends[row] = at
    return at


@kernel
def _put_value(out: Any, at: int, cell: Any, form: int) -> int:
    if form in (_F_INTEGER, _F_EPOCH):
        return put_integer(out, at, cell)
    if form == _F_WHOLE:
        whole: Any = np.int64(double_of(np.uint64(cell)))
        return put_integer(out, at, whole)
    if form >= _F_FIXED:
        places, value = form - _F_FIXED, double_of(np.uint64(cell))
        if value < 0:
            put_byte(out, at, 45)
            at += 1
            value = -value
        power: Any = np.int64(INT_POWERS[places])
        mantissa: Any = np.int64(np.rint(value * np.float64(power)))
        at = put_integer(out, at, mantissa // power)
        put_byte(out, at, 46)
        return put_digits(out, at + 1, mantissa % power, places)
    places = form - _F_TIME
    second = cell // 1_000_000_000
    at = put_second(out, at, second)
    if places == 0:
        at -= 1  # the point
    else:
        unit: Any = np.int64(INT_POWERS[9 - places])
        at = put_digits(out, at, (cell - second * 1_000_000_000) // unit, places)
    put_byte(out, at, 90)
    return at + 1


@kernel
def _put_decimal(out: Any, at: int, arena: Any, start: int, length: int, form: int) -> int:
    """A decimal whose text has all places: without its last zeros, or with as many places as it had."""
    if form == _F_DECIMAL:
        while byte_at(arena, start + length - 1) == 48:
            length -= 1
        if byte_at(arena, start + length - 1) == 46:
            length -= 1
    else:
        length -= _SCALE - (form - _F_SCALED)
    copy_bytes(out, at, arena, start, length)
    return at + length


@lru_cache(maxsize=4096)
def _parts(shape: str) -> tuple[tuple[str, int], ...]:
    return tuple(shape_parts(shape))


class _Columns:
    """The columns of a table as compiled code takes them: cells of eight bytes, and spans of one arena."""

    def __init__(self, rows: int, width: int) -> None:
        self.cells: Int64s = np.zeros((width + 1, rows), np.int64)
        self.starts: Int64s = np.zeros((width + 1, rows), np.int64)
        self.lengths: Int64s = np.zeros((width + 1, rows), np.int64)
        self._arena: list[Bytes1D] = []
        self.arena_bytes = 0

    @property
    def arena(self) -> Bytes1D:
        return np.concatenate([*self._arena, np.zeros(8, np.uint8)])

    def add_spans(self, column: int, data: Bytes1D, starts: npt.NDArray[Any], ends: npt.NDArray[Any]) -> None:
        self.starts[column] = starts + self.arena_bytes
        self.lengths[column] = ends - starts
        self._arena.append(data)
        self.arena_bytes += len(data)

    def add_texts(self, column: int, texts: pa.Array) -> None:
        _, offsets, data = texts.buffers()
        bounds = np.frombuffer(offsets, np.int32)[texts.offset : texts.offset + len(texts) + 1]
        if data is not None and len(bounds):
            arena = np.frombuffer(data, np.uint8)[bounds[0] : bounds[-1]]
            self.add_spans(column, arena, bounds[:-1] - bounds[0], bounds[1:] - bounds[0])

    def add_floats(self, column: int, numbers: npt.NDArray[np.float64]) -> None:
        written = np.frombuffer(_encode(numbers.tolist()), np.uint8)
        commas = np.flatnonzero(written == 44)
        self.add_spans(column, written, np.concatenate([[1], commas + 1]), np.concatenate([commas, [len(written) - 1]]))


def row_bytes(topic: str, table: pa.Table) -> tuple[Bytes1D, Int64s]:
    """What each row gave to its record, one after another, and where each ends. ``table`` has the topic's schema and at least one row."""
    table = table.combine_chunks()
    shape_column = table["bus_shape"].combine_chunks()
    if not pa.types.is_dictionary(shape_column.type):
        shape_column = shape_column.dictionary_encode()
    shapes = shape_column.indices.fill_null(-1).to_numpy().astype(np.int64)
    names = {column.name: number for number, column in enumerate(columns_of(topic))}
    texts = shape_column.dictionary.to_pylist()
    firsts, pieces, constants = _layout(texts, names)
    columns = _Columns(len(table), len(names))
    used = {(int(piece[1]), int(piece[0])) for piece in pieces if piece[0]}
    for column in columns_of(topic):
        forms = {form for number, form in used if number == names[column.name]}
        if forms:
            _add_column(columns, names[column.name], column.kind, forms, table[column.name].combine_chunks())
    raw = len(names)
    columns.add_texts(raw, table["bus_raw"].combine_chunks())
    longest = [sum(len(part) if not form else _HOLE_BYTES for part, form in _parts(text)) for text in texts]
    room = int(np.array([*longest, 0])[shapes].sum()) + columns.arena_bytes
    out: Bytes1D = np.empty(room + 64, np.uint8)
    ends: Int64s = np.empty(len(table), np.int64)
    end = _fill(shapes, pieces, firsts, constants, columns.cells, columns.starts, columns.lengths, columns.arena, out, ends)
    return out[:end], ends


def _layout(texts: list[str], names: dict[str, int]) -> tuple[Int64s, Int64s, Bytes1D]:
    """Where each shape's pieces begin; the pieces: (0, start, end) of a constant or (form, column, 0); the constants."""
    firsts, rows, constants = [0], list[tuple[int, int, int]](), b""
    for text in texts:
        for part, form in _parts(text):
            if form:
                rows.append((form, names[part], 0))
            else:
                rows.append((0, len(constants), len(constants) + len(part)))
                constants += part.encode()
        firsts.append(len(rows))
    return np.array(firsts, np.int64), np.array(rows, np.int64).reshape(-1, 3), np.frombuffer(constants + bytes(8), np.uint8)


def _add_column(columns: _Columns, number: int, kind: Kind, forms: set[int], values: pa.Array) -> None:
    if kind in (Kind.TEXT, Kind.JSON):
        columns.add_texts(number, values)
    elif kind is Kind.DECIMAL:
        columns.add_texts(number, pl.Series(values).cast(pl.String).to_arrow().cast(pa.string()))
    elif kind is Kind.FLOAT:
        numbers = values.fill_null(0.0).to_numpy(zero_copy_only=False)
        columns.cells[number] = numbers.view(np.int64)
        if _F_FLOAT in forms:
            columns.add_floats(number, numbers)
    else:
        columns.cells[number] = values.cast(pa.int64()).fill_null(0).to_numpy(zero_copy_only=False)


def records_of(topic: str, table: pa.Table) -> ArchivedRecords:
    """The records of rows of one partition, which stand in order; each record is whole."""
    data, ends = row_bytes(topic, table)
    offsets = table["bus_offset"].to_numpy()
    lasts = np.flatnonzero(np.append(offsets[1:] != offsets[:-1], [True]))
    firsts = np.concatenate([[0], lasts[:-1] + 1])
    batch = Batch(
        topic=topic,
        data=data,
        ends=ends[lasts],
        partition=table["bus_partition"].to_numpy()[lasts].astype(np.int32),
        offset=offsets[lasts].astype(np.int64),
        timestamp_ms=table["bus_time"].cast(pa.int64()).to_numpy()[lasts],
        keys=table["bus_key"].take(pa.array(lasts)).to_pylist(),
    )
    return ArchivedRecords(batch, table["time"].cast(pa.int64()).to_numpy()[firsts])
