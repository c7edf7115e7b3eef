"""The compiled loop from events to lines: matches each event against a layout, and copies its names and numbers."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from schemas.bus import Bytes1D, Int64s
from schemas.event_layout import put_integer
from schemas.json_bytes import DECLINED, FOUR_BYTES, NULL, address_of, byte_at, copy_bytes, put_byte, string_end, word_at
from schemas.kernels import kernel, leaf
from schemas.symbols import MIX
from schemas.tick_times import time_text_at
from sinks.influx.layout import FLOAT, INTEGER, MATCH, STRING, TAG, TIME

Words = npt.NDArray[np.uint64]

_MIX, _HALF = np.uint64(MIX), np.uint64(32)
_FLOAT_BYTES, _INTEGER_DIGITS = 40, 18
"""Longest numbers that are copied; with two digits of an exponent the first stays below the largest double."""


@leaf
def _mixed(value: Any, word: Any) -> Any:
    value = (value ^ word) * _MIX
    value = (value ^ value >> _HALF) * _MIX
    return value ^ value >> _HALF


@leaf
def _hash(data: Any, at: int, length: int, salt: int) -> Any:
    """Of so many bytes and a number."""
    value = _mixed(np.uint64(length), np.uint64(salt))
    while length > 0:
        word = word_at(data, at)
        if length < 8:
            word &= (np.uint64(1) << np.uint64(8 * length)) - np.uint64(1)
        value = _mixed(value, word)
        at += 8
        length -= 8
    return value


@kernel
def hash_all(data_: Bytes1D, ends: Int64s, salts: Int64s, words: Words) -> None:
    """Fill ``words``, shape (n,), with the hash of each text and its salt. READ_AHEAD more bytes than the last text are readable."""
    data, start = address_of(data_), 0
    for row in range(len(ends)):
        words[row] = _hash(data, start, ends[row] - start, salts[row])
        start = ends[row]


@leaf
def _stands(data: Any, at: int, texts: Any, start: int, length: int) -> bool:
    """Whether a text stands at a position."""
    while length >= 8:
        if word_at(data, at) != word_at(texts, start):
            return False
        at, start, length = at + 8, start + 8, length - 8
    if length == 0:
        return True
    mask = (np.uint64(1) << np.uint64(8 * length)) - np.uint64(1)
    return bool((word_at(data, at) ^ word_at(texts, start)) & mask == np.uint64(0))


@leaf
def _digits_end(data: Any, at: int) -> int:
    while 48 <= byte_at(data, at) <= 57:
        at += 1
    return at


@leaf
def _whole_end(data: Any, at: int) -> int:
    """Behind the digits of a whole number without a sign; DECLINED if there are none, or a zero before others."""
    end = _digits_end(data, at)
    return DECLINED if end == at or (byte_at(data, at) == 48 and end > at + 1) else end


@leaf
def _float_end(data: Any, at: int) -> int:
    """Behind a JSON number."""
    start = at
    at = _whole_end(data, at + 1 if byte_at(data, at) == 45 else at)
    if at < 0:
        return DECLINED
    if byte_at(data, at) == 46:
        end = _digits_end(data, at + 1)
        if end == at + 1:
            return DECLINED
        at = end
    if at - start > _FLOAT_BYTES:
        return DECLINED
    if byte_at(data, at) | 32 == 101:
        at += 2 if byte_at(data, at + 1) == 43 or byte_at(data, at + 1) == 45 else 1
        end = _digits_end(data, at)
        if end == at or end > at + 2:
            return DECLINED
        at = end
    return at


@leaf
def _is_plain(data: Any, at: int, end: int) -> bool:
    """Whether a text can be a tag as it is."""
    while at < end:
        byte = byte_at(data, at)
        if byte == 44 or byte == 61 or byte == 32 or byte == 127:
            return False
        at += 1
    return True


@leaf
def _text_end(data: Any, at: int, end: int, kind: int) -> int:
    """The quote that closes the string whose quote stands at a position; DECLINED if it is none that can be copied."""
    if byte_at(data, at) != 34:
        return DECLINED
    stop = string_end(data, at + 1, end)
    return DECLINED if stop < 0 or (kind == TAG and not _is_plain(data, at + 1, stop)) else stop


@leaf
def _number_end(data: Any, at: int, kind: int) -> int:
    if kind == FLOAT:
        return _float_end(data, at)
    first = at + 1 if byte_at(data, at) == 45 else at
    end = _whole_end(data, first)
    return DECLINED if end - first > _INTEGER_DIGITS else end


@leaf
def _match(pieces: Any, texts: Any, data: Any, at: int, end: int, spans: Any) -> Any:
    """Match an event piece by piece; note where each begins and how long it is (-1: null). Position behind it, and its time."""
    time = 0
    for place in range(len(pieces)):
        kind, first = pieces[place, 0], pieces[place, 1]
        if kind == MATCH:
            length = pieces[place, 2] - first
            if not _stands(data, at, texts, first, length):
                return DECLINED, time
            at += length
            continue
        if kind == TIME:
            time, at = time_text_at(data, at)
        elif first == 1 and word_at(data, at) & FOUR_BYTES == NULL:
            spans[0, place], spans[1, place] = at, -1
            at += 4
        elif kind in (FLOAT, INTEGER):
            quoted = kind == FLOAT and byte_at(data, at) == 34
            begin = at + 1 if quoted else at
            at = _number_end(data, begin, kind)
            spans[0, place], spans[1, place] = begin, at - begin
            if at >= 0 and quoted:
                at = at + 1 if byte_at(data, at) == 34 else DECLINED
        else:
            begin = at + 1
            at = _text_end(data, at, end, kind)
            spans[0, place], spans[1, place] = begin, at - begin
            at = at + 1 if at >= 0 else at
        if at < 0 or at > end:
            return DECLINED, time
    return (at if at == end else DECLINED), time


@leaf
def _put_field(out: Any, at: int, data: Any, begin: int, length: int, kind: int) -> int:
    if kind == STRING:
        put_byte(out, at, 34)
        at += 1
    copy_bytes(out, at, data, begin, length)
    at += length
    if kind in (STRING, INTEGER):
        put_byte(out, at, 34 if kind == STRING else 105)
        at += 1
    return at


@leaf
def _put_outs(outs: Any, first: int, last: int, texts: Any, data: Any, spans: Any, out: Any, at: int, gap: int) -> int:
    """Write tags or fields that are there; ``gap`` parts them from what stands before."""
    for row in range(first, last):
        place, kind = outs[row, 0], outs[row, 3]
        length = spans[1, place]
        if length < 0 or (kind == TAG and length == 0):
            continue
        if kind != TAG:
            put_byte(out, at, gap)
            at += 1
            gap = 44
        copy_bytes(out, at, texts, outs[row, 1], outs[row, 2] - outs[row, 1])
        at = _put_field(out, at + outs[row, 2] - outs[row, 1], data, spans[0, place], length, kind)
    return at


@kernel
def lay_lines(
    pieces: Int64s,
    outs: Int64s,
    tags: int,
    name: int,
    name_end: int,
    texts_: Bytes1D,
    data_: Bytes1D,
    ends: Int64s,
    spans: Int64s,
    out_: Bytes1D,
    places: Int64s,
    words: Words,
    declined: Int64s,
) -> Any:
    """Lay out all lines; how many were written, and how many declined.

    Args:
        pieces: shape (p, 3), of the layout; outs: shape (o, 4), the first ``tags`` of which are tags.
        name: the measurement stands from here to ``name_end`` in the texts.
        spans: shape (2, p): room for where the pieces of an event stand.
        places: shape (3, n): end of each line, its record, the end of its series.
        words: shape (2, n): hash of series and time, and of the event's id.
    """
    out, texts, data = address_of(out_), address_of(texts_), address_of(data_)
    written, refused, at, start = 0, 0, 0, 0
    for row in range(len(ends)):
        end = ends[row]
        behind, time = _match(pieces, texts, data, start, end, spans)
        start = end
        if behind < 0:
            declined[refused] = row
            refused += 1
            continue
        begin = at
        copy_bytes(out, at, texts, name, name_end - name)
        head = _put_outs(outs, 0, tags, texts, data, spans, out, at + name_end - name, 0)
        at = _put_outs(outs, tags, len(outs), texts, data, spans, out, head, 32)
        if at == head:  # nothing to store: the careful way says so
            declined[refused] = row
            refused += 1
            at = begin
            continue
        put_byte(out, at, 32)
        at = put_integer(out, at + 1, time)
        put_byte(out, at, 10)
        at += 1
        places[0, written], places[1, written], places[2, written] = at, row, head
        words[0, written] = _hash(out, begin, head - begin, time)
        words[1, written] = _hash(data, spans[0, 1], spans[1, 1], 0)
        written += 1
    return written, refused
