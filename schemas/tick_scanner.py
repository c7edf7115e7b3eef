"""The compiled scanner of ``market.ticks``: bytes of a whole batch to rows, one pass, nothing made in between.

It takes flat objects whose keys and values are usual (schemas/json_bytes.py says which numbers and strings are) and single ones or
arrays of them. It declines every record with anything else in it, and every tick that breaks a rule: what is wrong, and
how it is said, is the business of ``schemas.tick_checks`` alone. Its law: what it accepts, that path accepts with the same rows.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit

from schemas.json_bytes import DECLINED, FOUR_BYTES, byte_at, address_of, NULL, QUOTES, ONES, HIGHS, low_bit, number_at, skip_space, special_bytes, string_end
from schemas.json_bytes import whole_at, word_at
from schemas.symbols import MAX_SYMBOL_BYTES
from schemas.symbols import MIX
from schemas.tick_times import time_text_at
from schemas.ticks import BUY, NO_SEQUENCE, NO_SIDE, NO_SYMBOL, QUOTE, SELL, TICK, TRADE, WATERMARK
from schemas.times import MAX_TIME_NS, MIN_TIME_NS

MAX_RECORD_BYTES = 4 * 1024 * 1024
"""A larger record is refused without a look into it."""

LEAST_TICK_BYTES = len('{"type":"heartbeat","timestamp":0}')
"""No tick is shorter: so many bytes hold at most so many rows."""

NEW_SYMBOL = -2
"""Code in a row whose symbol is not in the table yet; its ``watermark`` then holds ``position << 8 | length`` of the name."""

# Keys are numbers. Those of numbers are also the place of their column in a row, counted in words of 8 bytes.
TIME, PRICE, SIZE, BID, ASK, BID_SIZE, ASK_SIZE, SEQUENCE, SYMBOL, TYPE, SIDE, VENUE, UNKNOWN = range(13)
_NAMES = ("timestamp", "price", "size", "bid", "ask", "bidSize", "askSize", "sequence", "symbol", "type", "side", "venue")
_COLUMNS = ("time", "price", "size", "bid", "ask", "bid_size", "ask_size", "sequence")
assert [TICK.fields[name][1] for name in _COLUMNS] == [8 * place for place in range(8)]  # type: ignore[index]

_SIZES = 1 << SIZE | 1 << BID_SIZE | 1 << ASK_SIZE
_ALWAYS = 1 << TYPE | 1 << TIME
_OF_TRADE = _ALWAYS | 1 << SYMBOL | 1 << PRICE
_OF_QUOTE = _ALWAYS | 1 << SYMBOL
_OF_HEARTBEAT = _ALWAYS | 1 << VENUE | 1 << UNKNOWN


def _word(text: str) -> int:
    return int.from_bytes(text.encode()[:8], "little")


# A multiplication sends the first word of each key to a place of its own.
_KEY_HASH = np.uint64(0xb2221a58008a05a7)
_KEY_SHIFT = np.uint64(60)
_KEY_WORDS = np.zeros(16, np.uint64)
_KEYS = np.full(16, UNKNOWN, np.int64)
_KEY_WIDTHS = np.zeros(16, np.int64)
for _key, _name in enumerate(_NAMES):
    _place = (_word(_name) * int(_KEY_HASH) & (1 << 64) - 1) >> 60
    assert _KEYS[_place] == UNKNOWN
    _KEY_WORDS[_place], _KEYS[_place], _KEY_WIDTHS[_place] = _word(_name), _key, min(len(_name), 8)

_WORD_TRADE, _WORD_QUOTE, _SIX_BYTES = np.uint64(_word('trade"')), np.uint64(_word('quote"')), np.uint64((1 << 48) - 1)
_WORD_HEARTBEAT = np.uint64(_word("heartbea"))
_WORD_BUY, _WORD_SELL, _FIVE_BYTES = np.uint64(_word('buy"')), np.uint64(_word('sell"')), np.uint64((1 << 40) - 1)
_WORD_TRUE, _WORD_FALSE = np.uint64(_word("true")), np.uint64(_word("false"))
_HASH_MULTIPLIER, _HALF = np.uint64(MIX), np.uint64(32)
_MAX_TIME, _MAX_SEQUENCE = np.uint64(MAX_TIME_NS), np.uint64(1 << 63)
assert MIN_TIME_NS == 0


@njit(cache=True, nogil=True, error_model="numpy")
def _key_at(data: Any, at: int, end: int) -> Any:
    """The key whose opening quote is next, and the position of its value."""
    at = skip_space(data, at, end)
    if at >= end or byte_at(data, at) != 34:
        return UNKNOWN, DECLINED
    at += 1
    word = word_at(data, at)
    quote = word ^ QUOTES
    quote = (quote - ONES) & ~quote & HIGHS
    width = 8
    if quote:
        width = low_bit(quote) >> 3
        word &= (np.uint64(1) << np.uint64(8 * width)) - np.uint64(1)
    place = np.int64((word * _KEY_HASH) >> _KEY_SHIFT)
    key = UNKNOWN
    if _KEY_WORDS[place] == word and _KEY_WIDTHS[place] == width:
        key = _KEYS[place]
        behind = at + width
        if key == TIME:
            behind += 1
            if byte_at(data, behind - 1) != 112:
                key = UNKNOWN
        if byte_at(data, behind) != 34:
            key = UNKNOWN
    if key == UNKNOWN:
        behind = string_end(data, at, end)
        if behind < 0:
            return UNKNOWN, DECLINED
    at = skip_space(data, behind + 1, end)
    if byte_at(data, at) != 58:
        return UNKNOWN, DECLINED
    return key, skip_space(data, at + 1, end)


@njit(cache=True, nogil=True, error_model="numpy")
def _symbol_at(data: Any, at: int, end: int, slots: Any, words: Any, name_ends: Any, arena: Any) -> Any:
    """Code of the symbol whose name starts at a position (NEW_SYMBOL if the table has it not), and the position of its closing quote."""
    start, first, hashed = at, np.uint64(0), np.uint64(0)
    while True:
        word = word_at(data, at)
        special = special_bytes(word)
        width = 8
        if special:
            width = low_bit(special) >> 3
            word &= (np.uint64(1) << np.uint64(8 * width)) - np.uint64(1)
        if width > 0:
            if at == start:
                first = word
            hashed ^= word
            hashed = (hashed ^ (hashed >> _HALF)) * _HASH_MULTIPLIER
            hashed ^= hashed >> _HALF
        at += width
        if special or at - start > MAX_SYMBOL_BYTES:
            break
    length = at - start
    if at >= end or byte_at(data, at) != 34 or length == 0 or length > MAX_SYMBOL_BYTES:
        return NO_SYMBOL, DECLINED
    mask = len(slots) - 1
    slot = np.int64(hashed & np.uint64(mask))
    while slots[slot] != 0:
        if words[slot] == first and slots[slot] >> 32 == length:
            code = (slots[slot] & 0xFFFFFFFF) - 1
            if length <= 8 or _same_rest(data, start, length, arena, name_ends[code] - length):
                return code, at
        slot = (slot + 1) & mask
    return NEW_SYMBOL, at


@njit(cache=True, nogil=True, error_model="numpy")
def _same_rest(data: Any, start: int, length: int, arena: Any, arena_start: int) -> bool:
    """Whether two names of one length that agree in their first 8 bytes agree in all."""
    for place in range(8, length):
        if byte_at(data, start + place) != arena[arena_start + place]:
            return False
    return True


@njit(cache=True, nogil=True, error_model="numpy")
def _time_at(data: Any, at: int) -> Any:
    """An event time as integer nanoseconds or as text, and the position behind it."""
    if byte_at(data, at) == 34:
        text_time, quote = time_text_at(data, at + 1)
        return text_time, quote + 1 if quote > 0 else DECLINED
    time, at = whole_at(data, at)
    return np.int64(time), at if time < _MAX_TIME else DECLINED


@njit(cache=True, nogil=True, error_model="numpy")
def _kind_at(data: Any, at: int) -> Any:
    """The kind that a type's text means, and the position behind it."""
    word = word_at(data, at + 1)
    if byte_at(data, at) == 34:
        if word & _SIX_BYTES == _WORD_TRADE:
            return TRADE, at + 7
        if word & _SIX_BYTES == _WORD_QUOTE:
            return QUOTE, at + 7
        if word == _WORD_HEARTBEAT and byte_at(data, at + 9) == 116 and byte_at(data, at + 10) == 34:
            return WATERMARK, at + 11
    return WATERMARK, DECLINED


