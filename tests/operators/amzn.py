"""The real session of 2012-06-21: its trades as rows, and its four-second bars as another program made them."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np

from schemas.symbols import SYMBOLS
from schemas.ticks import TRADE, Rows, empty_rows

DATA = Path(__file__).resolve().parent.parent / "data" / "market"


def trades() -> Rows:
    """11,419 trades, watermarks not yet filled. Prices are whole ten-thousandths of a dollar, divided once."""
    with (DATA / "amzn-trades-2012-06-21.csv").open() as file:
        lines = list(csv.DictReader(file))
    rows = empty_rows(len(lines))
    rows["time"] = np.array([line["Time"] for line in lines], "datetime64[ns]").astype(np.int64)
    rows["price"] = np.array([int(line["Price"]) for line in lines]) / 10_000
    rows["size"] = [int(line["Volume"]) for line in lines]
    rows["offset"] = np.arange(len(lines))
    rows["symbol"] = SYMBOLS.code("AMZN")
    rows["kind"] = TRADE
    return rows


def bars() -> list[tuple[float, ...]]:
    """2,226 bars: end in ns, open, high, low, close, volume."""
    opening = int(np.datetime64("2012-06-21T09:30:00", "ns").astype(np.int64))
    with (DATA / "amzn-bars-4s-2012-06-21.csv").open() as file:
        return [
            (opening + int(line["sec"]) * 1_000_000_000, *(int(line[name]) / 10_000 for name in "OHLC"), float(line["V"]))
            for line in csv.DictReader(file)
        ]
