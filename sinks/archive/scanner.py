"""The compiled scanner of the archive: bytes of a batch to cells of columns and shapes, one pass.

It takes records that are one JSON object, or an array of objects where a topic allows it, of plain ASCII, and finds the values of the
topic's columns by their keys. All else of a row, to the byte, is its shape. What it cannot say exactly it declines, record by record.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt

from schemas.archive.shapes import MARK
from schemas.bus import Bytes1D, Int64s
from schemas.json_bytes import DECLINED, address_of, byte_at, copy_bytes, skip_space, string_end, word_at
from schemas.kernels import kernel
from schemas.symbols import MIX
from sinks.archive.keys import HEADER, PAYLOAD, column_at, keys_of
from sinks.archive.values import F_FLOAT, F_TEXT, F_UNPROVEN, LENGTH_BITS, LONGEST_TEXT, skip_value, value_at

MAX_SHAPES = 256
"""Of one scan; rows of more shapes, as of a feed that gives each tick an id that no column has, are kept as bytes beside their columns."""

SHAPE_ROOM = 1 << 20
"""Bytes for all shapes of a scan."""

MAX_SHAPE_BYTES = 4096
"""A row with more beside its values is kept as bytes."""

_SLOTS = 4096
_BRACE = 123
_MIX = np.uint64(MIX)
_HALF = np.uint64(32)


@kernel
def _add_hole(data: Any, copied: int, first: int, column: int, form: int, shape: Any, fill: int) -> int:
    """Put into the shape what stands before a value, and its hole; the shape's bytes, or DECLINED if there is no room."""
    if fill + first - copied + 3 > MAX_SHAPE_BYTES:
        return DECLINED
    copy_bytes(address_of(shape), fill, data, copied, first - copied)
    fill += first - copied
    shape[fill], shape[fill + 1] = MARK, column
    shape[fill + 2] = F_FLOAT if form == F_UNPROVEN else form
    return fill + 3


@kernel
def _key_end(data: Any, at: int, end: int) -> Any:
    """Positions of the quote that closes the key which starts here, and of the value behind it."""
    quote = string_end(data, at + 1, end) if byte_at(data, at) == 34 else DECLINED
    if quote < 0:
        return DECLINED, DECLINED
    colon = skip_space(data, quote + 1, end)
    if byte_at(data, colon) != 58:
        return DECLINED, DECLINED
    return quote, skip_space(data, colon + 1, end)


@kernel
def _member_at(
    data: Any, at: int, end: int, column: int, copied: int, kinds: Any, cells: Any, forms: Any, row: int, shape: Any, fill: int
) -> Any:
    """Read a value; the position behind it, how much was copied into the shape, and the shape's bytes."""
    if column < 0:
        return skip_value(data, at, end), copied, fill
    cell, form, first, last, at = value_at(data, at, end, kinds[column])
    if at < 0 or at > end or forms[column, row] != 0:
        return DECLINED, copied, fill
    cells[column, row], forms[column, row] = cell, form
    if last == first and form != F_TEXT:
        return at, copied, fill
    fill = _add_hole(data, copied, first, column, form, shape, fill)
    return at if fill >= 0 else DECLINED, last, fill


@kernel
def _object_at(data: Any, at: int, end: int, copied: int, keys: Any, cells: Any, forms: Any, row: int, shape: Any) -> Any:
    """Read an object into a row; the position behind it, how much of it was copied into the shape, and the shape's bytes so far."""
    words, marks, columns, kinds = keys
    inside, fill = 0, 0
    at = skip_space(data, at + 1, end)
    is_open = byte_at(data, at) != 125
    while True:
        if is_open:
            quote, value = _key_end(data, at, end)
            if quote < 0:
                return DECLINED, 0, 0
            column = column_at(data, at + 1, quote - at - 1, inside, words, marks, columns)
            at = value
            if column <= HEADER and column >= PAYLOAD and byte_at(data, at) == 123:
                inside = 1 if column == HEADER else 2
                at = skip_space(data, at + 1, end)
                if byte_at(data, at) != 125:
                    continue
            else:
                at, copied, fill = _member_at(data, at, end, column, copied, kinds, cells, forms, row, shape, fill)
                if at < 0:
                    return DECLINED, 0, 0
        at = skip_space(data, at, end)
        if at >= end:
            return DECLINED, 0, 0
        byte = byte_at(data, at)
        is_open = byte == 44
        if is_open:
            at = skip_space(data, at + 1, end)
        elif byte != 125:
            return DECLINED, 0, 0
        elif inside == 0:
            return at + 1, copied, fill
        else:
            inside = 0
            at += 1


