"""Compiled pieces of a JSON scanner over one buffer of bytes: words of 8 bytes at a time, digits, plain strings.

They take what is usual and decline the rest by a position of ``DECLINED``; whoever calls them then asks a real parser. What
they accept they understand as msgspec does, to the bit.

Reading ahead: nothing here checks the end of the buffer. A function may read up to ``READ_AHEAD`` bytes behind the ``end`` it was
given or the position it started from, and the caller keeps that many readable bytes there.
"""

from __future__ import annotations

import sys
from typing import Any

import numpy as np
from llvmlite import ir  # type: ignore[import-untyped]
from numba import config, types
from numba.core.cgutils import raw_memcpy
from numba.extending import intrinsic

from schemas.kernels import kernel

READ_AHEAD = 128
"""Bytes behind the end of a text that must be readable."""

DECLINED = -1

ONES = np.uint64(0x0101010101010101)
HIGHS = np.uint64(0x8080808080808080)
QUOTES = np.uint64(0x2222222222222222)
BACKSLASHES = np.uint64(0x5C5C5C5C5C5C5C5C)
SPACES = np.uint64(0x2020202020202020)
ZEROS = np.uint64(0x3030303030303030)
ABOVE_NINE = np.uint64(0x7676767676767676)
NULL = np.uint64(int.from_bytes(b"null", "little"))
FOUR_BYTES = np.uint64(0xFFFFFFFF)

assert sys.byteorder == "little"


if config.DISABLE_JIT:  # type: ignore[attr-defined]

    def address_of(data: Any) -> Any:
        """What the functions here take for the buffer: where its bytes begin (uncompiled: the array itself)."""
        return data

    def byte_at(data: Any, at: int) -> int:
        """The byte at a position."""
        return int(data[at])

    def word_at(data: Any, at: Any) -> Any:
        """The 8 bytes at a position as a little-endian word."""
        return np.uint64(int.from_bytes(data[at : at + 8].tobytes(), "little"))

    def low_bit(word: Any) -> int:
        """Number of the lowest bit that is set, of a word that is not 0."""
        return (int(word) & -int(word)).bit_length() - 1

    def leading_zeros(word: Any) -> int:
        """How many high bits of a word that is not 0 are not set."""
        return 64 - int(word).bit_length()

    def high_product(first: Any, second: Any) -> Any:
        """The upper word of the product of two."""
        return np.uint64(int(first) * int(second) >> 64)

    def double_of(bits: Any) -> Any:
        """The double that has these bits."""
        return np.uint64(bits).view(np.float64)

    def put_number(data: Any, at: int, value: float) -> None:
        """Write a double."""
        data[at : at + 8] = np.frombuffer(np.float64(value).tobytes(), np.uint8)

    def put_word(data: Any, at: int, value: Any) -> None:
        """Write an integer of 8 bytes."""
        data[at : at + 8] = np.frombuffer(np.int64(value).tobytes(), np.uint8)

    def put_half(data: Any, at: int, value: int) -> None:
        """Write an integer of 4 bytes."""
        data[at : at + 4] = np.frombuffer(np.int32(value).tobytes(), np.uint8)

    def put_byte(data: Any, at: int, value: int) -> None:
        """Write an integer of one byte."""
        data[at] = np.uint8(value & 255)

    def copy_bytes(target: Any, at: int, data: Any, start: int, count: int) -> None:
        """Copy bytes; what is read and what is written must not overlap."""
        target[at : at + count] = data[start : start + count]

