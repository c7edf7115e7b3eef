"""What a bus holds, partition by partition, as far as it is wanted."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from schemas.bus import Batch, Bus
from schemas.topics import TOPICS
from trademaster.replay.merge import Records
from trademaster.replay.ticks import TickTaker
from trademaster.replay.timed import Wanted, in_force, take

POLL_RECORDS = 10_000
EMPTY_POLLS = 3
"""Polls of a second without a record after which the rest up to the end is taken for gaps."""


@dataclass(slots=True)
class BusHistory:
    """The records that a bus held when it was asked."""

    bus: Bus
    wanted: Wanted

    def partitions(self, topic: str) -> int:
        return len(self.bus.partitions(topic))

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
                    yield batch
        finally:
            reader.close()
