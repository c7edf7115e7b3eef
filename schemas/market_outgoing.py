"""Bars and marks as a writer takes them: encoded, keyed and placed by symbol."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from schemas.bus import Column, Int64s
from schemas.market_codec import encode_bars, encode_marks
from schemas.market_frames import Bars, Marks
from schemas.outgoing import Outgoing
from schemas.symbols import SYMBOLS


def bars_outgoing(parts: Sequence[Bars], intervals: Sequence[str]) -> Outgoing:
    """BAR_CLOSED events, each part in the order of closing."""
    bars = _joined(parts)
    keys, values = encode_bars(bars, intervals)
    return _placed("market.bars", bars, keys, values, bars["end"])


def marks_outgoing(parts: Sequence[Marks]) -> Outgoing:
    """PRICE_UPDATE events, at most one a symbol and part."""
    marks = _joined(parts)
    keys, values = encode_marks(marks)
    return _placed("market.marks", marks, keys, values, marks["time"])


def _joined(parts: Sequence[Bars]) -> Bars:
    """One array. NumPy copies records field by field, bytes at once."""
    if len(parts) == 1:
        return parts[0]
    joined: Bars = np.concatenate([part.view(np.uint8) for part in parts]).view(parts[0].dtype)
    return joined


def _placed(topic: str, rows: Bars, keys: Column, values: Column, times: Int64s) -> Outgoing:
    return Outgoing(topic, keys, values, SYMBOLS.key_hash[rows["symbol"]], rows["offset"], times)
