"""What a delivery costs the flow beside which it runs, while its store is out of reach and while it works.

::

    writer ──► market.ticks ──► market flow ──► market.marks ──► watcher
                                                └──► (another process) InfluxDB, where nobody listens; or the archive

An even load of 20,000 ticks a second of 1,000 symbols on the embedded bus, two cores. From a tick written to its mark readable.
"""

from __future__ import annotations

import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from benchmarks.latency import check_marks
from benchmarks.live import Load, feed, market_flow
from benchmarks.market_run import market_command
from benchmarks.measuring import percentiles
from benchmarks.options import Options
from benchmarks.places import Place, embedded_place
from benchmarks.rows import Row

_LOAD = Load(rate=20_000, symbols=1000, seconds=20, warm_s=5)
_QUICK = Load(rate=5_000, symbols=1000, seconds=3, warm_s=1)
_MAY_ADD = 1.1

_NOBODY = ("influxdb.url=http://127.0.0.1:9", "influxdb.token=none")
"""The port of discard: nobody listens."""


def run(options: Options) -> Iterator[Row]:
    """A row for each neighbour; the ask is of the one whose store is out of reach."""
    load = _QUICK if options.quick else _LOAD
    alone = _marked(load, None)
    yield Row("alone", alone)
    held = {} if options.quick else {"p99_ms": alone["p99_ms"] * _MAY_ADD}
    yield Row("beside influxdb, out of reach", _marked(load, "influxdb", _NOBODY), held)
    yield Row("beside archive, at work", _marked(load, "archive"))


def _marked(load: Load, delivery: str | None, sets: Sequence[str] = ()) -> dict[str, float]:
    with embedded_place(None) as place, market_flow(place), _beside(place, delivery, sets):
        watched = feed(place, load, ["market.marks"])
        check_marks(watched)
        return percentiles(watched.tick_latency_ms("market.marks"))


@contextmanager
def _beside(place: Place, delivery: str | None, sets: Sequence[str]) -> Iterator[None]:
    """The delivery, from the first tick to the last."""
    if delivery is None:
        yield
        return
    with tempfile.TemporaryDirectory(prefix="trademaster-bench-") as folder:
        where = [f"archive.url={folder}/archive"] if delivery == "archive" else []
        command = market_command(place, f"{folder}/recovery", sets=[*sets, *where], flows=(delivery,))
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            yield
            if process.poll() is not None:
                raise RuntimeError(f"{delivery} ended with {process.returncode}")
        finally:
            process.kill()
            process.wait()
