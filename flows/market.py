"""Ticks become bars, marks, volatility and price-band alerts.

::

    market.ticks ────────┐
    control.limits ──────┼─► market (a shard of symbols at a time) ─┬─► market.bars
    control.instruments ─┘                                          ├─► market.marks
                                                                    ├─► risk.alerts
                                                                    └─► dead.letters
"""

from __future__ import annotations

from functools import partial

import bytewax.operators as op

from flows.flow import Context, Flow, Streams
from flows.table import MARKET
from flows.verbs import hosted, pick, to_every_shard
from operators.market.step import MarketStep
from schemas.event_outgoing import event_encoder
from schemas.market_outgoing import bars_outgoing, marks_outgoing


def build(inputs: Streams, context: Context) -> Streams:
    """Streams of what each shard made, by topic."""
    limits = to_every_shard("market_limits", inputs["control.limits"])
    instruments = to_every_shard("market_instruments", inputs["control.instruments"])
    events = op.merge("market_events", inputs["market.ticks"], limits, instruments)
    made = hosted("market", events, context, partial(MarketStep, context.settings))
    return {
        "market.bars": pick("market_bars", made, "bars"),
        "market.marks": pick("market_marks", made, "marks"),
        "risk.alerts": pick("market_alerts", made, "alerts"),
        "dead.letters": pick("market_rejects", made, "rejects"),
    }


FLOW = Flow(
    row=MARKET,
    build=build,
    encode=lambda settings: {
        "market.bars": partial(bars_outgoing, intervals=settings.intervals),
        "market.marks": marks_outgoing,
        "risk.alerts": event_encoder("risk.alerts"),
    },
)
