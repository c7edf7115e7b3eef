"""What a reader must say, as lists: the reference for order, offsets, position, seek and resume."""

from __future__ import annotations

from dataclasses import dataclass

from hypothesis import strategies as st

from schemas.bus import Bus
from tests.bus.contract import WAIT_S, new_topic, records, seen

PARTITIONS = 3

payloads = st.binary(min_size=1, max_size=20)
rows = st.lists(st.tuples(st.integers(0, PARTITIONS - 1), payloads), min_size=1, max_size=30)


@dataclass(frozen=True)
class Write:
    """Of rows of partition and value."""

    rows: list[tuple[int, bytes]]


@dataclass(frozen=True)
class Poll:
    """Of so many records at most."""

    max_records: int


@dataclass(frozen=True)
class Seek:
    """To some offset that is there."""

    partition: int
    number: int


@dataclass(frozen=True)
class Resume:
    """With a new reader, from the position of the old."""


Step = Write | Poll | Seek | Resume
steps_of_a_reader = st.lists(
    st.builds(Write, rows)
    | st.builds(Poll, st.integers(1, 12))
    | st.builds(Seek, st.integers(0, PARTITIONS - 1), st.integers(0, 10**6))
    | st.just(Resume()),
    max_size=12,
)


class Compared:
    """A reader, and what it must say: a list of values by partition, and the next place in each."""

    def __init__(self, bus: Bus, partitions: set[int]) -> None:
        self.bus, self.topic = bus, new_topic(bus, PARTITIONS)
        self.writer = bus.writer()
        self.reader = bus.reader(self.topic, sorted(partitions))
        self.values: list[list[bytes]] = [[] for _ in range(PARTITIONS)]
        self.next = dict.fromkeys(sorted(partitions), 0)

    def take(self, step: Step) -> None:
        match step:
            case Write(rows):
                self.writer.write(records(self.topic, rows))
                self.writer.flush()
                for partition, value in rows:
                    self.values[partition].append(value)
            case Seek(partition, number) if partition in self.next:
                self.next[partition] = number % (len(self.values[partition]) + 1)
                self.reader.seek({partition: self.next[partition]})
            case Resume():
                position = self.reader.position()
                self.reader.close()
                self.reader = self.bus.reader(self.topic, sorted(position), start=position)
            case Poll(max_records):
                self.poll(max_records)
        assert self.reader.position() == self.next

    def waiting(self) -> bool:
        return any(offset < len(self.values[partition]) for partition, offset in self.next.items())

    def poll(self, max_records: int) -> None:
        batch = self.reader.poll(max_records, WAIT_S if self.waiting() else 0)
        assert (batch is not None) == self.waiting()
        found = seen(batch) if batch else []
        assert len(found) <= max_records
        for partition, offset, value in found:
            assert (offset, value) == (self.next[partition], self.values[partition][offset])
            self.next[partition] += 1

    def close(self) -> None:
        self.writer.close()
        self.reader.close()
