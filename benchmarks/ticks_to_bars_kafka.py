"""Ticks of a real broker become bars, marks, volatility and bands, back on the broker, as `trademaster run` does it.

::

                     ┌───────────────── two cores ──────────────────┐
    market.ticks ──► │ market flow, N processes ──► broker (heap 1g)│ ──► market.bars, market.marks, risk.alerts
    8 partitions     └──────────────────────────────────────────────┘
    1,000 symbols

The topic is preloaded. Each bar of both intervals is compared with the one that polars computes from the same ticks. A price band lies on
every symbol.
"""

from __future__ import annotations

from collections.abc import Iterator

from benchmarks.market_run import FORMS, processes_of, run_market
from benchmarks.options import Options
from benchmarks.places import kafka_place
from benchmarks.rows import Row
from benchmarks.ticks import Ticks

EVENTS = 5_000_000

_AT_MOST = {1: {"cpu_us_event": 1.5}, 20: {"cpu_us_event": 0.5}}
_AT_LEAST = {1: {"events_per_s": 1_000_000}, 20: {"events_per_s": 3_000_000}}
"""By ticks a message, for two processes."""


def run(options: Options) -> Iterator[Row]:
    """A row for each form of message and number of processes."""
    for per_message, form in FORMS.items():
        ticks = Ticks(options.count(EVENTS), per_message=per_message)
        with kafka_place(ticks, band=True) as place:
            for processes in processes_of(per_message, quick=options.quick):
                figures = run_market(place, ticks, processes=processes)
                held = processes == 2 and not options.quick
                budgets = (_AT_MOST[per_message], _AT_LEAST[per_message]) if held else ({}, {})
                yield Row(f"{form}, {processes} processes", figures, *budgets)
