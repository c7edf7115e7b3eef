"""Where a replay goes: the topics of a bus, or lines of JSON."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import BinaryIO, Protocol

import numpy as np

from schemas.bus import Bus, Column, RecordColumns, Records, TopicSettings
from schemas.errors import UsageError
from trademaster.replay.merge import Slice
from trademaster.replay.timed import Timed
from trademaster.tail import line_of


class Output(Protocol):
    """Takes what is due."""

    def write(self, slice_: Slice, start: int, end: int) -> None:
        """The records ``start`` to before ``end`` of a slice, in the order of the replay."""

    def flush(self) -> None:
        """Let readers have all of it."""

    def close(self) -> None: ...


class BusOutput:
    """Writes records to the partitions in which they stood, with their keys.

    Raises:
        UsageError: a topic there has another number of partitions, or holds something.
    """

    def __init__(self, bus: Bus, wanted: Mapping[str, TopicSettings], *, appends: bool = False) -> None:
        bus.create(list(wanted.values()))
        for topic, settings in wanted.items():
            _check(bus, topic, settings.partitions, appends=appends)
        self._bus = bus
        self._writer = bus.writer()

    def write(self, slice_: Slice, start: int, end: int) -> None:
        # No bus keeps the order of two topics, or of two partitions; each part is in the order of its offsets.
        for part in _parts(slice_, start, end):
            batch = part.batch
            keys = [key or b"" for key in batch.keys or [b""] * len(batch)]
            if 0 in np.diff(batch.ends, prepend=0):  # a tombstone
                self._writer.write(Records(batch.topic, batch.partition.tolist(), keys, [value or None for value in batch.values()]))
            else:
                self._writer.write(RecordColumns(batch.topic, batch.partition, _column(keys), Column(batch.data, batch.ends)))

    def flush(self) -> None:
        self._writer.flush()

    def close(self) -> None:
        self._writer.flush()
        self._writer.close()
        self._bus.close()


class LineOutput:
    """Writes records as ``trademaster tail`` does, which a pipe takes."""

    def __init__(self, out: BinaryIO) -> None:
        self._out = out
        self._slice: Slice | None = None
        self._lines: list[bytes] = []

    def write(self, slice_: Slice, start: int, end: int) -> None:
        if slice_ is not self._slice:
            self._slice, self._lines = slice_, [line for part in slice_.parts for line in _lines(part)]
        self._out.writelines(self._lines[at] for at in slice_.order[start:end].tolist())

    def flush(self) -> None:
        self._out.flush()

    def close(self) -> None:
        self._out.flush()


def _parts(slice_: Slice, start: int, end: int) -> Iterator[Timed]:
    """Of each part what is due: in order of offsets, so it has no gaps."""
    if end - start == len(slice_):
        yield from slice_.parts
        return
    due = np.sort(slice_.order[start:end])
    base = 0
    for part in slice_.parts:
        first, last = np.searchsorted(due, (base, base + len(part)))
        if last > first:
            yield part.part(int(due[first]) - base, int(due[last - 1]) - base + 1)
        base += len(part)


def _lines(part: Timed) -> Iterator[bytes]:
    batch = part.batch
    keys = batch.keys or [None] * len(batch)
    columns = zip(batch.partition.tolist(), batch.offset.tolist(), batch.timestamp_ms.tolist(), keys, batch.values(), strict=True)
    for partition, offset, timestamp_ms, key, value in columns:
        yield line_of(batch.topic, partition, offset, timestamp_ms, key, value)


def _column(texts: list[bytes]) -> Column:
    return Column(np.frombuffer(b"".join(texts), np.uint8), np.cumsum([len(text) for text in texts], dtype=np.int64))


def _check(bus: Bus, topic: str, partitions: int, *, appends: bool) -> None:
    found = len(bus.partitions(topic))
    if found != partitions:
        raise UsageError(
            f"expected topic {topic} with {partitions} partitions, as it was recorded, found {found}",
            hint="what closes a bar depends on them: replay into a bus, or a prefix, without that topic",
        )
    held = bus.state(topic)
    if not appends and any(end > held.begin.get(part, 0) for part, end in held.end.items()):
        raise UsageError(
            f"expected topic {topic} to be empty, found records in it", hint="replay into an empty bus or another prefix, or add --append"
        )
