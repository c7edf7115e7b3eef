"""A market flow that runs while a feed writes, and watchers that see what comes out and when."""

from __future__ import annotations

import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import numpy as np
import numpy.typing as npt

from benchmarks.market_run import market_command
from benchmarks.measuring import Meter
from benchmarks.places import Place
from benchmarks.progress import note
from benchmarks.ticks import START_NS, TOPIC
from schemas.bus import Records
from trademaster.bus import open_bus

_PATIENCE_S = 120.0
_STILL_S = 3.0
"""Watchers stay until nothing has been appended for so long: much longer than any latency."""


@dataclass(frozen=True, slots=True)
class Load:
    """What is written while it is watched."""

    rate: int
    """Ticks a second."""
    symbols: int
    seconds: float
    warm_s: float
    """Of the seconds, how many at the start are not measured."""


@dataclass(frozen=True, slots=True)
class Watched:
    """What a feed wrote, and what was seen of it."""

    load: Load
    steps: npt.NDArray[np.int64]
    """Shape (n,): when each step was written, Unix ns."""
    seen: dict[str, npt.NDArray[np.void]]
    """By topic, as ``benchmarks.watcher`` has it."""

    @property
    def measured_from_ns(self) -> int:
        return int(self.steps[0]) + int(self.load.warm_s * 1e9)

    def tick_latency_ms(self, topic: str) -> npt.NDArray[np.float64]:
        """Of a record that has the time of its tick: from written to seen."""
        rows = self.seen[topic]
        rows = rows[rows["time"] >= self.measured_from_ns]
        return np.asarray((rows["seen"] - rows["time"]) / 1e6, np.float64)

    def bar_latency_ms(self) -> npt.NDArray[np.float64]:
        """From when a bar's symbol ticked for the first time after the bar's end, to when the bar was seen."""
        rows = self.seen["market.bars"]
        rows = rows[rows["time"] >= self.measured_from_ns]
        per_step = self.load.rate // 1000
        turn = self.load.symbols // per_step
        codes = np.char.lstrip(rows["symbol"].astype(str), "S").astype(int)
        closed = np.empty(len(rows), np.int64)
        for residue in np.unique(codes // per_step):
            times = self.steps[residue::turn]
            mine = codes // per_step == residue
            closed[mine] = times[np.searchsorted(times, rows["time"][mine])]
        return np.asarray((rows["seen"] - closed) / 1e6, np.float64)


@contextmanager
def market_flow(place: Place, sets: Sequence[str] = (), flows: Sequence[str] = ("market",)) -> Iterator[subprocess.Popen[bytes]]:
    """The market flow (and others joined to it), one process, warm: its first mark has been seen. Drained at the end.

    Raises:
        RuntimeError: it did not start, or did not end with 0.
    """
    with tempfile.TemporaryDirectory(prefix="trademaster-bench-") as folder:
        log = Path(folder) / "stderr"
        with log.open("wb") as errors:
            command = market_command(place, f"{folder}/recovery", sets=sets, flows=flows)
            flow = subprocess.Popen(command, stdin=subprocess.DEVNULL, stderr=errors)
            try:
                await_first_mark(place, flow, log)
                yield flow
                flow.send_signal(signal.SIGTERM)
                if flow.wait(_PATIENCE_S) != 0:
                    raise RuntimeError(f"the flow ended with {flow.returncode}; it said: {log.read_text()[-2000:]}")
            finally:
                flow.kill()
                flow.wait()


def await_first_mark(place: Place, flow: subprocess.Popen[bytes], log: Path) -> None:
    """Write one old tick of a symbol of its own, and wait for its mark."""
    bus = open_bus(place.url)
    writer = bus.writer()
    reader = bus.reader("market.marks", start=dict(bus.state("market.marks").end))
    try:
        tick = b'{"type":"trade","symbol":"FIRST","timestamp":%d,"price":1.5,"size":1}' % START_NS
        writer.write(Records(TOPIC, [0], [b"FIRST"], [tick]))
        writer.flush()
        deadline = time.monotonic() + _PATIENCE_S
        while reader.poll(1, 0.01) is None:
            if flow.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"no mark of a first tick; the flow said: {log.read_text()[-2000:]}")
    finally:
        reader.close()
        writer.close()
        bus.close()


def feed(place: Place, load: Load, topics: Sequence[str]) -> Watched:
    """Write the load and watch topics until all of it has passed."""
    note(f"{load.rate:,} ticks/s of {load.symbols:,} symbols for {load.seconds:g} s, watching {', '.join(topics)}")
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="trademaster-bench-")))
        watchers = [stack.enter_context(_watcher(place, topic, folder / f"{topic}.npy")) for topic in topics]
        steps = folder / "steps.npy"
        arguments = [place.url, str(load.rate), str(load.symbols), str(load.seconds), str(steps)]
        subprocess.run([sys.executable, "-m", "benchmarks.paced_writer", *arguments], check=True, stdin=subprocess.DEVNULL)
        _await_stillness(place, topics)
        for watcher in watchers:
            _stdin(watcher).close()
        for watcher in watchers:
            if watcher.wait(_PATIENCE_S) != 0:
                raise RuntimeError(f"a watcher ended with {watcher.returncode}")
        return Watched(load, np.load(steps), {topic: np.load(folder / f"{topic}.npy") for topic in topics})


def _await_stillness(place: Place, topics: Sequence[str]) -> None:
    """A flow that is behind is slow, not wrong: it may finish."""
    bus = open_bus(place.url)
    try:
        still_since = time.monotonic()
        deadline = still_since + _PATIENCE_S
        ends: dict[str, dict[int, int]] = {}
        while time.monotonic() < min(deadline, still_since + _STILL_S):
            found = {topic: dict(bus.state(topic).end) for topic in topics}
            if found != ends:
                ends, still_since = found, time.monotonic()
            time.sleep(0.25)
    finally:
        bus.close()


@contextmanager
def _watcher(place: Place, topic: str, file: Path) -> Iterator[subprocess.Popen[bytes]]:
    command = [sys.executable, "-m", "benchmarks.watcher", place.url, topic, str(file)]
    watcher = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    try:
        assert watcher.stdout is not None
        if watcher.stdout.readline() != b"watching\n":
            raise RuntimeError(f"the watcher of {topic} did not start")
        yield watcher
    finally:
        watcher.kill()
        watcher.wait()


def _stdin(process: subprocess.Popen[bytes]) -> IO[bytes]:
    assert process.stdin is not None
    return process.stdin


def flow_meter(flow: subprocess.Popen[bytes]) -> Meter:
    """A meter of the flow's family."""
    return Meter(ours=[flow.pid])
