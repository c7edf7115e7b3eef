"""The Case of order flow: the streams of the market flow, with sizes and sides."""

from __future__ import annotations

import random
from collections.abc import Sequence

import numpy as np

from operators.contract import Case, Said
from operators.indicators.settings import IndicatorSettings
from operators.orderflow.shard import OrderFlow
from schemas.ticks import QUOTE, TRADE, Rows, TickFrame
from tests.operators import streams

SETTINGS = IndicatorSettings(("vpin(3,2)", "ofi", "sma(2)", "microprice", "vpin(1.5,4)"), ("1s", "4s"), lateness_ns=1_500_000_000)


def inputs(seed: int) -> Sequence[Rows]:
    """Rows one by one."""
    rng = random.Random(seed)
    rows = streams.frame_rows(streams.stream(rng, rng.choice([1, 10, 200])))
    for row in rows:
        if row["kind"] == QUOTE:
            row["bid_size"], row["ask_size"] = rng.choice([np.nan, 0.0, 3.0, 5.5]), rng.choice([0.0, 2.0, 700.0])
        elif row["kind"] == TRADE:
            row["side"] = rng.choice([0, 0, 1, -1])
            row["size"] = rng.choice([np.nan, 0.0, 1.0, 2.5, 1e12])
    return [rows[at : at + 1] for at in range(len(rows))]


def apply(flow: OrderFlow, events: Sequence[Rows]) -> Said:
    """Windows by symbol, interval and end."""
    made = flow.on_frame(TickFrame(streams.with_watermarks(np.concatenate(events)))) if events else []
    return Said([(f"{one.symbol}|{one.interval}|{one.end}", one.values) for one in made])


CASES: dict[type, Case] = {OrderFlow: Case(make=lambda: OrderFlow(SETTINGS), inputs=inputs, apply=apply)}
