"""The bus as every source, sink and engine sees it: batches in, records out, positions.

A topic is split into partitions; a partition is an ordered log whose offsets grow and are never reused. Offsets may have
gaps (compaction, transactions), so a position is *the next offset to read*, never a count.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np
import numpy.typing as npt

Bytes1D = npt.NDArray[np.uint8]
Int32s = npt.NDArray[np.int32]
Int64s = npt.NDArray[np.int64]

Position = dict[int, int]
"""Partition number to the next offset to read."""


@dataclass(frozen=True, slots=True, eq=False)
class Batch:
    """Records read from one topic, as columns over one contiguous buffer.

    The value of record ``i`` is ``data[ends[i - 1]:ends[i]]`` (from 0 for the first). Within a partition records stand in
    offset order; partitions may alternate.
    """

    topic: str
    data: Bytes1D
    """All values, one after another, without separators."""
    ends: Int64s
    """Shape (n,): where each value ends in ``data``."""
    partition: Int32s
    """Shape (n,)."""
    offset: Int64s
    """Shape (n,)."""
    timestamp_ms: Int64s
    """Shape (n,): when the record was appended, Unix milliseconds by the clock of the writer or the broker."""
    keys: Sequence[bytes | None] | None = None
    """Shape (n,): message keys; None unless the reader was opened ``with_keys``."""

    def __len__(self) -> int:
        return len(self.ends)

    def value(self, index: int) -> bytes:
        """The payload of one record. An empty one is a tombstone of a compacted topic."""
        start = int(self.ends[index - 1]) if index else 0
        return self.data[start : int(self.ends[index])].tobytes()

    def values(self) -> Iterator[bytes]:
        start = 0
        whole = self.data.tobytes()
        for end in self.ends.tolist():
            yield whole[start:end]
            start = end


@dataclass(frozen=True, slots=True, eq=False)
class Column:
    """Texts one after another in one buffer. Who wants them one by one iterates."""

    data: Bytes1D
    ends: Int64s
    """Shape (n,): where each ends in ``data``, which has nothing behind the last."""

    def __post_init__(self) -> None:
        # Compiled code reads as far as these say.
        end = int(self.ends[-1]) if len(self.ends) else 0
        if end != len(self.data):
            raise ValueError(f"expected the last text of a column to end with its {len(self.data)} bytes, found it to end at {end}")

    def __len__(self) -> int:
        return len(self.ends)

    def __iter__(self) -> Iterator[bytes]:
        whole, start = self.data.tobytes(), 0
        for end in self.ends.tolist():
            yield whole[start:end]
            start = end

    def part(self, start: int, stop: int) -> Column:
        """The texts from ``start`` to before ``stop``; nothing of them is copied."""
        bounds = [int(self.ends[at - 1]) if at else 0 for at in (start, stop)]
        return Column(self.data[bounds[0] : bounds[1]], self.ends[start:stop] - bounds[0])


def column_of(texts: Sequence[bytes]) -> Column:
    """Texts as a column."""
    ends = np.cumsum(np.fromiter(map(len, texts), np.int64, len(texts)))
    return Column(np.frombuffer(b"".join(texts), np.uint8), ends)


def joined(columns: Sequence[Column]) -> Column:
    """All texts of all columns, of which there is one at least."""
    if len(columns) == 1:
        return columns[0]
    starts = np.cumsum([0, *[len(column.data) for column in columns[:-1]]])
    ends = [column.ends + start for column, start in zip(columns, starts, strict=True)]
    return Column(np.concatenate([column.data for column in columns]), np.concatenate(ends))


@dataclass(frozen=True, slots=True, eq=False)
class RecordColumns:
    """As ``Records``, for who has columns already, without tombstones. No writer keeps a reference to them after the call."""

    topic: str
    partitions: Int32s
    keys: Column
    values: Column
    timestamp_ms: int = -1
    """As in ``Records``."""

    def __len__(self) -> int:
        return len(self.values)


@dataclass(frozen=True, slots=True)
class Records:
    """Records to write to one topic, as columns of equal length, in the order in which they shall stand."""

    topic: str
    partitions: Sequence[int]
    keys: Sequence[bytes]
    values: Sequence[bytes | None]
    """None is a tombstone: a compacted topic forgets the key."""
    timestamp_ms: int = -1
    """Append time to store, Unix milliseconds; -1: now."""

    def __len__(self) -> int:
        return len(self.values)


@dataclass(frozen=True, slots=True)
class TopicState:
    """What a bus says of one of its topics."""

    topic: str
    begin: Position = field(default_factory=dict)
    """First offset still kept, by partition."""
    end: Position = field(default_factory=dict)
    """Offset the next record will get, by partition."""


class Reader(Protocol):
    """Reads a fixed set of partitions of one topic. Not thread-safe; one owner."""

    def poll(self, max_records: int, timeout_s: float) -> Batch | None:
        """The next records, at most ``max_records``, in offset order per partition; None if there are none.

        Waits at most ``timeout_s`` for a first record and never for a fuller batch; 0 never blocks.

        Raises:
            BusUnavailable: the broker or the file cannot be reached for longer than the bus's patience.
            PositionLost: a position to read from is no longer kept.
        """

    def position(self) -> Position:
        """The next offset of each partition: what has been returned by ``poll`` lies before it."""

    def seek(self, position: Mapping[int, int]) -> None:
        """Continue from these offsets; partitions not named stay where they are."""

    def commit(self) -> None:
        """Tell tools that show lag where this reader is, where the bus has such tools. Best effort; no position is taken from it."""

    def end(self) -> Position:
        """The offset the next written record will get, by partition (for lag and for "read all there is")."""

    def known_end(self) -> Position:
        """As ``end``, of the last time that the bus was heard of: never waits."""

    def close(self) -> None: ...


class Writer(Protocol):
    """Appends records. ``write`` buffers within a bound, ``flush`` makes all that was written durable and readable."""

    def write(self, records: Records | RecordColumns) -> None:
        """Queue records; order within a partition is kept. Blocks while the bound of the buffer is reached.

        Raises:
            BusUnavailable: an earlier record could not be delivered in the bus's patience. Nothing is dropped in silence.
        """

    def flush(self, timeout_s: float = 30.0) -> None:
        """Return when every record written so far is acknowledged.

        Raises:
            BusUnavailable: some were not, and which.
        """

    def close(self) -> None: ...


class Bus(Protocol):
    """A place with topics. Opened by URL: ``embedded:FOLDER`` or ``kafka://HOST:PORT,HOST:PORT``."""

    url: str

    def partitions(self, topic: str) -> list[int]:
        """Raises UnknownTopic, with the command that creates it."""

    def create(self, topics: Sequence[TopicSettings]) -> list[str]:
        """Create what is missing, with its settings; names of the created. Existing topics are left as they are."""

    def differences(self, topics: Sequence[TopicSettings]) -> list[str]:
        """What of the wanted settings the existing topics do not have, a line each, with what to do."""

    def state(self, topic: str) -> TopicState: ...

    def identity(self) -> str:
        """A text that changes when the log is another one (a new cluster, a deleted file)."""

    def reader(
        self, topic: str, partitions: Sequence[int] | None = None, start: Mapping[int, int] | None = None, *, with_keys: bool = False
    ) -> Reader:
        """A reader from ``start`` (partitions absent there: from their beginning); ``partitions`` None: all."""

    def writer(self) -> Writer: ...

    def close(self) -> None: ...


@dataclass(frozen=True, slots=True)
class TopicSettings:
    """How a topic is made."""

    name: str
    partitions: int
    compacted: bool
    """Keep the latest record of each key for ever (and never delete by age), instead of every record for a time."""
    retention_ms: int = 30 * 24 * 3600 * 1000
    retention_bytes: int = -1
    """For the whole topic; -1: no bound of its own."""
    replication: int = 1
    """Copies of each partition, where the bus has several brokers."""