@kernel
def _shape_number(shape: Any, length: int, table: Any) -> Any:
    """Number of a shape, which is added if it is new; negative if there is no room."""
    slots, hashes, arena, ends, state = table
    for place in range(length, length + 8):
        shape[place] = 0
    hashed = np.uint64(length)
    for at in range(0, length, 8):
        hashed = (hashed ^ word_at(address_of(shape), at)) * _MIX
        hashed ^= hashed >> _HALF
    slot = np.int64(hashed & np.uint64(_SLOTS - 1))
    while slots[slot] >= 0:
        number = slots[slot]
        start = ends[number - 1] if number else 0
        if hashes[slot] == hashed and ends[number] - start == length and _is_same(arena, start, shape, length):
            return number
        slot = (slot + 1) & (_SLOTS - 1)
    number = state[0]
    start = ends[number - 1] if number else 0
    if number >= MAX_SHAPES or start + length > SHAPE_ROOM:
        return DECLINED
    copy_bytes(address_of(arena), start, address_of(shape), 0, length)
    ends[number], slots[slot], hashes[slot] = start + length, number, hashed
    state[0] = number + 1
    return number


@kernel
def _is_same(arena: Any, start: int, shape: Any, length: int) -> bool:
    at = 0
    while at + 8 <= length:
        if word_at(address_of(arena), start + at) != word_at(address_of(shape), at):
            return False
        at += 8
    while at < length:
        if arena[start + at] != shape[at]:
            return False
        at += 1
    return True


@kernel
def _separator_at(data: Any, at: int, end: int) -> Any:
    """What stands behind an element of an array: whether it was the last one, and the position behind the comma or bracket."""
    at = skip_space(data, at, end)
    if at >= end or (byte_at(data, at) != 93 and byte_at(data, at) != 44):
        return False, DECLINED
    return byte_at(data, at) == 93, skip_space(data, at + 1, end)


@kernel
def _record_at(data: Any, start: int, end: int, keys: Any, is_array: bool, rows: Any, row: int, shape: Any, table: Any) -> Any:
    """Read a record into rows from ``row`` on; how many they are, or DECLINED."""
    cells, forms, indexes, shapes, spans = rows
    at, count, copied, first = skip_space(data, start, end), 0, start, start
    in_array = is_array and at < end and byte_at(data, at) == 91
    if in_array:
        at = skip_space(data, at + 1, end)
    while at < end and byte_at(data, at) == 123 and row + count < len(indexes):
        at, copied, fill = _object_at(data, at, end, copied, keys, cells, forms, row + count, shape)
        if at < 0:
            return DECLINED
        behind, is_last = at, True
        if in_array:
            is_last, at = _separator_at(data, at, end)
        if is_last:
            behind = end
            at = skip_space(data, at, end)
        if at < 0 or (is_last and at != end) or fill + behind - copied > MAX_SHAPE_BYTES or behind - first > LONGEST_TEXT:
            return DECLINED
        copy_bytes(address_of(shape), fill, data, copied, behind - copied)
        shapes[row + count] = _shape_number(shape, fill + behind - copied, table)
        spans[row + count] = first << LENGTH_BITS | (behind - first)
        indexes[row + count] = count if in_array else -1
        count += 1
        if is_last:
            return count
        copied = first = behind
    return DECLINED


