"""Compiled reading of the keys and values of a tick (``schemas.tick_scanner`` puts them together)."""

from __future__ import annotations

from typing import Any

import numpy as np

from schemas.json_bytes import (
    DECLINED,
    FOUR_BYTES,
    HIGHS,
    ONES,
    QUOTES,
    byte_at,
    low_bit,
    skip_space,
    special_bytes,
    string_end,
    word_at,
)
from schemas.json_numbers import number_at, whole_at
from schemas.kernels import kernel
from schemas.symbols import MAX_SYMBOL_BYTES, MIX
from schemas.tick_times import time_text_at
from schemas.ticks import BUY, NO_SIDE, NO_SYMBOL, QUOTE, SELL, TICK, TRADE, WATERMARK
from schemas.times import MAX_TIME_NS, MIN_TIME_NS

NEW_SYMBOL = -2
"""Code of a symbol that is not in the table yet."""

# Keys are numbers. Those of numbers are also the place of their column in a row, counted in words of 8 bytes.
TIME, PRICE, SIZE, BID, ASK, BID_SIZE, ASK_SIZE, SEQUENCE, SYMBOL, TYPE, SIDE, VENUE, UNKNOWN = range(13)
_NAMES = ("timestamp", "price", "size", "bid", "ask", "bidSize", "askSize", "sequence", "symbol", "type", "side", "venue")
_COLUMNS = ("time", "price", "size", "bid", "ask", "bid_size", "ask_size", "sequence")
assert [TICK.fields[name][1] for name in _COLUMNS] == [8 * place for place in range(8)]  # type: ignore[index]


def _word(text: str) -> int:
    return int.from_bytes(text.encode()[:8], "little")


# A multiplication sends the first word of each key to a place of its own.
_KEY_HASH = np.uint64(0xB2221A58008A05A7)
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
_MAX_TIME = np.uint64(MAX_TIME_NS)
assert MIN_TIME_NS == 0


@kernel
def key_at(data: Any, at: int, end: int) -> Any:
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
    key, behind = UNKNOWN, at
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


@kernel
def symbol_at(data: Any, at: int, end: int, slots: Any, mask: int, words: Any, name_ends: Any, arena: Any) -> Any:
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
            hashed = (hashed ^ word) * _HASH_MULTIPLIER
            hashed = (hashed ^ (hashed >> _HALF)) * _HASH_MULTIPLIER
            hashed ^= hashed >> _HALF
        at += width
        if special or at - start > MAX_SYMBOL_BYTES:
            break
    length = at - start
    if at >= end or byte_at(data, at) != 34 or length == 0 or length > MAX_SYMBOL_BYTES:
        return NO_SYMBOL, DECLINED
    slot = np.int64(hashed & np.uint64(mask))
    entry = np.int64(word_at(slots, 8 * slot))
    while entry != 0:
        if word_at(words, 8 * slot) == first and entry >> 32 == length:
            code = (entry & 0xFFFFFFFF) - 1
            if length <= 8 or _same_rest(data, start, length, arena, name_ends[code] - length):
                return code, at
        slot = (slot + 1) & mask
        entry = np.int64(word_at(slots, 8 * slot))
    return NEW_SYMBOL, at


@kernel
def _same_rest(data: Any, start: int, length: int, arena: Any, arena_start: int) -> bool:
    """Whether two names of one length that agree in their first 8 bytes agree in all."""
    for place in range(8, length):  # noqa: SIM110 - compiled
        if byte_at(data, start + place) != byte_at(arena, arena_start + place):
            return False
    return True


@kernel
def time_at(data: Any, at: int) -> Any:
    """An event time as integer nanoseconds or as text, and the position behind it."""
    if byte_at(data, at) == 34:
        text_time, quote = time_text_at(data, at + 1)
        return text_time, quote + 1 if quote > 0 else DECLINED
    time, at = whole_at(data, at)
    return np.int64(time), at if time < _MAX_TIME else DECLINED


@kernel
def kind_at(data: Any, at: int) -> Any:
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


@kernel
def side_at(data: Any, at: int) -> Any:
    """The side that a text means, and the position behind it."""
    word = word_at(data, at + 1)
    if byte_at(data, at) == 34:
        if word & FOUR_BYTES == _WORD_BUY:
            return BUY, at + 5
        if word & _FIVE_BYTES == _WORD_SELL:
            return SELL, at + 6
    return NO_SIDE, DECLINED


@kernel
def skip_value(data: Any, at: int, end: int) -> Any:
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
