"""The compiled scanner of ``market.ticks``: bytes of a whole batch to rows, one pass, nothing made in between.

It takes flat objects whose keys and values are usual (schemas/json_bytes.py says which numbers and strings are) and single ones or
arrays of them. It declines every record with anything else in it, and every tick that breaks a rule: what is wrong, and
how it is said, is the business of ``schemas.tick_checks`` alone. Its law: what it accepts, that path accepts with the same rows.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from schemas.json_bytes import (
    DECLINED,
    FOUR_BYTES,
    NULL,
    address_of,
    byte_at,
    put_byte,
    put_half,
    put_number,
    put_word,
    skip_space,
    word_at,
)
from schemas.json_numbers import number_at, whole_at
from schemas.kernels import kernel
from schemas.tick_fields import (
    ASK,
    ASK_SIZE,
    BID,
    BID_SIZE,
    NEW_SYMBOL,
    PRICE,
    SEQUENCE,
    SIDE,
    SIZE,
    SYMBOL,
    TIME,
    TYPE,
    UNKNOWN,
    VENUE,
    key_at,
    kind_at,
    side_at,
    skip_value,
    symbol_at,
    time_at,
)
from schemas.ticks import NO_SEQUENCE, NO_SIDE, NO_SYMBOL, QUOTE, TICK, TRADE

MAX_RECORD_BYTES = 4 * 1024 * 1024
"""A larger record is refused without a look into it."""

LEAST_TICK_BYTES = len('{"type":"heartbeat","timestamp":0}')
"""No tick is shorter: so many bytes hold at most so many rows."""

FULL = -2
"""In place of a position: the rows do not suffice."""

_ROW_BYTES = TICK.itemsize
_OFFSETS = {name: int(field[1]) for name, field in (TICK.fields or {}).items()}
_AT_SEQUENCE, _AT_WATERMARK, _AT_OFFSET = _OFFSETS["sequence"], _OFFSETS["watermark"], _OFFSETS["offset"]
_AT_SYMBOL, _AT_PARTITION, _AT_INDEX = _OFFSETS["symbol"], _OFFSETS["partition"], _OFFSETS["index"]
_AT_KIND, _AT_SIDE = _OFFSETS["kind"], _OFFSETS["side"]

_SIZES = 1 << SIZE | 1 << BID_SIZE | 1 << ASK_SIZE
_ALWAYS = 1 << TYPE | 1 << TIME
_OF_TRADE = _ALWAYS | 1 << SYMBOL | 1 << PRICE
_OF_QUOTE = _ALWAYS | 1 << SYMBOL
_OF_HEARTBEAT = _ALWAYS | 1 << VENUE | 1 << UNKNOWN
_NEW_HALF, _MAX_SEQUENCE = np.uint64(NEW_SYMBOL & 0xFFFFFFFF), np.uint64(1 << 63)


@kernel
def _complete(kind: int, given: int) -> bool:
    """Whether a tick has what its kind needs; a heartbeat with more than it needs is left to the other path."""
    if kind == TRADE:
        return given & _OF_TRADE == _OF_TRADE
    if kind == QUOTE:
        return given & _OF_QUOTE == _OF_QUOTE and given & (1 << BID | 1 << ASK) != 0
    return given & _ALWAYS == _ALWAYS and given | _OF_HEARTBEAT == _OF_HEARTBEAT


@kernel
def _clear(rows: Any, row: int) -> None:
    for column in range(PRICE, ASK_SIZE + 1):
        put_number(rows, row + 8 * column, np.nan)
    put_word(rows, row + _AT_SEQUENCE, NO_SEQUENCE)
    put_word(rows, row + _AT_WATERMARK, 0)
    put_half(rows, row + _AT_SYMBOL, NO_SYMBOL)
    put_byte(rows, row + _AT_SIDE, NO_SIDE)


@kernel
def _put_symbol(data: Any, at: int, end: int, rows: Any, row: int, slots: Any, mask: int, words: Any, name_ends: Any, arena: Any) -> int:
    if byte_at(data, at) != 34:
        return DECLINED
    start = at + 1
    symbol, at = symbol_at(data, start, end, slots, mask, words, name_ends, arena)
    put_half(rows, row + _AT_SYMBOL, symbol)
    if symbol == NEW_SYMBOL:
        put_word(rows, row + _AT_WATERMARK, start << 8 | (at - start))
    return at + 1 if at > 0 else DECLINED


@kernel
def _put_value(data: Any, at: int, end: int, key: int, rows: Any, row: int) -> Any:
    """Read the value of any key but the symbol's into a row; the position behind it."""
    if PRICE <= key <= ASK_SIZE:
        number, at = number_at(data, at)
        put_number(rows, row + 8 * key, number)
        return DECLINED if number < 0.0 and (1 << key) & _SIZES else at
    if key == TIME:
        time, at = time_at(data, at)
        put_word(rows, row, time)
        return at
    if key == TYPE:
        kind, at = kind_at(data, at)
        put_byte(rows, row + _AT_KIND, kind)
        return at
    if key == SEQUENCE:
        sequence, at = whole_at(data, at)
        put_word(rows, row + _AT_SEQUENCE, np.int64(sequence))
        return at if sequence < _MAX_SEQUENCE else DECLINED
    if key == SIDE:
        side, at = side_at(data, at)
        put_byte(rows, row + _AT_SIDE, side)
        return at
    if key == VENUE and byte_at(data, at) != 34:
        return DECLINED
    return skip_value(data, at, end)


