"""Compiled reading of the values of columns from JSON, each with the form in which it was written."""

from __future__ import annotations

from typing import Any

import numpy as np

from schemas.archive.columns import Kind
from schemas.archive.shapes import Form
from schemas.json_bytes import DECLINED, FOUR_BYTES, NULL, byte_at, string_end, word_at
from schemas.json_numbers import number_at, whole_at
from schemas.kernels import kernel, leaf
from schemas.tick_times import time_text_at
from schemas.times import MAX_TIME_NS

LENGTH_BITS = 24
"""A text's cell is its start, shifted by so much, and its length."""

LONGEST_TEXT = (1 << LENGTH_BITS) - 1

_TEXT, _FLOAT, _INTEGER, _BOOL, _TIME, _DECIMAL, _ = (int(kind) for kind in Kind)
F_TEXT, F_INTEGER, F_FLOAT, F_UNPROVEN = (int(form) for form in (Form.TEXT, Form.INTEGER, Form.FLOAT, Form.UNPROVEN))
_F_WHOLE, _F_EPOCH, _F_JSON, _F_TRUE, _F_FALSE = (int(form) for form in (Form.WHOLE, Form.EPOCH, Form.JSON, Form.TRUE, Form.FALSE))
_F_TIME, _F_FIXED, _F_DECIMAL, _F_SCALED = (int(form) for form in (Form.TIME, Form.FIXED, Form.DECIMAL, Form.SCALED))
_TRUE, _FALS = np.uint64(int.from_bytes(b"true", "little")), np.uint64(int.from_bytes(b"fals", "little"))
_MAX_TIME = np.uint64(MAX_TIME_NS)
_MAX_INTEGER = np.uint64(1 << 63)


@leaf
def _is_plain(byte: int) -> bool:
    """A byte of a number or of a literal."""
    return 48 <= byte <= 57 or 97 <= byte <= 122 or 65 <= byte <= 90 or byte == 43 or byte == 45 or byte == 46


@kernel
def skip_value(data: Any, at: int, end: int) -> int:
    """The position behind any JSON value; what is within it need not be valid."""
    byte = byte_at(data, at)
    if byte == 34:
        quote = string_end(data, at + 1, end)
        return quote + 1 if quote > 0 else DECLINED
    if byte != 123 and byte != 91:
        start = at
        while at < end and _is_plain(byte_at(data, at)):
            at += 1
        return at if at > start else DECLINED
    depth = 0
    while at < end:
        byte = byte_at(data, at)
        if byte == 34:
            at = string_end(data, at + 1, end)
            if at < 0:
                return DECLINED
        elif byte == 123 or byte == 91:
            depth += 1
        elif byte == 125 or byte == 93:
            depth -= 1
            if depth == 0:
                return at + 1
        elif byte > 126 or (byte < 32 and byte != 9 and byte != 10 and byte != 13):
            return DECLINED
        at += 1
    return DECLINED


@kernel
def _float_form(data: Any, start: int, end: int, value: float) -> int:
    """How a float's text is written.

    At most 15 digits name a double of which no shorter text is, so without an exponent and a last zero they are the shortest text.
    """
    at = start + 1 if byte_at(data, start) == 45 else start
    if end - at > 16:
        return F_UNPROVEN
    point = DECLINED
    for place in range(at, end):
        byte = byte_at(data, place)
        if byte == 46:
            point = place
        elif byte < 48 or byte > 57:
            return F_UNPROVEN
    if point < 0:
        return _F_WHOLE if end - at <= 15 else F_UNPROVEN
    places = end - point - 1
    if byte_at(data, end - 1) == 48 and places > 1:
        return _F_FIXED + places if places <= 9 else F_UNPROVEN
    if byte_at(data, end - 1) == 48 or value >= 1e-4 or value <= -1e-4:
        return F_FLOAT
    return F_UNPROVEN


@kernel
def _is_zero(data: Any, at: int, end: int) -> bool:
    for place in range(at, end):  # noqa: SIM110 - compiled
        if byte_at(data, place) > 48:
            return False
    return True


