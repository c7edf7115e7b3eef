"""Compile every kernel of the market operators, or load it from the cache, by passing a few rows through them."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import numpy as np

from operators.market import kernel, shards, watermarks
from operators.market.output import MarketSettings
from operators.market.shard import MarketShard
from schemas.control import Limit
from schemas.symbols import SYMBOLS
from schemas.ticks import TRADE, TickFrame, empty_rows

KERNELS: tuple[Any, ...] = (watermarks._fill, shards._count, shards._copy, kernel.take_rows)  # noqa: SLF001 - to be looked at, not called
"""Each is compiled for one signature; its ``stats`` say whether it came from the cache."""


def warm_up() -> None:
    """Takes seconds the first time, when there is nothing in the cache, and less than one afterwards."""
    rows = empty_rows(2)
    rows["kind"], rows["price"], rows["size"] = TRADE, 1.0, 1.0
    rows["symbol"] = SYMBOLS.code("WARM-UP")
    rows["time"] = np.arange(2)
    watermarks.fill_watermarks(rows, {})
    shard = MarketShard(MarketSettings())
    shard.on_limit("warm-up", Limit("warm-up", "price_band", "firm", Decimal(1)))
    shard.on_frame(TickFrame(rows))
    for _, frame in shards.split(rows):
        shard.on_frame(frame)
