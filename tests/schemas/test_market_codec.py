"""Bars and marks as they are written equal msgspec's encoding of their events, byte for byte."""

from __future__ import annotations

import math
from typing import Any

import msgspec
import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.event_layout import NAME, Layout, Names
from schemas.events import Envelope, encode
from schemas.market import Bar, Mark
from schemas.market_codec import bar_event, encode_bars, encode_marks, mark_event
from schemas.market_frames import BAR, MARK
from schemas.symbols import MAX_SYMBOL_BYTES, SYMBOLS
from schemas.times import MAX_TIME_NS

INTERVALS = ("4s", "1m", "500ms")
names = st.text(st.characters(codec="utf-8"), min_size=1, max_size=16).filter(lambda name: len(name.encode()) <= MAX_SYMBOL_BYTES)
numbers = st.floats(allow_infinity=False) | st.sampled_from([0.0, -0.0, 223.95, 1e16, 1e17, 123456789.123, 5e-324, math.nan])
times = st.integers(0, MAX_TIME_NS - 1) | st.integers(10**18, 10**18 + 2 * 10**9)  # some in the same second
counts = st.integers(0, 2**62)


def columns(dtype: np.dtype[np.void], draw: st.DrawFn, strategies: dict[str, st.SearchStrategy[Any]]) -> np.ndarray:
    rows = np.zeros(draw(st.integers(0, 4)), dtype)
    for row in rows:
        for name in dtype.names or ():
            row[name] = draw(strategies[name])
    return rows


@st.composite
def marks(draw: st.DrawFn) -> np.ndarray:
    variance = st.floats(0, 1e6) | st.just(math.nan)
    codes = names.map(SYMBOLS.code)
    plain = dict.fromkeys(("price", "size", "bid", "ask"), numbers)
    rest = {"time": times, "day_volume": st.floats(0, 1e15), "ewma_variance": variance, "realized_variance": variance}
    whole = {"sequence": st.integers(-1, 2**62), "repeat": counts, "offset": counts, "symbol": codes}
    return columns(MARK, draw, {**plain, **rest, **whole})


@st.composite
def bars(draw: st.DrawFn) -> np.ndarray:
    plain = dict.fromkeys(("open", "high", "low", "close", "notional"), st.floats(allow_nan=False, allow_infinity=False))
    rest = {"start": times, "end": times, "volume": st.floats(0, 1e15) | st.just(0.0), "trade_count": counts, "offset": counts}
    return columns(BAR, draw, {**plain, **rest, "symbol": names.map(SYMBOLS.code), "interval": st.integers(0, 2)})


@settings(deadline=None)
@given(marks())
def test_marks_are_written_as_msgspec_writes_their_events(rows: np.ndarray) -> None:
    with np.errstate(over="ignore"):
        keys, values = map(list, encode_marks(rows))
        assert values == [encode(mark_event(row)) for row in rows]
    assert keys == [SYMBOLS.names[row["symbol"]].encode() for row in rows]
    for value in values:
        msgspec.json.decode(value, type=Envelope[Mark])


@settings(deadline=None)
@given(bars())
def test_bars_are_written_as_msgspec_writes_their_events(rows: np.ndarray) -> None:
    with np.errstate(over="ignore"):
        keys, values = map(list, encode_bars(rows, INTERVALS))
        assert values == [encode(bar_event(row, INTERVALS)) for row in rows]
    assert keys == [SYMBOLS.names[row["symbol"]].encode() for row in rows]
    for value in values:
        msgspec.json.decode(value, type=Envelope[Bar])


def test_names_of_many_symbols_are_laid_out_by_their_codes() -> None:
    texts = [b"%d" % code * (code % 20) for code in range(5000)]
    names = Names()
    for text in texts:
        names.add(text)
    codes = np.random.default_rng(3).permutation(5000)
    laid = Layout(b"<", (NAME, 0), b">").column(codes[np.newaxis], names)
    assert list(laid) == [b"<%b>" % texts[code] for code in codes]