@kernel
def _scan(
    data_: Any, record_ends: Any, keys: Any, is_array: bool, rows: Any, records: Any, counts: Any, shape: Any, table: Any, declined: Any
) -> Any:
    """Read all records; how many rows they are, and how many records were declined."""
    data, forms = address_of(data_), rows[1]
    row, refused, start = 0, 0, 0
    for record in range(len(record_ends)):
        end = record_ends[record]
        count = _record_at(data, start, end, keys, is_array, rows, row, shape, table) if end > start else DECLINED
        if count < 0:
            undone = row
            while undone < len(records) and (undone == row or forms[:, undone].any()):
                forms[:, undone] = 0
                undone += 1
            declined[refused] = record
            refused += 1
        else:
            for place in range(row, row + count):
                records[place], counts[place] = record, count
            row += count
        start = end
    return row, refused


@dataclass(frozen=True, slots=True, eq=False)
class Scanned:
    """What a scan found: rows in the order of their records."""

    cells: Int64s
    """Shape (columns, n): integers, times and booleans themselves, floats as their bits, texts (and UNPROVEN floats) as
    ``start << LENGTH_BITS | length``."""
    forms: npt.NDArray[np.int8]
    """Shape (columns, n): how each value was written, a ``Form``; 0: there is none."""
    records: Int64s
    """Shape (n,): place of each row's record in the batch."""
    indexes: npt.NDArray[np.int32]
    """Shape (n,): place within an array, else -1."""
    counts: npt.NDArray[np.int32]
    """Shape (n,): rows of the record."""
    shapes: npt.NDArray[np.int32]
    """Shape (n,): place in ``raw_shapes``; negative: there was no room for the row's shape."""
    spans: Int64s
    """Shape (n,): cell of the row's bytes."""
    raw_shapes: list[bytes]
    """In the scanner's own form (``schemas.archive.shapes.shape_text``)."""
    declined: Int64s
    """Shape (m,): places of the records that are not among the rows."""


def scan_records(topic: str, data: Bytes1D, ends: Int64s, bytes_a_row: int = 32) -> Scanned:
    """Scan the records of one topic.

    Args:
        topic: whose columns.
        data: the records one after another, and READ_AHEAD readable bytes behind them.
        ends: shape (n,): where each ends.
        bytes_a_row: least bytes of a row of an array for which there is room; with more rows a record may be declined.
    """
    keys = keys_of(topic)
    count, width = len(ends), len(keys.kinds)
    has_arrays = keys.is_array and bool((data[np.concatenate([[0], ends[:-1]])] != _BRACE).any())
    room = count + (int(ends[-1]) // bytes_a_row if has_arrays else 0)
    cells: Int64s = np.empty((width, room), np.int64)
    spans: Int64s = np.empty(room, np.int64)
    forms: npt.NDArray[np.int8] = np.zeros((width, room), np.int8)
    records: Int64s = np.empty(room, np.int64)
    indexes, counts, shapes = (np.empty(room, np.int32) for _ in range(3))
    table = (
        np.full(_SLOTS, -1, np.int64), np.empty(_SLOTS, np.uint64), np.empty(SHAPE_ROOM + 8, np.uint8), np.empty(MAX_SHAPES, np.int64),
        np.zeros(1, np.int64),
    )  # fmt: skip
    declined: Int64s = np.empty(count, np.int64)
    found = (keys.words, keys.marks, keys.columns, keys.kinds)
    shape = np.zeros(MAX_SHAPE_BYTES + 16, np.uint8)
    into = (cells, forms, indexes, shapes, spans)
    rows, refused = _scan(data, ends, found, keys.is_array, into, records, counts, shape, table, declined)
    bounds = [0, *table[3][: table[4][0]].tolist()]
    raw_shapes = [table[2][first:last].tobytes() for first, last in pairwise(bounds)]
    return Scanned(
        cells[:, :rows],
        forms[:, :rows],
        records[:rows],
        indexes[:rows],
        counts[:rows],
        shapes[:rows],
        spans[:rows],
        raw_shapes,
        declined[:refused],
    )
