"""P&L as it is written equals msgspec's encoding of its events, byte for byte."""

from __future__ import annotations

import math

import msgspec
import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.events import Envelope, encode
from schemas.interning import ACCOUNTS, CURRENCIES, REASONS
from schemas.placement import place_record
from schemas.pnl_codec import encode_pnl, pnl_event, pnl_outgoing
from schemas.pnl_frames import PNL
from schemas.portfolio import PnlChange
from schemas.symbols import MAX_SYMBOL_BYTES, SYMBOLS
from schemas.times import MAX_TIME_NS

texts = st.text(st.characters(codec="utf-8"), min_size=1, max_size=16).filter(lambda name: len(name.encode()) <= MAX_SYMBOL_BYTES)
numbers = st.floats(allow_infinity=True) | st.sampled_from([0.0, -0.0, 223.95, 1e16, 123456789.123, 5e-324, math.nan])
counts = st.integers(0, 2**62)


@st.composite
def rows_of_pnl(draw: st.DrawFn) -> np.ndarray:
    rows = np.zeros(draw(st.integers(0, 4)), PNL)
    for row in rows:
        for name in ("quantity", "average", "mark", "unrealized", "realized", "exposure"):
            row[name] = draw(numbers)
        row["quantity"] = draw(st.floats(allow_nan=False, allow_infinity=False))
        row["version"], row["offset"] = draw(counts), draw(counts)
        row["time"], row["mark_time"] = (draw(st.integers(0, MAX_TIME_NS - 1)) for _ in range(2))
        row["repeat"] = draw(st.integers(-2, 2**31))
        row["account"], row["symbol"] = draw(texts.map(ACCOUNTS.code)), draw(texts.map(SYMBOLS.code))
        row["currency"], row["reason"] = draw(texts.map(CURRENCIES.code)), draw(texts.map(REASONS.code) | st.just(-1))
        if row["reason"] >= 0:
            row["realized"] = math.nan
    return rows


@settings(deadline=None)
@given(rows_of_pnl())
def test_rows_are_written_as_msgspec_writes_their_events(rows: np.ndarray) -> None:
    with np.errstate(all="ignore"):
        keys, values = map(list, encode_pnl(rows))
        assert values == [encode(pnl_event(row)) for row in rows]
    for key, value in zip(keys, values, strict=True):
        msgspec.json.decode(value, type=Envelope[PnlChange])
        assert key == place_record("portfolio.pnl", value)[0]


def test_rows_are_placed_by_account() -> None:
    rows = np.zeros(2, PNL)
    rows["account"], rows["symbol"], rows["currency"] = ACCOUNTS.code("é"), SYMBOLS.code("S"), CURRENCIES.code("USD")
    outgoing = pnl_outgoing([rows[:1], rows[1:]])
    assert len(outgoing) == 2
    assert {*np.asarray(outgoing.hashes).tolist()} == {int(ACCOUNTS.key_hash[ACCOUNTS.code("é")])}
