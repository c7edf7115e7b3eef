"""The engine's ways in: a part is a fixed group of partitions with one reader; its name is the same in every worker."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import numpy as np
from bytewax.inputs import FixedPartitionedSource, StatefulSourcePartition

from flows.flow import SHARD_KEYS
from operators.market.shards import split
from operators.market.watermarks import fill_watermarks
from schemas.bus import Batch, Position, Reader
from schemas.control import Control
from schemas.control_codec import decode_control
from schemas.dead_letters import Reason, Reject
from schemas.errors import RejectedRecord
from schemas.tick_codec import TickDecoder
from schemas.ticks import NO_SYMBOL, WATERMARK, empty_rows
from schemas.times import MAX_TIME_NS
from trademaster.engine.runtime import Runtime
from trademaster.settings import Duration

Item = tuple[str, Any]
"""(shard key, TickFrame or Control), or (REJECTED, Rejects)."""

REJECTED = "rejected"

SMALL = 8
"""A batch of less than one part in so many of the largest is a small one."""

LAG_EVERY_NS = 1_000_000_000

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

    def __init__(self, runtime: Runtime, topic: str, partitions: Sequence[int], state: Any, reading: Reading) -> None:
        self._runtime = runtime
        self._topic = topic
        self._reading = reading
        start = {part: offset for part, offset in (state or {"position": {}})["position"].items() if part in partitions}
        self._reader: Reader = runtime.bus.reader(topic, partitions, start, with_keys=self.with_keys)
        self._until = self._reader.end() if runtime.until_end else None
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
            self._runtime.closing_ns = self._polled_ns = 0
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


class TickPart(BusPart):
    """Ticks as frames by shard, each row with the watermark of its partition."""

    def __init__(self, runtime: Runtime, topic: str, partitions: Sequence[int], state: Any, reading: Reading) -> None:
        super().__init__(runtime, topic, partitions, state, reading)
        self._decoder = TickDecoder()
        self._heard_ns = time.monotonic_ns()
        self._watermarks: dict[int, int] = state["watermark"] if state else {}

    def items(self, batch: Batch) -> list[Item]:
        decoded = self._decoder.decode(batch)
        self._watermarks = fill_watermarks(decoded.rows, self._watermarks)
        self._heard_ns = time.monotonic_ns()
        ticks = int(np.count_nonzero(decoded.rows["kind"])) + len(decoded.rejects)
        self._runtime.recorder.batch(self._topic, len(batch), ticks)
        self._runtime.recorder.watermark(self._topic, self._watermarks)
        items: list[Item] = [(SHARD_KEYS[shard], frame) for shard, frame in split(decoded.rows)]
        return [*items, (REJECTED, decoded.rejects)] if decoded.rejects else items

    def idle_items(self) -> list[Item]:
        """With ``market.idle_after`` set the watermark of a silent feed goes on with the clock; a replay then differs."""
        after, silent_ns = self._reading.idle_after, time.monotonic_ns() - self._heard_ns
        if after is None or silent_ns < after.ns or not self._watermarks:
            return []
        self._heard_ns += silent_ns
        rows = empty_rows(len(self._watermarks))
        rows["kind"], rows["symbol"] = WATERMARK, NO_SYMBOL
        rows["partition"] = list(self._watermarks)
        rows["time"] = [min(watermark_ns + silent_ns, MAX_TIME_NS) for watermark_ns in self._watermarks.values()]
        self._watermarks = fill_watermarks(rows, self._watermarks)
        return [(SHARD_KEYS[shard], frame) for shard, frame in split(rows)]

    def snapshot(self) -> Any:
        return {**super().snapshot(), "watermark": dict(self._watermarks)}


class ControlPart(BusPart):
    """Control events, one at a time; a bad one becomes a dead letter and what was in force stays."""

    with_keys = True

    def items(self, batch: Batch) -> list[Item]:
        self._runtime.recorder.batch(self._topic, len(batch), len(batch))
        controls, rejects = read_controls(batch)
        items: list[Item] = [("control", control) for control in controls]
        return [*items, (REJECTED, rejects)] if rejects else items


def read_controls(batch: Batch) -> tuple[list[Control], list[Reject]]:
    """The control events of a batch, and what of it cannot be put in force."""
    controls, rejects = [], []
    keys = batch.keys or [None] * len(batch)
    for place, (key, value) in enumerate(zip(keys, batch.values(), strict=True)):
        try:
            controls.append(decode_control(batch.topic, key, value))
        except RejectedRecord as error:
            rejects.append(
                Reject(
                    topic=batch.topic,
                    partition=int(batch.partition[place]),
                    offset=int(batch.offset[place]),
                    index=-1,
                    reason=Reason(error.reason),
                    detail=str(error),
                    payload=value,
                    first_seen_ns=int(batch.timestamp_ms[place]) * 1_000_000,
                )
            )
    return controls, rejects


PART_OF: dict[str, Callable[..., BusPart]] = {"market.ticks": TickPart}
"""Kind of part of a topic; all others are ControlPart."""


class BusSource(FixedPartitionedSource[Item, Any]):
    """One topic of the bus, its partitions dealt to a fixed number of parts."""

    def __init__(self, runtime: Runtime, topic: str, reading: Reading) -> None:
        self._runtime = runtime
        self._topic = topic
        self._reading = reading
        self._partitions = runtime.bus.partitions(topic)
        self._parts = min(reading.parts, len(self._partitions))

    def list_parts(self) -> list[str]:
        return [f"{part:02d}" for part in range(self._parts)]

    def build_part(self, step_id: str, for_part: str, resume_state: Any) -> BusPart:
        mine = self._partitions[int(for_part) :: self._parts]
        with self._runtime.failing:
            return PART_OF.get(self._topic, ControlPart)(self._runtime, self._topic, mine, resume_state, self._reading)
