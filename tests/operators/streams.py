"""Random streams of market rows: out of order, several symbols and partitions, heartbeats, gaps, prices at the very edge of a band."""

from __future__ import annotations

import random
from fractions import Fraction

import numpy as np

from operators.market.watermarks import fill_watermarks
from schemas.symbols import SYMBOLS
from schemas.ticks import NO_SYMBOL, QUOTE, TRADE, WATERMARK, Rows, empty_rows
from schemas.times import END_OF_TIME_NS
from tests.operators.reference import SECOND, Row

SYMBOLS_OF = {"AMZN": 0, "MSFT": 0, "EUR/USD": 1, "quiet": 1, "é€": 2}

TEXTS = "90 89.99 95 99 99.99 100 100.01 101 105 105.01 109 109.01 110 110.01 111 121 50 0 -1 0.1 0.3"
PRICES = [Fraction(text) for text in TEXTS.split(" ")]
LIKELY = [Fraction(100)] * 8 + PRICES


def stream(rng: random.Random, count: int) -> list[Row]:
    """Rows that end with the end of time in every partition."""
    now, rows = 1_600_000_000 * SECOND + rng.randrange(SECOND), []
    for _ in range(count):
        now += rng.choice(
            [0, 0, 1, 10**6, 10**8, 10**9, 3 * 10**9, rng.randrange(5 * 10**9), rng.choice([0, 0, 0, 290, 310, 700, 86_400]) * SECOND]
        )
        time = now - rng.choice([0, 0, 0, 0, 1, 10**8, 10**9, rng.randrange(8 * 10**9)])
        symbol = rng.choice(["AMZN", "AMZN", *SYMBOLS_OF])
        kind = rng.choice(["trade", "trade", "trade", "quote", "quote" if symbol in ("EUR/USD", "quiet") else "trade", "heartbeat"])
        row = Row(kind, SYMBOLS_OF[symbol], time, symbol)
        if kind == "trade":
            row.price, row.size = rng.choice(LIKELY), rng.randrange(5)
        elif kind == "quote":
            row.bid, row.ask = rng.choice([*LIKELY, None]), rng.choice([*LIKELY, None])
        rows.append(row)
    return [*rows, *(Row("heartbeat", partition, END_OF_TIME_NS) for partition in range(3))]


def frame_rows(stream: list[Row]) -> Rows:
    """The same as the operator gets it, watermarks filled; a record of two elements now and then."""
    rows = empty_rows(len(stream))
    for at, row in enumerate(stream):
        one = rows[at]
        one["kind"] = {"trade": TRADE, "quote": QUOTE, "heartbeat": WATERMARK}[row.kind]
        one["time"], one["partition"], one["sequence"] = row.time, row.partition, at
        one["offset"], one["index"] = (at // 4 * 4, at % 4) if at % 4 < 2 else (at, -1)
        one["symbol"] = SYMBOLS.code(row.symbol) if row.kind != "heartbeat" else NO_SYMBOL
        if row.kind == "trade":
            one["price"], one["size"] = float(row.price or 0), row.size
        elif row.kind == "quote":
            one["bid"] = np.nan if row.bid is None else float(row.bid)
            one["ask"] = np.nan if row.ask is None else float(row.ask)
    fill_watermarks(rows, {})
    return rows


def with_watermarks(rows: Rows) -> Rows:
    """A batch as ``split`` hands it to a shard: ticks, then a watermark row for each partition."""
    ticks = rows[rows["kind"] != WATERMARK]
    last = [rows[rows["partition"] == partition][-1:].copy() for partition in np.unique(rows["partition"])]
    for row in last:
        row["kind"], row["symbol"] = WATERMARK, NO_SYMBOL
    return np.concatenate([ticks, *last])
