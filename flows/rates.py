"""Rates of exchange out of ticks, for the flows that convert money.

::

    market.ticks ────────┬─► NAME_rates (a shard of symbols at a time) ─► each rate, to all shards
    control.instruments ─┘
"""

from __future__ import annotations

from typing import Any

import bytewax.operators as op
from bytewax.operators import KeyedStream

from flows.flow import SHARD_KEYS, Context
from flows.verbs import hosted, to_every_shard
from operators.portfolio.rates import pair_of
from operators.portfolio.step import RatesStep
from schemas.control import Control, Instrument
from schemas.holdings import Rate
from schemas.symbols import SYMBOLS
from schemas.ticks import TickFrame


def rates_of(flow: str, ticks: KeyedStream[Any], instruments: KeyedStream[Any], context: Context) -> KeyedStream[Rate]:
    """Rates to all shards; the flow's name is part of the ids of its steps.

    Args:
        instruments: control events, on their way to all shards.
    """
    heard = op.merge(f"{flow}_pairs", ticks, instruments)
    # Instruments come by one process, so that of several the others do not know what is a pair.
    wanted = op.flat_map_batch(f"{flow}_pairs_only", heard, PairShards(context.controls)) if context.is_alone else heard
    quoted = hosted(f"{flow}_rates", wanted, context, rates_step)
    return to_every_shard(
        f"{flow}_rates_all", op.flat_map(f"{flow}_rates_each", quoted, lambda pair: [(pair[0], rate) for rate in pair[1].rates])
    )


class PairShards:
    """Keeps ticks from the shards that have no pair of currencies, which are most: a step of a shard has a price.

    A symbol that was a pair once counts as one as long as the process lives.
    """

    def __init__(self, controls: tuple[Control, ...]) -> None:
        """``controls``: in force when the run started."""
        self._shards: set[str] = set()
        self._known = 0
        for control in controls:
            self._hear(control)

    def __call__(self, items: list[tuple[str, Any]]) -> list[tuple[str, Any]]:
        """Of what came at once all but the frames that hold no rate."""
        for _, item in items:
            if isinstance(item, Control):
                self._hear(item)
        names = SYMBOLS.names
        for code in range(self._known, len(names)):
            if pair_of(names[code], None) is not None:
                self._shards.add(_shard_key(code))
        self._known = len(names)
        return [pair for pair in items if pair[0] in self._shards or not isinstance(pair[1], TickFrame)]

    def _hear(self, control: Control) -> None:
        if isinstance(control.payload, Instrument) and pair_of(control.id, control.payload) is not None:
            self._shards.add(_shard_key(SYMBOLS.code(control.id)))


def _shard_key(code: int) -> str:
    return SHARD_KEYS[int(SYMBOLS.shard[code])]


def rates_step(shard: int, state: dict[str, Any] | None) -> RatesStep:
    """The step of one shard; it has no settings."""
    return RatesStep(shard, state)
