"""A Case for each operator. Register a new operator here; the laws are then held without another line."""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Sequence
from decimal import Decimal
from typing import Any

import msgspec
import numpy as np

from operators.contract import Case, Said
from operators.market.output import MarketSettings
from operators.market.shard import MarketShard
from operators.orders.lifecycle import OrderBook
from schemas.control import Instrument, Limit
from schemas.symbols import SYMBOLS
from schemas.ticks import TickFrame
from tests.operators import cases_indicators, cases_orderflow, cases_portfolio, cases_risk, cases_risk_stops, cases_signals, streams
from tests.operators.cases_marking import MARKING_CASES
from tests.operators.cases_orders import ORDER_BOOK
from tests.operators.cases_paper import PAPER_CASES
from tests.operators.cases_risk_returns import RETURN_CASES

CONTROLS: list[Callable[[MarketShard], Any]] = [
    lambda shard: shard.on_limit("ten", Limit("ten", "price_band", "firm", Decimal("0.10"))),
    lambda shard: shard.on_limit("ten", Limit("ten", "price_band", "firm", Decimal("0.02"), clear=Decimal("0.001"))),
    lambda shard: shard.on_limit("ten", None),
    lambda shard: shard.on_limit("ten", Limit("ten", "price_band", "symbol", Decimal("0.04"), symbol="MSFT")),
    lambda shard: shard.on_limit("one", Limit("one", "price_band", "symbol", Decimal("0.05"), symbol="AMZN")),
    lambda shard: shard.on_limit("one", Limit("one", "price_band", "symbol", Decimal("0.05"), symbol="AMZN", enabled=False)),
    lambda shard: shard.on_instrument("AMZN", Instrument("AMZN", allow_negative=True)),
    lambda shard: shard.on_instrument("AMZN", None),
]


def market_inputs(seed: int) -> Sequence[Any]:
    """Rows of one shard with control events among them."""
    rng = random.Random(seed)
    rows = streams.frame_rows(streams.stream(rng, rng.choice([1, 10, 200])))
    events: list[Any] = [rows[at : at + 1] for at in range(len(rows))]
    for _ in range(rng.randrange(8)):
        events.insert(rng.randrange(len(events) - 2), rng.choice(CONTROLS))
    return [CONTROLS[0], *events]


def market_apply(shard: MarketShard, events: Sequence[Any]) -> Said:
    """Runs of rows are frames."""
    said, run = Said(), []
    for event in [*events, None]:
        if isinstance(event, np.ndarray):
            run.append(event)
            continue
        if run:
            read_market(shard.on_frame(TickFrame(streams.with_watermarks(np.concatenate(run)))), said)
            run = []
        if event is not None:
            add_alerts(event(shard) or [], said)
    return said


def read_market(output: Any, said: Said) -> None:
    for bar in output.bars:
        symbol = SYMBOLS.names[bar["symbol"]]
        content = tuple(bar[name].item() for name in bar.dtype.names if name not in ("offset", "symbol"))
        said.decisions.append((f"bar|{symbol}|{bar['interval']}|{bar['start']}", content))
    add_alerts(output.alerts, said)
    for mark in output.marks:
        symbol = SYMBOLS.names[mark["symbol"]]
        content = tuple(None if math.isnan(value) else value for value in mark.item()[:-1])
        said.latest[symbol] = (f"mark|{symbol}|{mark['time']}|{mark['repeat']}", content)


def add_alerts(alerts: Sequence[Any], said: Said) -> None:
    said.decisions += [(event.header.event_id, msgspec.json.encode(event).decode()) for event in alerts]


CASES: dict[type, Case] = {
    MarketShard: Case(
        make=lambda: MarketShard(MarketSettings(("1s", "4s", "1m"), lateness_ns=1_500_000_000)), inputs=market_inputs, apply=market_apply
    ),
    OrderBook: ORDER_BOOK,
    **MARKING_CASES,
    **cases_portfolio.CASES,
    **PAPER_CASES,
    **cases_indicators.CASES,
    **cases_orderflow.CASES,
    **cases_signals.CASES,
    **RETURN_CASES,
    **cases_risk_stops.CASES,
    **cases_risk.CASES,
}
