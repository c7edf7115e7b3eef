"""The same as on Kafka, on the bus of a laptop: one SQLite file.

::

    market.ticks ──► market flow, N processes ──► market.bars, market.marks, risk.alerts
    8 partitions     (all in one file)
    1,000 symbols, a price band on each
"""

from __future__ import annotations

from collections.abc import Iterator

from benchmarks.market_run import FORMS, processes_of, run_market
from benchmarks.options import Options
from benchmarks.places import embedded_place
from benchmarks.rows import Row
from benchmarks.ticks import Ticks

EVENTS = 5_000_000


def run(options: Options) -> Iterator[Row]:
    """A row for each form of message and number of processes; each run has a bus of its own."""
    for per_message, form in FORMS.items():
        ticks = Ticks(options.count(EVENTS), per_message=per_message)
        for processes in processes_of(per_message, quick=options.quick):
            with embedded_place(ticks, band=True) as place:
                yield Row(f"{form}, {processes} processes", run_market(place, ticks, processes=processes))
