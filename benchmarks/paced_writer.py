"""A feed at an even rate: a batch of ticks each millisecond, each stamped with the time at which it is handed to the bus.

``python -m benchmarks.paced_writer URL RATE SYMBOLS SECONDS FILE``: symbols take turns. Afterwards FILE (NumPy) holds the time of each
step, Unix ns, by the clock of ``now_ns``.
"""

from __future__ import annotations

import gc
import sys
import time
from pathlib import Path

import numpy as np

from benchmarks.ticks import TOPIC
from schemas.bus import Records
from schemas.partitioning import partition_of
from trademaster.bus import open_bus

STEP_NS = 1_000_000
PARTITIONS = 8


def symbol_name(code: int) -> str:
    return f"S{code:06d}"


def prices_of(code: int) -> tuple[float, float]:
    """The two prices between which a symbol goes to and fro, a cent apart."""
    cents = 100 * (20 + code % 400) + code % 89 + 10
    return cents / 100, (cents + 1) / 100


def now_ns() -> int:
    """Unix time in ns as all processes of this machine agree on it to the nanosecond, unless somebody sets the clock meanwhile."""
    return time.time_ns()


class Feed:
    """The batches, one after another."""

    def __init__(self, rate: int, symbols: int) -> None:
        self.per_step = rate // 1000
        names = [symbol_name(code) for code in range(symbols)]
        self._keys = [name.encode() for name in names]
        self._partitions = [partition_of(key, PARTITIONS) for key in self._keys]
        self._heads = [f'{{"type":"trade","symbol":"{name}","timestamp":'.encode() for name in names]
        self._tails = [
            [f',"price":{prices_of(code)[turn]:.2f},"size":100,"side":"buy","venue":"XNAS"}}'.encode() for code in range(symbols)]
            for turn in (0, 1)
        ]
        self._next = self._turn = 0

    def batch(self, time_ns: int) -> Records:
        """The next ticks, each a nanosecond after the one before."""
        first, symbols = self._next, len(self._keys)
        codes = [code % symbols for code in range(first, first + self.per_step)]
        self._next = (first + self.per_step) % symbols
        heads, tails = self._heads, self._tails[self._turn]
        self._turn ^= self._next < first  # a price that moves a cent from turn to turn
        values = [b"%b%d%b" % (heads[code], time_ns + place, tails[code]) for place, code in enumerate(codes)]
        return Records(TOPIC, [self._partitions[code] for code in codes], [self._keys[code] for code in codes], values)


def main(url: str, rate: int, symbols: int, seconds: float, file: str) -> None:
    feed = Feed(rate, symbols)
    bus = open_bus(url)
    writer = bus.writer()
    gc.collect()
    gc.disable()
    times: list[int] = []
    due = time.monotonic_ns()
    for _ in range(int(seconds * 1000)):
        due += STEP_NS
        wait_ns = due - time.monotonic_ns()
        if wait_ns > 0:
            time.sleep(wait_ns / 1e9)
        times.append(now_ns())
        writer.write(feed.batch(times[-1]))
    writer.flush()
    writer.close()
    bus.close()
    np.save(Path(file), np.array(times, np.int64))


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), float(sys.argv[4]), sys.argv[5])
