"""Numbers: the compiled reading gives Python's own double, to the bit, or declines."""

from __future__ import annotations

import math
import struct

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from schemas.json_bytes import READ_AHEAD, address_of
from schemas.json_numbers import number_at
from schemas.kernels import kernel


@kernel
def _read(data: np.ndarray) -> tuple[float, int]:
    value, behind = number_at(address_of(data), 0)
    return value, behind


def read(text: str) -> float | None:
    """The number that a text is, None if it is declined."""
    value, behind = _read(np.frombuffer(text.encode() + b"," + bytes(READ_AHEAD), np.uint8))
    assert behind in (-1, len(text))
    return value if behind > 0 else None


def same(first: float, second: float) -> bool:
    return struct.pack("d", first) == struct.pack("d", second)


DECIMALS = st.tuples(st.integers(0, 10**19 - 1), st.integers(0, 18), st.sampled_from(["", "-"])).map(
    lambda parts: f"{parts[2]}{parts[0] // 10 ** parts[1]}" + (f".{parts[0] % 10 ** parts[1]:0{parts[1]}d}" if parts[1] else "")
)


@settings(max_examples=3000, deadline=None)
@given(st.one_of(DECIMALS, st.tuples(DECIMALS, st.integers(-60, 60)).map(lambda parts: f"{parts[0]}e{parts[1]}")))
@example("9007199254740993")
@example("9007199254740992.5")
@example("4503599627370496.5")
@example("4503599627370497.5")
@example("9223372036854775807")
@example("9999999999999999999")
@example("1e23")
@example("8.5e22")
@example("1e-27")
def test_nearest_double_or_declined(text: str) -> None:
    value = read(text)
    assert value is None or same(value, float(text))


@settings(max_examples=3000, deadline=None)
@given(st.floats(min_value=1e-9, max_value=1e15), st.sampled_from([1, -1]))
def test_shortest_text_of_usual_doubles_is_taken(value: float, sign: int) -> None:
    text = repr(value * sign)
    found = read(text)
    assert found is not None
    assert same(found, value * sign)


@settings(max_examples=1000, deadline=None)
@given(st.integers(2**52, 2**53 - 1), st.integers(0, 3))
def test_middles_between_two_doubles_go_to_the_even_one(mantissa: int, shift: int) -> None:
    text = str((2 * mantissa + 1) << shift)
    assert same(read(text) or math.nan, float(text))


@pytest.mark.parametrize(
    "text", ["", "-", ".5", "1.", "01", "-01", "00", "+1", "1e", "1e+", "1.e5", "-0", "-0.0", "--1", "1e1000", "x", "12345678901234567890"]
)
def test_what_is_no_number_or_unusual_is_declined(text: str) -> None:
    data = np.frombuffer(text.encode() + b"," + bytes(READ_AHEAD), np.uint8)
    assert _read(data)[1] == -1
