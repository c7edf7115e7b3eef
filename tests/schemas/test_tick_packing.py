"""A frame is the same on the other side of a process's border, whatever it holds."""

from __future__ import annotations

import pickle

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from schemas.symbols import SYMBOLS
from schemas.ticks import NO_SYMBOL, QUOTE, TICK, TRADE, WATERMARK, TickFrame, empty_rows

KINDS = st.lists(st.tuples(st.sampled_from([TRADE, QUOTE, WATERMARK]), st.integers(0, 5)), max_size=40)


@given(KINDS, st.booleans(), st.integers(0, 2**31))
def test_a_frame_survives_pickling(kinds: list[tuple[int, int]], trades_only: bool, seed: int) -> None:
    rng = np.random.default_rng(seed)
    rows = empty_rows(len(kinds))
    for row, (drawn, symbol) in zip(rows, kinds, strict=True):
        kind = TRADE if trades_only and drawn == QUOTE else drawn
        row["kind"] = kind
        row["symbol"] = NO_SYMBOL if kind == WATERMARK else SYMBOLS.code(f"PACK{symbol}")
        for name in {TRADE: ("price", "size"), QUOTE: ("bid", "ask_size")}.get(kind, ()):
            row[name] = rng.normal()
        for name in ("time", "sequence", "watermark", "offset"):
            row[name] = rng.integers(0, 2**62)
        row["partition"], row["index"], row["side"] = rng.integers(0, 2**31 - 1), rng.integers(-1, 99), rng.integers(-1, 2)
    found = pickle.loads(pickle.dumps(TickFrame(rows))).rows
    assert found.dtype == TICK
    assert found.flags.writeable
    for name in TICK.names or ():
        assert np.array_equal(found[name], rows[name], equal_nan=True), name
