"""A table of a million rows through the system as a filter.

::

    ticks.csv ──► trademaster pipe market --input ──► out.jsonl: bars (1s and 1m), marks
    1,000 symbols

Each bar is compared with the one that polars computes from the same rows; the end of the file closes the last ones.
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import msgspec
import polars as pl

from benchmarks.answers import check_bars, decode_bars
from benchmarks.measuring import run_metered
from benchmarks.options import Options
from benchmarks.progress import note
from benchmarks.rows import Row
from benchmarks.ticks import Ticks

ROWS = 1_000_000

_BAR = b'"market.bars"'


class _Line(msgspec.Struct):
    topic: str
    value: msgspec.Raw


def run(options: Options) -> Iterator[Row]:
    """One row."""
    ticks = Ticks(options.count(ROWS))
    with tempfile.TemporaryDirectory(prefix="trademaster-bench-") as folder:
        table, out = Path(folder) / "ticks.csv", Path(folder) / "out.jsonl"
        note(f"writing {ticks.name} as CSV")
        pl.concat(list(ticks.columns())).select("symbol", "timestamp", "price", "size", "sequence", "side").write_csv(table)
        note("trademaster pipe market")
        ran = run_metered([[sys.executable, "-m", "trademaster", "pipe", "market", "--input", table]], stdout=out)
        decode = msgspec.json.Decoder(_Line).decode
        with out.open("rb") as lines:
            events = [decode(line) for line in lines if _BAR in line]
        check_bars(ticks, decode_bars(bytes(event.value) for event in events if event.topic == "market.bars"), closing=True)
        seconds = ran.end - ran.begin
        yield Row(
            f"{ticks.events:,} rows",
            {
                "whole_s": seconds,
                "whole_events_per_s": ticks.events / seconds,
                "whole_cpu_us_event": ran.cpu_s * 1e6 / ticks.events,
                "out_mb": out.stat().st_size / 1e6,
                "peak_mb": ran.meter.peak_mb("ours"),
            },
        )
