"""What a bus holds, partition by partition, as far as it is wanted."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from schemas.bus import Batch, Bus
from schemas.topics import TOPICS
from trademaster.bus.reading import read_to_end
from trademaster.replay.merge import Records
from trademaster.replay.ticks import TickTaker
from trademaster.replay.timed import Wanted, in_force, take


@dataclass(slots=True)
class BusHistory:
    """The records that a bus held when it was asked."""

    bus: Bus
    wanted: Wanted

    def partitions(self, topic: str) -> int:
        return len(self.bus.partitions(topic))

    def records(self, topic: str, partition: int) -> Records:
        """What is wanted of a partition, in the order of its offsets."""
        batches = read_to_end(self.bus, topic, partitions=[partition], with_keys=True)
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
