"""What a bus holds, partition by partition, as far as it is wanted."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np

from schemas.bus import Batch, Bus
from schemas.topics import TOPICS
from trademaster.replay.merge import Records
from trademaster.replay.ticks import TickTaker
from trademaster.replay.timed import Timed, Wanted, picked, take

POLL_RECORDS = 10_000
EMPTY_POLLS = 3
"""Polls of a second without a record after which the rest up to the end is taken for gaps."""


@dataclass(slots=True)
class BusHistory:
    """The records that a bus held when it was asked.

    Args:
        seen: told how many records more were read.
    """

    bus: Bus
    wanted: Wanted
    seen: Callable[[int], object] = lambda _: None

    def partitions(self, topic: str) -> int:
        return len(self.bus.partitions(topic))

    def total(self, topic: str) -> int:
        """Records that will be read, gaps of offsets included."""
        state = self.bus.state(topic)
        return sum(end - state.begin.get(part, 0) for part, end in state.end.items())

    def records(self, topic: str, partition: int) -> Records:
        """What is wanted of a partition, in the order of its offsets."""
        batches = self._batches(topic, partition)
        if topic == "market.ticks":
            taker = TickTaker(self.wanted)
            return map(taker.take, batches)
        if TOPICS[topic].single:
            return iter([in_force(list(batches), self.wanted)])
        return self._taken(batches)

    def _taken(self, batches: Iterator[Batch]) -> Records:
        latest_ns = 0
        for batch in batches:
            timed, latest_ns = take(batch, self.wanted, latest_ns)
            yield timed

    def _batches(self, topic: str, partition: int) -> Iterator[Batch]:
        reader = self.bus.reader(topic, [partition], with_keys=True)
        try:
            end, empty = reader.end().get(partition, 0), 0
            while empty < EMPTY_POLLS and reader.position()[partition] < end:
                batch = reader.poll(POLL_RECORDS, 1.0)
                empty = 0 if batch is not None else empty + 1
                if batch is not None:
                    self.seen(len(batch))
                    yield batch
        finally:
            reader.close()


def in_force(batches: list[Batch], wanted: Wanted) -> Timed:
    """Of a topic that is read whole by every shard: what was in force when the range begins, and what came in it."""
    parts, latest_ns = [], 0
    for batch in batches:
        timed, latest_ns = take(batch, Wanted(to_ns=wanted.to_ns), latest_ns)
        parts.append(timed)
    whole = joined(parts) if parts else None
    if whole is None:
        return _nothing()
    keys = whole.batch.keys or [None] * len(whole)
    before = whole.times < wanted.from_ns
    last_of = {key: at for at, key in enumerate(keys) if before[at]}
    kept = np.array([not before[at] or last_of[key] == at for at, key in enumerate(keys)], np.bool_)
    at = np.flatnonzero(kept)
    return Timed(picked(whole.batch, at), np.maximum(whole.times[at], wanted.from_ns))


def joined(parts: list[Timed]) -> Timed:
    """Parts of one partition as one."""
    batches = [part.batch for part in parts]
    starts = np.cumsum([0, *[len(batch.data) for batch in batches[:-1]]])
    return Timed(
        Batch(
            batches[0].topic,
            np.concatenate([batch.data for batch in batches]),
            np.concatenate([batch.ends + start for batch, start in zip(batches, starts, strict=True)]),
            np.concatenate([batch.partition for batch in batches]),
            np.concatenate([batch.offset for batch in batches]),
            np.concatenate([batch.timestamp_ms for batch in batches]),
            [key for batch in batches for key in batch.keys or [None] * len(batch)],
        ),
        np.concatenate([part.times for part in parts]),
    )


def _nothing() -> Timed:
    none = np.empty(0, np.int64)
    return Timed(Batch("", np.empty(0, np.uint8), none, np.empty(0, np.int32), none, none, []), none)
