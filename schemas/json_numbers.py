"""Compiled reading of JSON numbers: decimal text to the nearest double, to the bit what a correctly rounding parser says.

Two ways, both for at most 19 digits. A mantissa below 2**53 and a power of ten up to 10**22 are both exact as doubles, so one division
or multiplication of IEEE 754 rounds correctly (W. Clinger, "How to read floating point numbers accurately", 1990). Else the upper bits of
the product with a 128-bit power of five decide (D. Lemire, "Number parsing at a gigabyte per second", 2021), for powers of ten in
which that is proven to be exact and the result is neither subnormal nor infinite. All else is declined.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from schemas.json_bytes import DECLINED, byte_at, digits_at, double_of, high_product, leading_zeros
from schemas.kernels import kernel

INT_POWERS = np.array([10**k for k in range(20)], np.uint64)

_FLOAT_POWERS = np.array([10.0**k for k in range(23)])
_EXACT = np.uint64(1 << 53)
_LEAST_POWER, _MOST_POWER = -27, 55


def _power_of_five(power: int) -> int:
    """5**power as 128 bits, the highest of which is set: cut off, or rounded up if it is a reciprocal."""
    five: int = 5 ** abs(power)
    if power < 0:
        return (1 << (five - 1).bit_length() + 127) // five + 1
    return five << 128 - five.bit_length() if five.bit_length() <= 128 else five >> five.bit_length() - 128


_FIVES = [_power_of_five(power) for power in range(_LEAST_POWER, _MOST_POWER + 1)]
_FIVES_HIGH = np.array([five >> 64 for five in _FIVES], np.uint64)
_FIVES_LOW = np.array([five & (1 << 64) - 1 for five in _FIVES], np.uint64)
_ONE, _THREE, _NINE = np.uint64(1), np.uint64(3), np.uint64(9)
_LAST_BITS = np.uint64((1 << 9) - 1)


@kernel
def whole_at(data: Any, at: int) -> Any:
    """A number without sign, fraction and exponent of at most 19 digits: its value, and the position behind it."""
    start = at
    value, count = digits_at(data, at)
    at += count
    while count == 8 and at - start <= 16:
        more, count = digits_at(data, at)
        value = value * INT_POWERS[count] + more
        at += count
    digits = at - start
    if digits == 0 or digits > 19 or (byte_at(data, start) == 48 and digits > 1):
        return value, DECLINED
    return value, at


@kernel
def number_at(data: Any, at: int) -> Any:
    """A JSON number as the nearest double, and the position behind it. Negative zero is declined."""
    negative = byte_at(data, at) == 45
    if negative:
        at += 1
    first = at
    mantissa, at = whole_at(data, at)
    if at < 0:
        return 0.0, DECLINED
    power = 0
    if byte_at(data, at) == 46:
        at += 1
        start, count, fraction = at, 8, np.uint64(0)
        while count == 8 and at - start <= 16:
            more, count = digits_at(data, at)
            fraction = fraction * INT_POWERS[count] + more
            at += count
        places = at - start
        if places == 0 or (at - first > 20 and not (mantissa == np.uint64(0) and places <= 22 and _zeros_at(data, start, places - 19))):
            return 0.0, DECLINED
        if mantissa != np.uint64(0):
            mantissa *= INT_POWERS[places]
        mantissa += fraction
        power = -places
    if byte_at(data, at) | 32 == 101:
        exponent, at = _exponent_at(data, at + 1)
        power += exponent
    if at < 0 or (negative and mantissa == np.uint64(0)):
        return 0.0, DECLINED
    value = _scaled(mantissa, power)
    if value < 0.0:
        return 0.0, DECLINED
    return -value if negative else value, at


@kernel
def _zeros_at(data: Any, at: int, count: int) -> bool:
    """Whether so many zeros stand there. Behind "0." they are none of the 19 digits; a double without an exponent has up to three."""
    for place in range(count):  # noqa: SIM110 - compiled
        if byte_at(data, at + place) != 48:
            return False
    return True


@kernel
def _exponent_at(data: Any, at: int) -> Any:
    """An exponent of at most three digits, behind its letter."""
    sign = byte_at(data, at)
    if sign == 43 or sign == 45:
        at += 1
    exponent, count = digits_at(data, at)
    if count == 0 or count > 3:
        return 0, DECLINED
    return -np.int64(exponent) if sign == 45 else np.int64(exponent), at + count


@kernel
def _scaled(mantissa: Any, power: int) -> Any:
    """``mantissa * 10**power``, correctly rounded; negative if neither way leads there."""
    if mantissa < _EXACT and -22 <= power <= 22:
        return np.float64(mantissa) / _FLOAT_POWERS[-power] if power < 0 else np.float64(mantissa) * _FLOAT_POWERS[power]
    if mantissa == np.uint64(0) or power < _LEAST_POWER or power > _MOST_POWER:
        return -1.0
    zeros = leading_zeros(mantissa)
    mantissa <<= np.uint64(zeros)
    five = _FIVES_HIGH[power - _LEAST_POWER]
    low, high = mantissa * five, high_product(mantissa, five)
    if high & _LAST_BITS == _LAST_BITS:
        carry = high_product(mantissa, _FIVES_LOW[power - _LEAST_POWER])
        low += carry
        if carry > low:
            high += _ONE
    upper = high >> np.uint64(63)
    drop = upper + _NINE
    bits = high >> drop
    exponent = ((217706 * power) >> 16) + 63 + np.int64(upper) - zeros + 1023
    if low <= _ONE and -4 <= power <= 23 and bits & _THREE == _ONE and bits << drop == high:
        bits -= _ONE  # in the middle between two doubles: to the even one
    bits = (bits + (bits & _ONE)) >> _ONE
    if bits >= np.uint64(1 << 53):
        bits >>= _ONE
        exponent += 1
    return double_of((bits & np.uint64((1 << 52) - 1)) | np.uint64(exponent) << np.uint64(52))