@njit(cache=True, nogil=True, error_model="numpy")
def _side_at(data: Any, at: int) -> Any:
    word = word_at(data, at + 1)
    if byte_at(data, at) == 34:
        if word & FOUR_BYTES == _WORD_BUY:
            return BUY, at + 5
        if word & _FIVE_BYTES == _WORD_SELL:
            return SELL, at + 6
    return NO_SIDE, DECLINED


@njit(cache=True, nogil=True, error_model="numpy")
def _skip_value(data: Any, at: int, end: int) -> int:
    """The position behind a scalar that nobody reads."""
    if byte_at(data, at) == 34:
        quote = string_end(data, at + 1, end)
        return quote + 1 if quote > 0 else DECLINED
    word = word_at(data, at)
    if word & FOUR_BYTES == _WORD_TRUE:
        return at + 4
    if word & _FIVE_BYTES == _WORD_FALSE:
        return at + 5
    return number_at(data, at)[1]


@njit(cache=True, nogil=True, error_model="numpy")
def _complete(kind: int, given: int) -> bool:
    """Whether a tick has what its kind needs; a heartbeat with more than it needs is left to the other path."""
    if kind == TRADE:
        return given & _OF_TRADE == _OF_TRADE
    if kind == QUOTE:
        return given & _OF_QUOTE == _OF_QUOTE and given & (1 << BID | 1 << ASK) != 0
    return given & _ALWAYS == _ALWAYS and given | _OF_HEARTBEAT == _OF_HEARTBEAT


