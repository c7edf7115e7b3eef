"""What the engine calls as it works: keeps metrics and counters up to date, a few microseconds a batch."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from schemas.times import END_OF_TIME_NS
from trademaster.telemetry.counters import Counter, Counters, Int64s

if TYPE_CHECKING:
    from trademaster.telemetry.metrics import Metrics


def _metrics() -> Metrics:
    # Imported when wanted: the client library decides by the environment, as it is then, where values are kept.
    from trademaster.telemetry.metrics import Metrics

    return Metrics()


class Recorder:
    """One process's record of its work. Not thread-safe; one owner.

    Args:
        metrics: None: nobody asked for the page.
        row: of this process in ``Counters``; None: nobody watches.
        clock_ns: wall clock, for when the last batch was.
    """

    def __init__(self, metrics: Metrics | None = None, row: Int64s | None = None, clock_ns: Callable[[], int] = time.time_ns) -> None:
        self._metrics = metrics
        self._row: Any = row if row is not None else np.zeros(len(Counter), np.int64)
        self._clock_ns = clock_ns
        self._bound: dict[tuple[str, ...], Any] = {}
        self._lag: dict[tuple[str, int], int] = {}
        self._watermark_ns: dict[tuple[str, int], int] = {}
        self._snapshot_bytes: dict[str, int] = {}

    @classmethod
    def attach(cls, counters: Path, process: int) -> Recorder:
        """In a worker: counts into its row, and for the page of its supervisor if there is one.

        After a restart the row goes on from where the process before it stood: totals are of the run.
        """
        shared = bool(os.environ.get("PROMETHEUS_MULTIPROC_DIR"))
        row = Counters.open(counters).row(process)
        row[Counter.LAG] = row[Counter.WATERMARK_NS] = 0
        return cls(_metrics() if shared else None, row)

    def batch(self, topic: str, records: int, events: int) -> None:
        """A batch was read: records on the bus, events in them (an array of ticks holds many)."""
        row = self._row
        row[Counter.EVENTS_IN] += events
        row[Counter.BATCHES] += 1
        row[Counter.UPDATED_NS] = self._clock_ns()
        if self._metrics:
            self._of("events_in", topic).inc(events)
            self._of("batch_records", topic).observe(records)

    def processed(self, topic: str, seconds: float) -> None:
        """All results of a batch are written; the time since its poll."""
        self._row[Counter.BUSY_NS] += int(seconds * 1e9)
        if self._metrics:
            self._of("processing_seconds", topic).observe(seconds)

    def written(self, topic: str, events: int) -> None:
        self._row[Counter.EVENTS_OUT] += events
        if self._metrics:
            self._of("events_out", topic).inc(events)

    def late(self, topic: str, events: int) -> None:
        self._row[Counter.LATE] += events
        if self._metrics:
            self._of("late", topic).inc(events)

    def dead(self, topic: str, reason: str, records: int = 1) -> None:
        self._row[Counter.DEAD_LETTERS] += records
        if self._metrics:
            self._of("dead_letters", topic, reason).inc(records)

    def lag(self, topic: str, by_partition: Mapping[int, int]) -> None:
        """Records not read yet, of some partitions."""
        for partition, records in by_partition.items():
            self._lag[topic, partition] = records
            if self._metrics:
                self._of("consumer_lag", topic, str(partition)).set(records)
        self._row[Counter.LAG] = sum(self._lag.values())

    def watermark(self, topic: str, by_partition: Mapping[int, int]) -> None:
        """Watermarks in ns of some partitions; the end of a file (END_OF_TIME_NS) is shown as no time at all."""
        for partition, watermark_ns in by_partition.items():
            if watermark_ns <= 0:
                continue
            if watermark_ns == END_OF_TIME_NS:
                self._watermark_ns.pop((topic, partition), None)
                continue
            self._watermark_ns[topic, partition] = watermark_ns
            if self._metrics:
                self._of("watermark_seconds", topic, str(partition)).set(watermark_ns / 1e9)
        if self._watermark_ns:
            self._row[Counter.WATERMARK_NS] = min(self._watermark_ns.values())

    def snapshot(self, step: str, size_bytes: int, seconds: float) -> None:
        """A step's state was made ready to be stored."""
        self._snapshot_bytes[step] = size_bytes
        self._row[Counter.SNAPSHOT_BYTES] = sum(self._snapshot_bytes.values())
        if self._metrics:
            self._of("snapshot_bytes", step).set(size_bytes)
            self._of("snapshot_seconds", step).observe(seconds)

    def epoch(self, stall_seconds: float) -> None:
        """An epoch closed, and held the sources so long."""
        self._row[Counter.EPOCHS] += 1
        self._row[Counter.EPOCH_STALL_NS] = int(stall_seconds * 1e9)
        if self._metrics:
            self._metrics.epoch_stall_seconds.observe(stall_seconds)

    def _of(self, name: str, *labels: str) -> Any:
        """A metric with its labels bound: looked up once, for ``labels()`` takes a lock."""
        key = (name, *labels)
        bound = self._bound.get(key)
        if bound is None:
            bound = self._bound[key] = getattr(self._metrics, name).labels(*labels)
        return bound