else:

    @kernel
    def address_of(data: Any) -> Any:  # noqa: D103 - as above
        return data.ctypes.data

    def _load(bits: int) -> Any:
        def generate(_context: Any, builder: Any, _signature: Any, arguments: Any) -> Any:
            address = builder.inttoptr(builder.add(*arguments), ir.IntType(bits).as_pointer())
            value = builder.load(address, align=1)
            return value if bits == 64 else builder.zext(value, ir.IntType(64))

        return generate

    @intrinsic
    def byte_at(_context: Any, _data: Any, _at: Any) -> Any:  # noqa: D103 - as above
        return types.int64(types.int64, types.int64), _load(8)

    @intrinsic
    def word_at(_context: Any, _data: Any, _at: Any) -> Any:  # noqa: D103 - as above
        return types.uint64(types.int64, types.int64), _load(64)

    def _store(value_type: Any) -> Any:
        def generate(context: Any, builder: Any, _signature: Any, arguments: Any) -> Any:
            kind = context.get_value_type(value_type)
            address = builder.inttoptr(builder.add(arguments[0], arguments[1]), kind.as_pointer())
            builder.store(arguments[2], address, align=1)
            return context.get_dummy_value()

        return types.void(types.int64, types.int64, value_type), generate

    @intrinsic
    def put_number(_context: Any, _data: Any, _at: Any, _value: Any) -> Any:  # noqa: D103 - as above
        return _store(types.float64)

    @intrinsic
    def put_word(_context: Any, _data: Any, _at: Any, _value: Any) -> Any:  # noqa: D103 - as above
        return _store(types.int64)

    @intrinsic
    def put_half(_context: Any, _data: Any, _at: Any, _value: Any) -> Any:  # noqa: D103 - as above
        return _store(types.int32)

    @intrinsic
    def put_byte(_context: Any, _data: Any, _at: Any, _value: Any) -> Any:  # noqa: D103 - as above
        return _store(types.int8)

    @intrinsic
    def copy_bytes(_context: Any, _target: Any, _at: Any, _data: Any, _start: Any, _count: Any) -> Any:  # noqa: D103 - as above
        def generate(context: Any, builder: Any, _signature: Any, arguments: Any) -> Any:
            pointer = ir.IntType(8).as_pointer()
            target = builder.inttoptr(builder.add(arguments[0], arguments[1]), pointer)
            source = builder.inttoptr(builder.add(arguments[2], arguments[3]), pointer)
            raw_memcpy(builder, target, source, arguments[4], 1)  # type: ignore[no-untyped-call]
            return context.get_dummy_value()

        return types.void(*[types.int64] * 5), generate

    @intrinsic
    def low_bit(_context: Any, _word: Any) -> Any:  # noqa: D103 - as above
        def generate(_context: Any, builder: Any, _signature: Any, arguments: Any) -> Any:
            return builder.cttz(arguments[0], ir.Constant(ir.IntType(1), 1))

        return types.int64(types.uint64), generate

    @intrinsic
    def leading_zeros(_context: Any, _word: Any) -> Any:  # noqa: D103 - as above
        def generate(_context: Any, builder: Any, _signature: Any, arguments: Any) -> Any:
            return builder.ctlz(arguments[0], ir.Constant(ir.IntType(1), 1))

        return types.int64(types.uint64), generate

    @intrinsic
    def high_product(_context: Any, _first: Any, _second: Any) -> Any:  # noqa: D103 - as above
        def generate(_context: Any, builder: Any, _signature: Any, arguments: Any) -> Any:
            double = ir.IntType(128)
            product = builder.mul(builder.zext(arguments[0], double), builder.zext(arguments[1], double))
            return builder.trunc(builder.lshr(product, ir.Constant(double, 64)), ir.IntType(64))

        return types.uint64(types.uint64, types.uint64), generate

    @intrinsic
    def double_of(_context: Any, _bits: Any) -> Any:  # noqa: D103 - as above
        def generate(_context: Any, builder: Any, _signature: Any, arguments: Any) -> Any:
            return builder.bitcast(arguments[0], ir.DoubleType())

        return types.float64(types.uint64), generate


@kernel
def skip_space(data: Any, at: int, end: int) -> int:
    """The next position that holds no JSON whitespace, at most ``end`` (or ``at``, if that lies behind it)."""
    while at < end and (byte_at(data, at) == 32 or byte_at(data, at) == 10 or byte_at(data, at) == 13 or byte_at(data, at) == 9):
        at += 1
    return at


@kernel
def special_bytes(word: Any) -> Any:
    """High bits whose lowest marks the first byte that ends or complicates a string: quote, backslash, control, not ASCII."""
    quote, backslash = word ^ QUOTES, word ^ BACKSLASHES
    return (((quote - ONES) & ~quote) | ((backslash - ONES) & ~backslash) | ((word - SPACES) & ~word) | word) & HIGHS


@kernel
def string_end(data: Any, at: int, end: int) -> int:
    """Position of the quote that closes the string whose content starts at ``at``, if the content is plain ASCII."""
    while at < end:
        special = special_bytes(word_at(data, at))
        if special:
            at += low_bit(special) >> 3
            return at if byte_at(data, at) == 34 else DECLINED
        at += 8
    return DECLINED


@kernel
def digits_at(data: Any, at: int) -> Any:
    """Value and count of the digits at a position, as far as the next 8 bytes go."""
    word = word_at(data, at) ^ ZEROS
    others = ((word + ABOVE_NINE) | word) & HIGHS
    count = 8
    if others:
        count = low_bit(others) >> 3
        if count == 0:
            return np.uint64(0), 0
        word <<= np.uint64(64 - 8 * count)
    word = word * np.uint64(10) + (word >> np.uint64(8))
    low = (word & np.uint64(0x000000FF000000FF)) * np.uint64(0x000F424000000064)
    high = ((word >> np.uint64(16)) & np.uint64(0x000000FF000000FF)) * np.uint64(0x0000271000000001)
    return (low + high) >> np.uint64(32), count
