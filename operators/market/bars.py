"""Bars: open, high, low, close, volume, notional and number of trades of one window.

    open, close   the price of the window's first and last trade by event time (ties: by arrival)
    high, low     its extremes
    volume        sum of sizes
    notional      sum of price * size; vwap = notional / volume

Open and close go by event time, so ticks that arrive out of order within the allowed lateness give the same bar. Until a symbol's
first trade its bars are made of mid prices, (bid + ask) / 2, with volume 0 and trade count 0; a window made of mids starts over
at its first trade, and from a symbol's first trade on only trades count. A window without a price has no bar.
"""

from __future__ import annotations

import numpy as np

from schemas.kernels import leaf

WINDOW = np.dtype(
    [
        ("start", np.int64),  # UTC ns; -1: not open
        ("open_time", np.int64),
        ("close_time", np.int64),
        ("open", np.float64),
        ("high", np.float64),
        ("low", np.float64),
        ("close", np.float64),
        ("volume", np.float64),
        ("notional", np.float64),
        ("trade_count", np.int64),  # 0: made of mids
    ],
    align=True,
)


@leaf
def start_bar(window: np.void, start: int, time: int, price: float) -> None:
    """Open a window with its first price."""
    window["start"] = start
    window["open_time"] = time
    window["close_time"] = time
    window["open"] = price
    window["high"] = price
    window["low"] = price
    window["close"] = price
    window["volume"] = 0.0
    window["notional"] = 0.0
    window["trade_count"] = 0


@leaf
def extend_bar(window: np.void, time: int, price: float) -> None:
    """Take one more price into an open window."""
    if time < window["open_time"]:
        window["open_time"] = time
        window["open"] = price
    if time >= window["close_time"]:
        window["close_time"] = time
        window["close"] = price
    window["high"] = max(window["high"], price)
    window["low"] = min(window["low"], price)


@leaf
def add_trade(window: np.void, price: float, size: float) -> None:
    """Count a trade whose price has been taken. A size that is absent (NaN) adds no volume."""
    window["trade_count"] += 1
    if size == size:
        window["volume"] += size
        window["notional"] += price * size


@leaf
def close_bar(bar: np.void, window: np.void, end: int, interval: int, symbol: int, offset: int) -> None:
    """Write a window out as a bar and free it."""
    bar["start"] = window["start"]
    bar["end"] = end
    bar["open"] = window["open"]
    bar["high"] = window["high"]
    bar["low"] = window["low"]
    bar["close"] = window["close"]
    bar["volume"] = window["volume"]
    bar["notional"] = window["notional"]
    bar["trade_count"] = window["trade_count"]
    bar["offset"] = offset
    bar["symbol"] = symbol
    bar["interval"] = interval
    window["start"] = -1