@kernel
def _scan_tick(data: Any, at: int, end: int, rows: Any, row: int, slots: Any, mask: int, words: Any, name_ends: Any, arena: Any) -> int:
    """Read the object whose brace stands before ``at`` into a row; the position behind it."""
    _clear(rows, row)
    seen = given = 0
    while True:
        key, at = key_at(data, at, end)
        bit = 1 << key
        if at < 0 or (seen & bit and key != UNKNOWN):
            return DECLINED
        seen |= bit
        if word_at(data, at) & FOUR_BYTES == NULL:
            at += 4
        else:
            given |= bit
            if key == SYMBOL:
                at = _put_symbol(data, at, end, rows, row, slots, mask, words, name_ends, arena)
            else:
                at = _put_value(data, at, end, key, rows, row)
        if at < 0:
            return DECLINED
        at = skip_space(data, at, end)
        if byte_at(data, at) == 125:
            break
        if byte_at(data, at) != 44:
            return DECLINED
        at += 1
    return at + 1 if _complete(byte_at(rows, row + _AT_KIND), given) else DECLINED


@kernel
def _scan_record(
    data: Any, at: int, end: int, rows: Any, place: int, capacity: int, slots: Any, mask: int, words: Any, name_ends: Any, arena: Any
) -> int:
    """Read a record, one tick or an array of them, into rows from ``place`` on; the place behind them, DECLINED or FULL."""
    at = skip_space(data, at, end)
    if at >= end:
        return DECLINED
    if byte_at(data, at) == 91:
        return _scan_array(data, at, end, rows, place, capacity, slots, mask, words, name_ends, arena)
    if byte_at(data, at) != 123:
        return DECLINED
    if place == capacity:
        return FULL
    at = _scan_tick(data, at + 1, end, rows, place * _ROW_BYTES, slots, mask, words, name_ends, arena)
    if at < 0 or skip_space(data, at, end) != end:
        return DECLINED
    put_half(rows, place * _ROW_BYTES + _AT_INDEX, -1)
    return place + 1


@kernel
def _scan_array(
    data: Any, at: int, end: int, rows: Any, place: int, capacity: int, slots: Any, mask: int, words: Any, name_ends: Any, arena: Any
) -> int:
    """As _scan_record, from the bracket on. An empty array is declined."""
    first = place
    while True:
        at = skip_space(data, at + 1, end)
        if at >= end or byte_at(data, at) != 123:
            return DECLINED
        if place == capacity:
            return FULL
        at = _scan_tick(data, at + 1, end, rows, place * _ROW_BYTES, slots, mask, words, name_ends, arena)
        if at < 0:
            return DECLINED
        put_half(rows, place * _ROW_BYTES + _AT_INDEX, place - first)
        place += 1
        at = skip_space(data, at, end)
        if at >= end:
            return DECLINED
        if byte_at(data, at) == 93:
            return place if skip_space(data, at + 1, end) == end else DECLINED
        if byte_at(data, at) != 44:
            return DECLINED


@kernel
def scan(
    data: Any, shift: int, ends: Any, partition: Any, offset: Any, record: int, last: int,
    rows: Any, count: int, declined: Any, refused: int, slots: Any, words: Any, name_ends: Any, arena: Any,
) -> Any:  # fmt: skip
    """Read records until ``last`` or until the rows do not suffice.

    Args:
        data: bytes; byte ``k`` is that of position ``shift + k`` in the batch. READ_AHEAD more than the last record are readable.
        rows: where ticks are written, as bytes, shape (n, 96).
        count, refused: how many rows and declined records there are already.
        declined: shape (n, 2): record, and the rows before it.

    Returns:
        The record to go on with, the new ``count`` and ``refused``, and how many rows carry NEW_SYMBOL.
    """
    text, out = address_of(data), address_of(rows)
    start = ends[record - 1] - shift if record > 0 else -shift
    table, firsts, letters, mask = address_of(slots), address_of(words), address_of(arena), len(slots) // 8 - 1
    capacity = len(rows) // _ROW_BYTES
    fresh = 0
    while record < last:
        end = ends[record] - shift
        behind = DECLINED
        if end - start <= MAX_RECORD_BYTES:
            behind = _scan_record(text, start, end, out, count, capacity, table, mask, firsts, name_ends, letters)
        if behind == FULL:
            break
        if behind < 0:
            declined[refused, 0] = record
            declined[refused, 1] = count
            refused += 1
        else:
            for place in range(count, behind):
                row = place * _ROW_BYTES
                put_word(out, row + _AT_OFFSET, offset[record])
                put_half(out, row + _AT_PARTITION, partition[record])
                fresh += word_at(out, row + _AT_SYMBOL) & FOUR_BYTES == _NEW_HALF
            count = behind
        start = end
        record += 1
    return record, count, refused, fresh
