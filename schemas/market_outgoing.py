"""Bars and marks as a writer takes them: encoded, keyed and placed by symbol."""

from __future__ import annotations

from collections.abc import Sequence

from schemas.market_codec import encode_bars, encode_marks
from schemas.market_frames import Bars, Marks
from schemas.outgoing import Outgoing
from schemas.symbols import SYMBOLS


def bars_outgoing(bars: Bars, intervals: Sequence[str]) -> Outgoing:
    """BAR_CLOSED events in the order of closing."""
    keys, values = encode_bars(bars, intervals)
    return _placed("market.bars", bars, keys, values, bars["end"].tolist())


def marks_outgoing(marks: Marks) -> Outgoing:
    """PRICE_UPDATE events, at most one a symbol."""
    keys, values = encode_marks(marks)
    return _placed("market.marks", marks, keys, values, marks["time"].tolist())


def _placed(topic: str, rows: Bars, keys: list[bytes], values: list[bytes], times: list[int]) -> Outgoing:
    return Outgoing(topic, keys, values, SYMBOLS.key_hash[rows["symbol"]].tolist(), rows["offset"].tolist(), times)
