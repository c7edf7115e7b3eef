"""Prometheus metrics of a run, and the page they are served on.

One page for all processes of a run, served by their supervisor. It sets PROMETHEUS_MULTIPROC_DIR before it starts them, so that
the client library keeps their values in files there, and serves the sum: counters also count what processes did that have died
since, gauges are of the living.
"""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import Any

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, start_http_server
from prometheus_client.metrics_core import GaugeMetricFamily, Metric
from prometheus_client.multiprocess import MultiProcessCollector, mark_process_dead

from schemas.errors import UsageError

SHARED_VARIABLE = "PROMETHEUS_MULTIPROC_DIR"

_RECORDS = (1, 10, 100, 300, 1_000, 3_000, 10_000, 30_000, 100_000)
_SECONDS = (0.0001, 0.0003, 0.001, 0.002, 0.003, 0.005, 0.01, 0.02, 0.05, 0.1, 0.3, 1.0, 3.0)


class Metrics:
    """The metrics of one process, in a registry of their own. ``Recorder`` keeps them up to date."""

    def __init__(self, registry: CollectorRegistry | None = None) -> None:
        self.registry = registry if registry is not None else CollectorRegistry()

        def counter(name: str, text: str, *labels: str) -> Counter:
            return Counter(f"trademaster_{name}", text, labels, registry=self.registry)

        def gauge(name: str, text: str, *labels: str, mode: Any = "livemax") -> Gauge:
            return Gauge(f"trademaster_{name}", text, labels, registry=self.registry, multiprocess_mode=mode)

        def histogram(name: str, text: str, buckets: tuple[float, ...], *labels: str) -> Histogram:
            return Histogram(f"trademaster_{name}", text, labels, buckets=buckets, registry=self.registry)

        self.events_in = counter("events_in_total", "Events read; each tick of an array counts", "topic")
        self.events_out = counter("events_out_total", "Events written", "topic")
        self.late = counter("late_total", "Events whose window had closed; each is a dead letter too", "topic")
        self.dead_letters = counter("dead_letters_total", "Records that could not be used", "topic", "reason")
        self.batch_records = histogram("batch_records", "Records of a batch", _RECORDS, "topic")
        self.processing_seconds = histogram("processing_seconds", "From a batch's poll until its results are written", _SECONDS, "topic")
        self.consumer_lag = gauge("consumer_lag", "Records on the bus that have not been read", "topic", "partition")
        self.watermark_seconds = gauge(
            "watermark_seconds", "Event time up to which a partition is complete, Unix seconds", "topic", "partition"
        )
        self.snapshot_bytes = gauge("snapshot_bytes", "State stored by a step when the last epoch closed", "step", mode="livesum")
        self.snapshot_seconds = histogram("snapshot_seconds", "Making the state of a step ready to be stored", _SECONDS, "step")
        self.epoch_stall_seconds = histogram("epoch_stall_seconds", "Sources held while an epoch closes", _SECONDS)


class Page:
    """The page of a run at a port, served by a thread.

    Attributes:
        port: where; the one that was free, if 0 was asked for.
    """

    def __init__(self, registry: CollectorRegistry, port: int, address: str = "0.0.0.0") -> None:  # noqa: S104  (scraped from elsewhere)
        try:
            self._server, self._thread = start_http_server(port, addr=address, registry=registry)
        except OSError as error:
            raise UsageError(
                f"the metrics page cannot be served at port {port}: {error.strerror}",
                hint="choose another with --metrics-port, or 0 for none",
            ) from None
        self.port = int(self._server.server_port)

    def close(self) -> None:
        """Stop serving."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


class _Living(MultiProcessCollector):
    """All that the processes of a run have counted; gauges of the dead are taken away first."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        super().__init__(CollectorRegistry(), path=str(folder))  # type: ignore[no-untyped-call]

    def collect(self) -> Any:
        for pid in {int(path.stem.rpartition("_")[2]) for path in self._folder.glob("gauge_live*_*.db")}:
            if not _lives(pid):
                mark_process_dead(pid, path=str(self._folder))  # type: ignore[no-untyped-call]
        metrics = list(super().collect())  # type: ignore[no-untyped-call]
        return [*metrics, *(_delay(metric) for metric in metrics if metric.name == "trademaster_watermark_seconds")]


def _delay(watermarks: Metric) -> Metric:
    """How far each watermark is behind the clock, at the moment of asking: it grows while a feed is silent."""
    delay = GaugeMetricFamily("trademaster_watermark_delay_seconds", "How far the watermark is behind the clock")
    now_s = time.time()
    for sample in watermarks.samples:
        delay.add_sample("trademaster_watermark_delay_seconds", sample.labels, now_s - sample.value)
    return delay


def _lives(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def shared_registry(folder: Path) -> CollectorRegistry:
    """For the supervisor's page: what all processes that were started with this folder have counted."""
    registry = CollectorRegistry()
    registry.register(_Living(folder))
    return registry
