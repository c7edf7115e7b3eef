"""What the archive holds, partition by partition, as far as it is wanted."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from schemas.times import MAX_TIME_NS, MIN_TIME_NS
from schemas.topics import TOPICS
from sources.archive import Archive
from sources.archive_records import ArchivedRecords
from trademaster.replay.merge import Records
from trademaster.replay.ticks import TickTaker
from trademaster.replay.timed import Timed, Wanted, in_force, take


@dataclass(slots=True)
class ArchiveHistory:
    """The records of an archive.

    Args:
        made: partitions of a topic as it is made now: a topic may have had some in which nothing was ever written.
    """

    archive: Archive
    wanted: Wanted
    made: Callable[[str], int]

    def partitions(self, topic: str) -> int:
        held = [file.partition + 1 for file in self.archive.files([topic])]
        return max(1 if TOPICS[topic].single else self.made(topic), *held, 1)

    def records(self, topic: str, partition: int) -> Records:
        """What is wanted of a partition, in the order of its offsets."""
        wanted, is_single = self.wanted, TOPICS[topic].single
        # What is in force may say no time: its own hour is then that in which it was written.
        bounds = () if is_single else (wanted.from_ns, wanted.to_ns)
        found = self.archive.records(topic, partition, *bounds)
        if is_single:
            return iter([in_force([records.batch for records in found], wanted)])
        if topic == "market.ticks":
            return self._ticks(found)
        return self._taken(found)

    def _ticks(self, found: Iterator[ArchivedRecords]) -> Records:
        if self.wanted == Wanted(MIN_TIME_NS, MAX_TIME_NS):
            return (Timed(records.batch, records.time_ns) for records in found)
        taker = TickTaker(self.wanted)
        return (taker.take(records.batch) for records in found)

    def _taken(self, found: Iterator[ArchivedRecords]) -> Records:
        latest_ns = 0
        for records in found:
            timed, latest_ns = take(records.batch, self.wanted, latest_ns)
            yield timed
