"""Prometheus metrics of a run, and the page they are served on.

One page for all processes of a run: the supervisor sets PROMETHEUS_MULTIPROC_DIR for the workers before they start, so
that the client library keeps their values in files there, and serves the sum: counters also count what processes did that have died since, gauges are of the living.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, start_http_server
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
        self.watermark_seconds = gauge("watermark_seconds", "Event time up to which a partition is complete, Unix seconds", "topic", "partition")
        self.watermark_delay_seconds = gauge("watermark_delay_seconds", "How far the watermark is behind the clock", "topic", "partition")
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


@contextlib.contextmanager
def shared_page(folder: Path, port: int) -> Iterator[Path | None]:
    """Serve the sum of what all processes count in ``folder``; nothing, and no folder, if the port is 0."""
    if not port:
        yield None
        return
    folder.mkdir(parents=True, exist_ok=True)
    registry = CollectorRegistry()
    MultiProcessCollector(registry, path=str(folder))
    page = Page(registry, port)
    try:
        yield folder
    finally:
        page.close()


def child_environment(folder: Path) -> dict[str, str]:
    """What the supervisor adds to the environment of each process."""
    return {SHARED_VARIABLE: str(folder)}


def forget_process(folder: Path, pid: int) -> None:
    """A process has ended: its gauges go, what it counted stays."""
    with contextlib.suppress(FileNotFoundError):
        mark_process_dead(pid, path=str(folder))


def worker_metrics() -> Metrics | None:
    """The metrics of a worker process; None if nobody asked for the page."""
    return Metrics() if os.environ.get(SHARED_VARIABLE) else None