@njit(cache=True, nogil=True, error_model="numpy")
def _clear(row: Any, numbers: Any, place: int) -> None:
    for column in range(PRICE, ASK_SIZE + 1):
        numbers[place, column] = np.nan
    row["sequence"] = NO_SEQUENCE
    row["watermark"] = 0
    row["symbol"] = NO_SYMBOL
    row["side"] = NO_SIDE


@njit(cache=True, nogil=True, error_model="numpy")
def _scan_tick(data: Any, at: int, end: int, rows: Any, numbers: Any, place: int, slots: Any, words: Any, name_ends: Any, arena: Any) -> int:
    """Read the object whose brace stands before ``at`` into a row; the position behind it."""
    row = rows[place]
    _clear(row, numbers, place)
    seen = given = 0
    kind = WATERMARK
    while True:
        key, at = _key_at(data, at, end)
        bit = 1 << key
        if at < 0 or (seen & bit and key != UNKNOWN):
            return DECLINED
        seen |= bit
        if word_at(data, at) & FOUR_BYTES == NULL:
            at += 4
        else:
            given |= bit
            if PRICE <= key <= ASK_SIZE:
                number, at = number_at(data, at)
                if number < 0.0 and bit & _SIZES:
                    return DECLINED
                numbers[place, key] = number
            elif key == TIME:
                time, at = _time_at(data, at)
                row["time"] = time
            elif key == SYMBOL:
                start = at + 1
                if byte_at(data, at) != 34:
                    return DECLINED
                symbol, at = _symbol_at(data, start, end, slots, words, name_ends, arena)
                row["symbol"] = symbol
                if symbol == NEW_SYMBOL:
                    row["watermark"] = start << 8 | (at - start)
                at = at + 1 if at > 0 else DECLINED
            elif key == TYPE:
                kind, at = _kind_at(data, at)
            elif key == SEQUENCE:
                sequence, at = whole_at(data, at)
                if sequence >= _MAX_SEQUENCE:
                    return DECLINED
                row["sequence"] = np.int64(sequence)
            elif key == SIDE:
                side, at = _side_at(data, at)
                row["side"] = side
            elif key == VENUE and byte_at(data, at) != 34:
                return DECLINED
            else:
                at = _skip_value(data, at, end)
        if at < 0:
            return DECLINED
        at = skip_space(data, at, end)
        if byte_at(data, at) == 125:
            break
        if byte_at(data, at) != 44:
            return DECLINED
        at += 1
    row["kind"] = kind
    return at + 1 if at < end and _complete(kind, given) else DECLINED


