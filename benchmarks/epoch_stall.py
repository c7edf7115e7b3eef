"""How long the closing of an epoch holds up what flows, at 1,000 and at 100,000 symbols, and the memory of both.

::

    writer ──► market.ticks ──► market flow, state stored every 2 s (or never) ──► market.marks ──► watcher
    20,000 ticks/s              (embedded bus, bars of a minute)

The stall is the largest latency within 2 s, its median over all stretches of 2 s, less the same of a run that closes no epoch meanwhile.
That the last mark of each symbol is that of its last tick is checked.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from benchmarks.latency import check_marks
from benchmarks.live import Load, Watched, feed, flow_meter, market_flow
from benchmarks.options import Options
from benchmarks.places import embedded_place
from benchmarks.rows import Row

_EPOCH_S = 2
_NEVER = "1h"
_AT_MOST_MS = {1_000: 5.0, 100_000: 50.0}


def run(options: Options) -> Iterator[Row]:
    """A row for each number of symbols."""
    for symbols, at_most_ms in _AT_MOST_MS.items():
        # Every symbol has state before anything is measured.
        load = Load(rate=20_000, symbols=symbols, seconds=7 if options.quick else 24, warm_s=6)
        still, _ = _largest_ms(load, _NEVER)
        closing, peak_mb = _largest_ms(load, f"{_EPOCH_S}s")
        figures = {
            "stall_ms": float(np.median(closing) - np.median(still)),
            "largest_ms": float(closing.max()),
            "without_epochs_ms": float(np.median(still)),
            "epochs": float(len(closing)),
            "peak_mb": peak_mb,
        }
        yield Row(f"{symbols:,} symbols", figures, {} if options.quick else {"stall_ms": at_most_ms})
        if options.quick:
            return


def _largest_ms(load: Load, epoch: str) -> tuple[np.ndarray, float]:
    """The largest latency of each stretch as long as an epoch, and the peak memory of the flow."""
    sets = [f"engine.epoch_interval={epoch}", "market.intervals=1m"]
    with embedded_place(None) as place, market_flow(place, sets) as flow, flow_meter(flow) as meter:
        watched = feed(place, load, ["market.marks"])
        peak_mb = meter.peak_mb("ours")
    check_marks(watched)
    return _largest_by_stretch(watched), peak_mb


def _largest_by_stretch(watched: Watched) -> np.ndarray:
    rows = watched.seen["market.marks"]
    rows = rows[rows["time"] >= watched.measured_from_ns]
    stretch = (rows["time"] - watched.measured_from_ns) // (_EPOCH_S * 10**9)
    latency_ms = watched.tick_latency_ms("market.marks")
    whole = range(max(1, int(watched.load.seconds - watched.load.warm_s) // _EPOCH_S))
    return np.array([latency_ms[stretch == each].max() for each in whole])
