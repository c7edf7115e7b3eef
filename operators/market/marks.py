"""Marks: what a symbol is worth now.

The latest trade, the latest bid and ask, the latest sequence number and the volume traded since the start of the UTC day. *Latest* is by
event time, ties by arrival: an older tick that is still in time adds its volume and leaves newer values alone. A side that a quote
does not name keeps its value.

``time`` and ``repeat`` name a mark: the symbol's largest event time, and how many ticks have been applied since the one that reached it.
The pair differs for every tick applied, so an id made of it has one content however the stream is cut into batches.
"""

from __future__ import annotations

import numpy as np

from schemas.kernels import leaf
from schemas.ticks import NO_SEQUENCE
from schemas.times import DAY_NS

FIELDS = [
    ("time", np.int64),  # largest event time, UTC ns; -1: no tick yet
    ("trade_time", np.int64),  # of price and size; -1: no trade yet
    ("quote_time", np.int64),  # of bid and ask; -1: no quote yet
    ("price", np.float64),
    ("size", np.float64),
    ("bid", np.float64),
    ("ask", np.float64),
    ("day_volume", np.float64),
    ("sequence", np.int64),
    ("offset", np.int64),  # of the latest row applied
    ("index", np.int32),
    ("repeat", np.int32),
    ("day", np.int32),  # of day_volume: UTC days since 1970; -1: no tick yet
]


@leaf
def reset_mark(symbol: np.void) -> None:
    """A symbol that has not been seen."""
    symbol["time"] = -1
    symbol["trade_time"] = -1
    symbol["quote_time"] = -1
    symbol["price"] = np.nan
    symbol["size"] = np.nan
    symbol["bid"] = np.nan
    symbol["ask"] = np.nan
    symbol["day"] = -1
    symbol["day_volume"] = 0.0
    symbol["sequence"] = NO_SEQUENCE
    symbol["repeat"] = 0
    symbol["offset"] = -1
    symbol["index"] = -1


@leaf
def pass_time(symbol: np.void, tick: np.void) -> None:
    """What every tick does: time, name of the mark, day, sequence, cause."""
    time = tick["time"]
    if time > symbol["time"]:
        symbol["time"] = time
        symbol["repeat"] = 0
        day = time // DAY_NS
        if day != symbol["day"]:
            symbol["day"] = day
            symbol["day_volume"] = 0.0
    else:
        symbol["repeat"] += 1
    if time == symbol["time"] and tick["sequence"] != NO_SEQUENCE:
        symbol["sequence"] = tick["sequence"]
    symbol["offset"] = tick["offset"]
    symbol["index"] = tick["index"]


@leaf
def mark_trade(symbol: np.void, tick: np.void) -> bool:
    """Take a trade; whether it is the latest."""
    time = tick["time"]
    size = tick["size"]
    if size == size and time // DAY_NS == symbol["day"]:
        symbol["day_volume"] += size
    latest: bool = time >= symbol["trade_time"]
    if latest:
        symbol["trade_time"] = time
        symbol["price"] = tick["price"]
        symbol["size"] = size
    return latest


@leaf
def mark_quote(symbol: np.void, tick: np.void) -> tuple[bool, float]:
    """Take a quote: whether it is the latest, and its mid price (NaN while a side is unknown)."""
    bid, ask = tick["bid"], tick["ask"]
    if bid != bid:
        bid = symbol["bid"]
    if ask != ask:
        ask = symbol["ask"]
    latest: bool = tick["time"] >= symbol["quote_time"]
    if latest:
        symbol["quote_time"] = tick["time"]
        symbol["bid"] = bid
        symbol["ask"] = ask
    return latest, (bid + ask) / 2.0


@leaf
def write_mark(mark: np.void, symbol: np.void, code: int) -> None:
    """A symbol's state as a row of the output."""
    mark["time"] = symbol["time"]
    mark["price"] = symbol["price"]
    mark["size"] = symbol["size"]
    mark["bid"] = symbol["bid"]
    mark["ask"] = symbol["ask"]
    mark["day_volume"] = symbol["day_volume"]
    mark["ewma_variance"] = symbol["ewma_variance"]
    mark["realized_variance"] = symbol["realized_variance"]
    mark["sequence"] = symbol["sequence"]
    mark["repeat"] = symbol["repeat"]
    mark["offset"] = symbol["offset"]
    mark["symbol"] = code