@njit(cache=True, nogil=True, error_model="numpy")
def _scan_record(data: Any, at: int, end: int, rows: Any, numbers: Any, place: int, slots: Any, words: Any, name_ends: Any, arena: Any) -> int:
    """Read a record, one tick or an array of them, into rows from ``place`` on; the place behind them."""
    at = skip_space(data, at, end)
    if at >= end:
        return DECLINED
    if byte_at(data, at) == 123:
        at = _scan_tick(data, at + 1, end, rows, numbers, place, slots, words, name_ends, arena)
        if at < 0 or skip_space(data, at, end) != end:
            return DECLINED
        rows[place]["index"] = -1
        return place + 1
    if byte_at(data, at) != 91:
        return DECLINED
    first = place
    while True:
        at = skip_space(data, at + 1, end)
        if at >= end or byte_at(data, at) != 123:
            return DECLINED
        at = _scan_tick(data, at + 1, end, rows, numbers, place, slots, words, name_ends, arena)
        if at < 0:
            return DECLINED
        rows[place]["index"] = place - first
        place += 1
        at = skip_space(data, at, end)
        if at >= end:
            return DECLINED
        if byte_at(data, at) == 93:
            return place if skip_space(data, at + 1, end) == end else DECLINED
        if byte_at(data, at) != 44:
            return DECLINED


@njit(cache=True, nogil=True, error_model="numpy")
def scan(
    data: Any, shift: int, ends: Any, partition: Any, offset: Any, record: int, last: int,
    rows: Any, numbers: Any, count: int, declined: Any, refused: int, slots: Any, words: Any, name_ends: Any, arena: Any,
) -> Any:  # fmt: skip
    """Read records until ``last`` or until the rows might not suffice.

    Args:
        data: bytes; byte ``k`` is that of position ``shift + k`` in the batch. READ_AHEAD more than the last record are readable.
        rows, numbers: where ticks are written, and the same memory as shape (n, 12) of float64.
        count, refused: how many rows and declined records there are already.
        declined: shape (n, 2): record, and the rows before it.

    Returns:
        The record to go on with, the new ``count`` and ``refused``, and how many rows carry NEW_SYMBOL.
    """
    text = address_of(data)
    start = ends[record - 1] - shift if record > 0 else -shift
    fresh = 0
    while record < last:
        end = ends[record] - shift
        length = end - start
        single = length > 0 and byte_at(text, start) == 123
        if count + (1 if single else length // LEAST_TICK_BYTES + 1) > len(rows):
            break
        behind = DECLINED
        if length <= MAX_RECORD_BYTES:
            behind = _scan_record(text, start, end, rows, numbers, count, slots, words, name_ends, arena)
        if behind < 0:
            declined[refused, 0] = record
            declined[refused, 1] = count
            refused += 1
        else:
            for place in range(count, behind):
                rows[place]["offset"] = offset[record]
                rows[place]["partition"] = partition[record]
                fresh += rows[place]["symbol"] == NEW_SYMBOL
            count = behind
        start = end
        record += 1
    return record, count, refused, fresh
