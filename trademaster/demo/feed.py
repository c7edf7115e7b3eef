"""The demo's feed: the AMZN session of 2012-06-21 beside simulated symbols, day after day, at the pace of its event time."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import numpy as np

from schemas.bus import Bus
from schemas.ticks import TICK, Rows
from schemas.times import DAY_NS, SECOND_NS
from sources.simulator import Law, Simulator
from trademaster.data import amzn_trades
from trademaster.ingest import Ingest

SIMULATED_PER_S = 12.0
"""Simulated ticks a second of event time, all symbols together."""

LIVELY = Law(zipf=0.5, volatility=(0.5, 1.0), price=(50.0, 250.0), sectors=2)

BLOCK = 4096


def session(symbols: int) -> Rows:
    """One day: the real session and as many simulated symbols, in order of time."""
    real = np.concatenate([block.rows for block in amzn_trades()])
    if not symbols:
        return real
    start, end = int(real["time"][0]), int(real["time"][-1])
    names = [f"SIM{number}" for number in range(1, symbols + 1)]
    count = int((end - start) / SECOND_NS * SIMULATED_PER_S)
    simulated = list(Simulator(names, rate=SIMULATED_PER_S, start_ns=start, law=LIVELY).blocks(count))
    rows = np.concatenate([real, *simulated]).astype(TICK, copy=False)
    rows = rows[np.argsort(rows["time"], kind="stable")]
    rows["watermark"] = rows["time"]
    return rows


class Feed(threading.Thread):
    """Writes the session, and the same one day later, until stopped."""

    def __init__(self, bus: Bus, symbols: int, speed: float) -> None:
        super().__init__(name="feed", daemon=True)
        self._symbols = symbols
        self._stopping = threading.Event()
        self._ingest = Ingest(bus.writer(), bus, source="demo", speed=speed)
        self.error: BaseException | None = None

    @property
    def ticks(self) -> int:
        """Written so far."""
        return self._ingest.state.events

    def run(self) -> None:
        try:
            self._ingest.ticks(self._blocks())
        except Exception as error:  # noqa: BLE001 (shown by the view, which is in another thread)
            self.error = error

    def stop(self) -> None:
        self._stopping.set()

    def _blocks(self) -> Iterator[Rows]:
        day = session(self._symbols)
        while True:
            for start in range(0, len(day), BLOCK):
                if self._stopping.is_set():
                    return
                yield day[start : start + BLOCK]
            for column in ("time", "watermark"):
                day[column] += DAY_NS
