"""Bars become indicators, indicators signals, signals orders.

::

                                                                                   ┌─► market.indicators
    market.bars ─┬───────────────────────► signals (a shard of symbols at a time) ─┼─► signals
                 └─ those that pairs name ─► every shard                           ├─► orders.commands
    market.ticks ─ if an indicator needs them ─┘                                   └─► dead.letters
"""

from __future__ import annotations

from functools import partial
from typing import Any

import bytewax.operators as op
import numpy as np
from bytewax.operators import KeyedStream

from flows.flow import SHARD_KEYS, Context, Flow, Streams
from flows.table import SIGNALS
from flows.verbs import hosted, pick
from operators.indicators.board import others_of
from operators.signals.settings import SignalsSettings
from operators.signals.step import OtherBars, SignalsStep, all_indicators, reads_ticks
from schemas.event_outgoing import event_encoder
from schemas.portable_bars import portable
from schemas.symbols import SYMBOLS


def build(inputs: Streams, context: Context) -> Streams:
    """Streams of what each shard made, by topic."""
    settings: SignalsSettings = context.settings
    others = others_of(all_indicators(settings).indicators)
    bars = inputs["market.bars"]
    bars = with_others(bars, others) if others else bars
    items = op.merge("signals_inputs", bars, inputs["market.ticks"]) if "market.ticks" in inputs else bars
    made = hosted("signals", items, context, partial(SignalsStep, settings))
    return {
        "market.indicators": pick("signals_indicators", made, "indicators"),
        "signals": pick("signals_signals", made, "signals"),
        "orders.commands": pick("signals_commands", made, "commands"),
        "dead.letters": pick("signals_rejects", made, "rejects"),
    }


def reads(settings: SignalsSettings) -> tuple[str, ...]:
    """Ticks only where an indicator is made of them."""
    return SIGNALS.reads if reads_ticks(all_indicators(settings)) else ("market.bars",)


def with_others(bars: KeyedStream[Any], others: frozenset[str]) -> KeyedStream[Any]:
    """Bars as they are, and those of some symbols once more to all shards."""

    def spread(pair: tuple[str, Any]) -> list[tuple[str, Any]]:
        rows = pair[1]
        if not isinstance(rows, np.ndarray):
            return [pair]
        named = [SYMBOLS.names[code] in others for code in rows["symbol"].tolist()]
        told = OtherBars(portable(rows[named])) if any(named) else None
        return [pair, *((key, told) for key in SHARD_KEYS)] if told else [pair]

    return op.flat_map("signals_others", bars, spread)


WRITTEN = ("market.indicators", "signals", "orders.commands")

FLOW = Flow(row=SIGNALS, build=build, encode=lambda _: {topic: event_encoder(topic) for topic in WRITTEN}, reads=reads)