@kernel
def _decimal_at(data: Any, at: int, end: int) -> Any:
    """Form of the decimal that starts at a position, and the position behind it."""
    negative = byte_at(data, at) == 45
    if negative:
        at += 1
    first = at
    while at < end and 48 <= byte_at(data, at) <= 57:
        at += 1
    whole = at - first
    if whole < 1 or whole > 20 or (whole > 1 and byte_at(data, first) == 48):
        return 0, DECLINED
    places = 0
    if byte_at(data, at) == 46:
        at += 1
        while at < end and 48 <= byte_at(data, at) <= 57:
            at += 1
        places = at - first - whole - 1
        if places < 1 or places > 18:
            return 0, DECLINED
    if negative and _is_zero(data, first, at):  # the column has no negative zero
        return 0, DECLINED
    if places > 0 and byte_at(data, at - 1) == 48:
        return _F_SCALED + places, at
    return _F_DECIMAL, at


@kernel
def _text_at(data: Any, at: int, end: int) -> Any:
    quote = string_end(data, at + 1, end) if byte_at(data, at) == 34 else DECLINED
    if quote < 0 or quote - at > LONGEST_TEXT:
        return 0, 0, at, at, DECLINED
    return (at + 1) << LENGTH_BITS | (quote - at - 1), F_TEXT, at + 1, quote, quote + 1


@kernel
def _float_at(data: Any, at: int) -> Any:
    number, behind = number_at(data, at)
    if behind < 0:
        return 0, 0, at, at, DECLINED
    form = _float_form(data, at, behind, number)
    cell = at << LENGTH_BITS | (behind - at) if form == F_UNPROVEN else np.float64(number).view(np.int64)
    return cell, form, at, behind, behind


@kernel
def _integer_at(data: Any, at: int) -> Any:
    negative = byte_at(data, at) == 45
    whole, behind = whole_at(data, at + 1 if negative else at)
    if behind < 0 or whole >= _MAX_INTEGER or (negative and whole == np.uint64(0)):
        return 0, 0, at, at, DECLINED
    return -np.int64(whole) if negative else np.int64(whole), F_INTEGER, at, behind, behind


@kernel
def _time_at(data: Any, at: int) -> Any:
    if byte_at(data, at) != 34:
        whole, behind = whole_at(data, at)
        if behind < 0 or whole >= _MAX_TIME:
            return 0, 0, at, at, DECLINED
        return np.int64(whole), _F_EPOCH, at, behind, behind
    time, quote = time_text_at(data, at + 1)
    if quote < 0:
        return 0, 0, at, at, DECLINED
    return time, _F_TIME + max(0, quote - at - 22), at + 1, quote, quote + 1


@kernel
def _bool_at(data: Any, at: int) -> Any:
    word = word_at(data, at) & FOUR_BYTES
    if word == _TRUE:
        return 1, _F_TRUE, at, at, at + 4
    if word == _FALS and byte_at(data, at + 4) == 101:
        return 0, _F_FALSE, at, at, at + 5
    return 0, 0, at, at, DECLINED


@kernel
def _decimal_value_at(data: Any, at: int, end: int) -> Any:
    is_text = byte_at(data, at) == 34
    start = at + 1 if is_text else at
    form, behind = _decimal_at(data, start, end)
    if behind < 0 or (is_text and byte_at(data, behind) != 34):
        return 0, 0, at, at, DECLINED
    return start << LENGTH_BITS | (behind - start), form, start, behind, behind + 1 if is_text else behind


@kernel
def value_at(data: Any, at: int, end: int, kind: int) -> Any:
    """A column's value: its cell, its form, where its hole begins and ends (the same: it has none), and the position behind it."""
    if byte_at(data, at) == 110 and word_at(data, at) & FOUR_BYTES == NULL:
        return 0, 0, at, at, at + 4
    if kind == _TEXT:
        return _text_at(data, at, end)
    if kind == _FLOAT:
        return _float_at(data, at)
    if kind == _INTEGER:
        return _integer_at(data, at)
    if kind == _TIME:
        return _time_at(data, at)
    if kind == _BOOL:
        return _bool_at(data, at)
    if kind == _DECIMAL:
        return _decimal_value_at(data, at, end)
    behind = skip_value(data, at, end)
    if behind < 0 or behind - at > LONGEST_TEXT:
        return 0, 0, at, at, DECLINED
    return at << LENGTH_BITS | (behind - at), _F_JSON, at, behind, behind
