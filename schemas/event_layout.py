"""Events from columns to bytes: a compiled loop lays constant texts, names, integers, times and numbers of a batch into one buffer.

What an event looks like says a ``Layout``. The numbers arrive as text that msgspec has written: the shortest that reads as the same
double is no loop of a few lines.
"""

from __future__ import annotations

from typing import Any

import msgspec
import numpy as np
import numpy.typing as npt

from schemas.bus import Bytes1D, Column, Int64s
from schemas.json_bytes import HIGHS, ONES, address_of, copy_bytes, low_bit, put_byte, put_word, word_at
from schemas.json_numbers import INT_POWERS
from schemas.kernels import kernel, leaf

TEXT, NUMBER, INTEGER, OPTIONAL, TIME, NAME, CHOICE = range(7)
"""Kinds of pieces. OPTIONAL is an integer that is null where negative, NAME a name by its code, CHOICE one of a few constant texts."""

_COMMAS = np.uint64(0x2C2C2C2C2C2C2C2C)
_TEN = np.uint64(10)
_NULL = int.from_bytes(b"null", "little")
_SLACK = 16
"""Bytes that are read and written behind the end."""

_encode_into = msgspec.json.Encoder().encode_into


class Layout:
    """What each event of a batch is made of.

    Args:
        parts: in order: bytes that are the same in each, NUMBER, which takes the row's next number, or a pair of another kind and the
            row of the integers it is made from.
        choices: what CHOICE chooses from.
    """

    def __init__(self, *parts: bytes | int | tuple[int, int], choices: tuple[bytes, ...] = ()) -> None:
        rows, constants = [], b""
        for part in parts:
            if isinstance(part, bytes):
                rows.append((TEXT, len(constants), len(constants) + len(part)))
                constants += part
            else:
                kind, column = part if isinstance(part, tuple) else (part, 0)
                rows.append((kind, column, len(parts)))
        self._count = len(rows)
        self._bound = len(constants) + sum(30 for kind, _, _ in rows if kind in (INTEGER, OPTIONAL, TIME))
        self._bound += sum(max(map(len, choices)) for kind, _, _ in rows if kind == CHOICE)
        self._names = sum(kind == NAME for kind, _, _ in rows)
        for choice in choices:
            rows.append((TEXT, len(constants), len(constants) + len(choice)))
            constants += choice
        self._pieces: npt.NDArray[np.int64] = np.array(rows, np.int64)
        self._constants: Bytes1D = np.array(bytearray(constants), np.uint8)

    def column(self, integers: npt.NDArray[np.int64], names: Names, numbers: npt.NDArray[np.float64] | None = None) -> Column:
        """The events.

        Args:
            integers: shape (k, n), contiguous.
            names: that codes stand for.
            numbers: shape (n, NUMBERs of the layout), contiguous: NaN becomes null.
        """
        written = bytearray()
        if numbers is not None and numbers.size:
            _encode_into(numbers.ravel().tolist(), written)
            written[-1:] = b","
        written += bytes(_SLACK)
        count = integers.shape[1]
        out: Bytes1D = np.empty(count * (self._bound + self._names * names.longest) + len(written) + _SLACK, np.uint8)
        ends: Int64s = np.empty(count, np.int64)
        texts = np.frombuffer(written, np.uint8)
        end = _lay_out(self._count, self._pieces, self._constants, integers, texts, names.arena, names.ends, out, ends)
        return Column(out[:end], ends)


class Names:
    """Texts by code, append-only. Adding is the caller's to guard; what was added once can be read from any thread."""

    def __init__(self) -> None:
        self.arena: Bytes1D = np.zeros(1 << 14, np.uint8)
        self.ends: Int64s = np.zeros(1 << 10, np.int64)
        self.longest = 0
        self._count = 0

    def add(self, text: bytes) -> None:
        code, start = self._count, int(self.ends[self._count - 1]) if self._count else 0
        end = start + len(text)
        while end > len(self.arena):
            self.arena = np.concatenate([self.arena, np.zeros_like(self.arena)])
        if code >= len(self.ends):
            self.ends = np.concatenate([self.ends, np.zeros_like(self.ends)])
        self.arena[start:end] = memoryview(text)
        self.ends[code] = end
        self.longest = max(self.longest, len(text))
        self._count = code + 1


