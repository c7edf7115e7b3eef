"""Compiled reading of an RFC 3339 time in UTC inside a JSON string, as ``schemas.times.parse_time`` reads it."""

from __future__ import annotations

from typing import Any

import numpy as np

from schemas.json_bytes import DECLINED, byte_at, digits_at
from schemas.json_numbers import INT_POWERS
from schemas.kernels import kernel

_MONTH_DAYS = np.array([0, 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31], np.int64)


@kernel
def _pair_at(data: Any, at: int) -> Any:
    """Two digits as a number; beyond 99 where they are none."""
    tens, ones = np.int64(byte_at(data, at)) - 48, np.int64(byte_at(data, at + 1)) - 48
    if tens < 0 or tens > 9 or ones < 0 or ones > 9:
        return 1000
    return tens * 10 + ones


@kernel
def _days_before(year: int, month: int, day: int) -> int:
    """Days from 1970-01-01 to a date of the Gregorian calendar (years counted from March, so that the leap day is the last)."""
    march_year = year - 1 if month <= 2 else year
    of_year = (153 * ((month + 9) % 12) + 2) // 5 + day - 1
    return march_year * 365 + march_year // 4 - march_year // 100 + march_year // 400 + of_year - 719468


@kernel
def _seconds_at(data: Any, at: int) -> Any:
    """Seconds since 1970 of ``2026-01-02T15:04:05``; DECLINED if it is not of this form, before 1970 or no date and time that exist."""
    date_marks = byte_at(data, at + 4) == 45 and byte_at(data, at + 7) == 45 and byte_at(data, at + 10) == 84
    if not date_marks or byte_at(data, at + 13) != 58 or byte_at(data, at + 16) != 58:
        return DECLINED
    year = _pair_at(data, at) * 100 + _pair_at(data, at + 2)
    month, day = _pair_at(data, at + 5), _pair_at(data, at + 8)
    hour, minute, second = _pair_at(data, at + 11), _pair_at(data, at + 14), _pair_at(data, at + 17)
    if year < 1970 or year > 9999 or month < 1 or month > 12 or hour > 23 or minute > 59 or second > 59:
        return DECLINED
    leap = month == 2 and year % 4 == 0 and (year % 100 != 0 or year % 400 == 0)
    if day < 1 or day > _MONTH_DAYS[month] + leap:
        return DECLINED
    return _days_before(year, month, day) * 86_400 + hour * 3_600 + minute * 60 + second


@kernel
def time_text_at(data: Any, at: int) -> Any:
    """Nanoseconds since 1970 of a text such as ``2026-01-02T15:04:05.123Z``, and the position of the quote behind it."""
    second = _seconds_at(data, at)
    if second < 0 or second >= 7_258_118_400:
        return 0, DECLINED
    at += 19
    fraction = np.uint64(0)
    if byte_at(data, at) == 46:
        fraction, count = digits_at(data, at + 1)
        at += 1 + count
        if count == 8 and 48 <= byte_at(data, at) <= 57:
            fraction = fraction * np.uint64(10) + np.uint64(byte_at(data, at) - 48)
            count = 9
            at += 1
        if count == 0:
            return 0, DECLINED
        fraction *= INT_POWERS[9 - count]
    if byte_at(data, at) != 90 or byte_at(data, at + 1) != 34:
        return 0, DECLINED
    return second * 1_000_000_000 + np.int64(fraction), at + 1
