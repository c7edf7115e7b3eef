"""Bars and marks as a writer takes them."""

from __future__ import annotations

import math
from collections.abc import Sequence

from schemas.events import LANES, Envelope, EventType, Header, encode
from schemas.market import Bar, Mark
from schemas.market_frames import Bars, Marks
from schemas.outgoing import Outgoing
from schemas.symbols import SYMBOLS
from schemas.times import format_time


def _given(number: float) -> float | None:
    return None if math.isnan(number) else number


def encode_bars(bars: Bars, *, intervals: Sequence[str]) -> Outgoing:
    """BAR_CLOSED events in the order of closing."""
    values = []
    for start, end, open_, high, low, close, volume, notional, count, _, code, interval in bars.tolist():
        symbol, name = SYMBOLS.names[code], intervals[interval]
        event_id = f"bar|{symbol}|{name}|{start}"
        header = Header(event_id, event_id, EventType.BAR_CLOSED.value, int(LANES[EventType.BAR_CLOSED]), format_time(end), "market")
        vwap = notional / volume if volume else None
        bar = Bar(symbol, name, format_time(start), format_time(end), open_, high, low, close, volume, vwap, count)
        values.append(encode(Envelope(header, bar)))
    return _outgoing("market.bars", bars, values, bars["end"].tolist())


def encode_marks(marks: Marks) -> Outgoing:
    """PRICE_UPDATE events, at most one a symbol."""
    values = []
    for time, price, size, bid, ask, volume, ewma, realized, sequence, repeat, _, code in marks.tolist():
        symbol = SYMBOLS.names[code]
        place = f"{symbol}|{time}|{repeat}"
        header = Header(
            f"mark|{place}", f"tick|{place}", EventType.PRICE_UPDATE.value, int(LANES[EventType.PRICE_UPDATE]), format_time(time), "market"
        )
        mark = Mark(
            symbol=symbol,
            price=_given(price),
            bid=_given(bid),
            ask=_given(ask),
            mid=_given((bid + ask) / 2),
            size=_given(size),
            day_volume=volume,
            ewma_volatility=_given(math.sqrt(ewma) if ewma == ewma else ewma),
            realized_volatility=_given(math.sqrt(realized) if realized == realized else realized),
            sequence=sequence if sequence >= 0 else None,
        )
        values.append(encode(Envelope(header, mark)))
    return _outgoing("market.marks", marks, values, marks["time"].tolist())


def _outgoing(topic: str, rows: Bars, values: list[bytes], times: list[int]) -> Outgoing:
    codes = rows["symbol"]
    return Outgoing(
        topic=topic,
        keys=[SYMBOLS.names[code].encode() for code in codes.tolist()],
        values=values,
        hashes=SYMBOLS.key_hash[codes].tolist(),
        causes=rows["offset"].tolist(),
        times=times,
    )