@leaf
def put_digits(out: Any, at: int, value: int, width: int) -> int:
    """The last ``width`` digits; the position behind them."""
    left = np.uint64(value)  # half the time of the signed division, which rounds down
    for place in range(width):
        rest = left // _TEN
        digit: Any = np.int64(left - rest * _TEN)
        put_byte(out, at + width - 1 - place, 48 + digit)
        left = rest
    return at + width


@leaf
def put_integer(out: Any, at: int, value: int) -> int:
    """An integer in decimal; the position behind it."""
    if value < 0:
        put_byte(out, at, 45)
        at += 1
        value = -value
    width, size = 1, np.uint64(value)
    while width < 19 and size >= INT_POWERS[width]:
        width += 1
    return put_digits(out, at, value, width)


@leaf
def put_second(out: Any, at: int, second: int) -> int:
    """``2026-01-02T15:04:05.`` of seconds since 1970 (years counted from March, so that the leap day is the last)."""
    day = second // 86_400
    second -= day * 86_400
    day += 719_468
    era = day // 146_097
    of_era = day - era * 146_097
    year = (of_era - of_era // 1_460 + of_era // 36_524 - of_era // 146_096) // 365
    of_year = of_era - (365 * year + year // 4 - year // 100)
    month = (5 * of_year + 2) // 153
    put_byte(out, put_digits(out, at, year + era * 400 + (month >= 10), 4), 45)
    put_byte(out, put_digits(out, at + 5, month + 3 if month < 10 else month - 9, 2), 45)
    put_byte(out, put_digits(out, at + 8, of_year - (153 * month + 2) // 5 + 1, 2), 84)
    put_byte(out, put_digits(out, at + 11, second // 3_600, 2), 58)
    put_byte(out, put_digits(out, at + 14, second // 60 % 60, 2), 58)
    put_byte(out, put_digits(out, at + 17, second % 60, 2), 46)
    return at + 20


@leaf
def _put_number(out: Any, at: int, written: Any, start: int) -> int:
    """The text from ``start`` to the next comma; its length."""
    length = 0
    while True:
        word = word_at(written, start + length)
        put_word(out, at + length, np.int64(word))
        differs = word ^ _COMMAS
        commas = (differs - ONES) & ~differs & HIGHS
        if commas != np.uint64(0):
            return length + (low_bit(commas) >> 3)
        length += 8


@kernel
def _lay_out(
    count: int,
    pieces: npt.NDArray[np.int64],
    constants_: Bytes1D,
    integers: npt.NDArray[np.int64],
    written_: Bytes1D,
    names_: Bytes1D,
    name_ends: Int64s,
    out_: Bytes1D,
    ends: Int64s,
) -> int:
    """Lay all rows out; the end of the last. The first ``count`` pieces are an event's, the others the choices."""
    out, constants, written, names = address_of(out_), address_of(constants_), address_of(written_), address_of(names_)
    at, number, clock, clock_second = 0, 1, 0, -1  # the numbers stand in an array, behind its bracket
    for row in range(len(ends)):
        for place in range(count):
            kind, first = pieces[place, 0], pieces[place, 1]
            if kind == TEXT:
                length = pieces[place, 2] - first
                copy_bytes(out, at, constants, first, length)
                at += length
                continue
            if kind == NUMBER:
                length = _put_number(out, at, written, number)
                at += length
                number += length + 1
                continue
            value = integers[first, row]
            if kind == NAME:
                start = name_ends[value - 1] if value > 0 else 0
                length = name_ends[value] - start
                copy_bytes(out, at, names, start, length)
                at += length
            elif kind == TIME:
                second = value // 1_000_000_000
                if second == clock_second:
                    copy_bytes(out, at, out, clock, 20)
                else:
                    put_second(out, at, second)
                    clock, clock_second = at, second
                at = put_digits(out, at + 20, value - second * 1_000_000_000, 9)
                put_byte(out, at, 90)
                at += 1
            elif kind == CHOICE:
                chosen = pieces[place, 2] + value
                length = pieces[chosen, 2] - pieces[chosen, 1]
                copy_bytes(out, at, constants, pieces[chosen, 1], length)
                at += length
            elif kind == OPTIONAL and value < 0:
                put_word(out, at, _NULL)
                at += 4
            else:
                at = put_integer(out, at, value)
        ends[row] = at
    return at
