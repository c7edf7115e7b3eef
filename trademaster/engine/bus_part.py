"""One of the engine's ways in: a fixed group of partitions with one reader, at most a batch a call."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from bytewax.inputs import StatefulSourcePartition

from schemas.bus import Batch, Position, Reader
from trademaster.duration_settings import Duration
from trademaster.engine.runtime import Runtime

Item = tuple[str, Any]
"""(shard key, TickFrame or Bars), (any key, Control or list of events), or (REJECTED, Rejects)."""

REJECTED = "rejected"

SMALL = 8
"""A batch of less than one part in so many of the largest is a small one."""

LAG_EVERY_NS = 1_000_000_000

LOOK_EVERY_NS = 10_000_000
"""How often topics that a person writes are looked at: a look has a price, and there are many of them."""

QUIET_NS = 2_000_000_000
"""A cycle whose topics bring nothing for so long has come to rest."""

LONG_AGO = datetime(1970, 1, 2, tzinfo=UTC)
"""When a part wants to be called: always. The engine measures waits by the wall clock, which may be set back by an hour."""


@dataclass(frozen=True, slots=True)
class Reading:
    """How topics are read."""

    parts: int
    """Groups of partitions, each with a reader of its own."""
    max_batch: int
    """Most records of one poll."""
    max_wait_ns: int = 0
    """Least time between polls that bring little."""
    idle_after: Duration | None = None
    """Time without a record, by the clock, after which the watermark moves on with the clock; None: never."""


class BusPart(StatefulSourcePartition[Item, Any]):
    """Reads its partitions, rests when there is nothing, ends when the process shall stop."""

    with_keys = False
    look_every_ns = 0
    """Least time between looks that find nothing."""

    def __init__(self, runtime: Runtime, topic: str, partitions: Sequence[int], state: Any, reading: Reading) -> None:
        self._runtime = runtime
        self._topic = topic
        self._reading = reading
        start = {part: offset for part, offset in (state or {"position": {}})["position"].items() if part in partitions}
        self._reader: Reader = runtime.bus.reader(topic, partitions, start, with_keys=self.with_keys)
        self._until = self._reader.end() if runtime.until_end and topic not in runtime.in_cycles else None
        self._until_quiet = runtime.until_end and topic in runtime.in_cycles
        runtime.idle.sources += 1
        self._polled_ns = 0
        self._lag_ns = 0
        self._next_ns = 0

    def items(self, batch: Batch) -> list[Item]:
        """What the batch becomes."""
        raise NotImplementedError

    def idle_items(self) -> list[Item]:
        """What the absence of records becomes."""
        return []

    def next_batch(self) -> list[Item]:
        with self._runtime.failing:
            return self._next_batch()

    def _next_batch(self) -> list[Item]:
        now_ns = time.monotonic_ns()
        self._note(now_ns)
        if self._runtime.stopping.is_set() or (self._until is not None and self._reached(self._until)):
            raise StopIteration
        if now_ns < self._next_ns:
            self._runtime.idle.empty()
            return []
        batch = self._reader.poll(self._reading.max_batch, 0.0)
        if batch is None:
            if self._until_quiet and now_ns - self._runtime.idle.busy_ns > QUIET_NS:
                raise StopIteration
            self._next_ns = now_ns + self.look_every_ns
            self._runtime.idle.empty()
            return self.idle_items()
        self._runtime.idle.busy()
        self._polled_ns = now_ns
        # A batch has a price whatever it holds. After a small one the next may fill meanwhile; the first after a silence never waits.
        is_small = SMALL * len(batch) < self._reading.max_batch
        self._next_ns = now_ns + self._reading.max_wait_ns if is_small else 0
        return self.items(batch)

    def _note(self, now_ns: int) -> None:
        """The engine calls again when it is done with the last batch, or with the epoch that it closed."""
        recorder = self._runtime.recorder
        if self._runtime.closing_ns:
            recorder.epoch((now_ns - self._runtime.closing_ns) / 1e9)
            self._runtime.closing_ns = 0
        if self._polled_ns:
            recorder.processed(self._topic, (now_ns - self._polled_ns) / 1e9)
            self._polled_ns = 0
        if now_ns - self._lag_ns > LAG_EVERY_NS:
            self._lag_ns = now_ns
            position = self._reader.position()
            recorder.lag(self._topic, {part: max(0, end - position[part]) for part, end in self._reader.known_end().items()})

    def _reached(self, until: Position) -> bool:
        position = self._reader.position()
        return all(position[part] >= end for part, end in until.items())

    def next_awake(self) -> datetime | None:
        return LONG_AGO

    def snapshot(self) -> Any:
        self._runtime.closing_ns = self._runtime.closing_ns or time.monotonic_ns()
        with self._runtime.failing:
            self._reader.commit()
        return {"version": 1, "position": dict(self._reader.position())}

    def close(self) -> None:
        self._runtime.idle.sources -= 1
        self._reader.close()
