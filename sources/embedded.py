"""Reads a topic of the embedded bus."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Mapping, Sequence
from typing import Protocol

from schemas.bus import Batch, Position
from schemas.embedded_log import LogFile, Topic, translated
from schemas.errors import BusError
from sources.embedded_base import CompactedCursor
from sources.embedded_segments import SegmentCursor, end_offsets

_PAUSES_S = ((0.1, 0.0005), (1.0, 0.001), (float("inf"), 0.002))
"""Idle for less than so long: so long between two looks. A look costs some 50 us of CPU with its sleep, and there are many readers."""


class Cursor(Protocol):
    """A place in a topic's records."""

    def restart(self) -> None: ...

    def next(self, max_records: int) -> Batch | None: ...

    def close(self) -> None: ...


class EmbeddedReader:
    """Reads some partitions of one topic, all at once, in the order in which they were written.

    Of a compacted topic it gives the latest record of each key; what was overwritten before it came by may be gone.

    Args:
        file: a connection of its own, closed with the reader.
        topic: what to read.
        partitions: None for all.
        start: the next offset by partition; absent ones start at their beginning.
        with_keys: fill ``Batch.keys``.

    Raises:
        BusError: a partition that the topic does not have.
    """

    def __init__(
        self,
        file: LogFile,
        topic: Topic,
        partitions: Sequence[int] | None = None,
        start: Mapping[int, int] | None = None,
        *,
        with_keys: bool = False,
    ) -> None:
        self._file = file
        self._topic = topic
        wanted = range(topic.partitions) if partitions is None else partitions
        self._require(wanted)
        begins = file.begins(topic)
        self._position = {partition: begins[partition] for partition in wanted}
        self._cursor: Cursor = (CompactedCursor if topic.compacted else SegmentCursor)(file, topic, self._position, with_keys=with_keys)
        self._idle_since_s = 0.0
        self.seek(start or {})

    def poll(self, max_records: int, timeout_s: float) -> Batch | None:
        """See ``schemas.bus.Reader.poll``. One batch also holds at most about 32 MiB."""
        batch = self._next(max_records)
        if batch is None and timeout_s > 0:
            batch = self._waited(max_records, timeout_s)
        if batch is not None:
            self._idle_since_s = 0.0
        return batch

    def _waited(self, max_records: int, timeout_s: float) -> Batch | None:
        now_s = time.monotonic()
        deadline_s = now_s + timeout_s
        self._idle_since_s = self._idle_since_s or now_s
        while now_s < deadline_s:
            pause_s = next(pause_s for idle_s, pause_s in _PAUSES_S if now_s - self._idle_since_s < idle_s)
            time.sleep(min(pause_s, deadline_s - now_s))
            batch = self._next(max_records)
            if batch is not None:
                return batch
            now_s = time.monotonic()
        return None

    def position(self) -> Position:
        return dict(self._position)

    def commit(self) -> None:
        """Nobody looks at the lag of an embedded bus from outside."""

    def seek(self, position: Mapping[int, int]) -> None:
        """See ``schemas.bus.Reader.seek``. An offset that is not kept is told by the next ``poll``."""
        self._require(position)
        for partition, offset in position.items():
            if partition in self._position:
                self._position[partition] = offset
        self._cursor.restart()

    def known_end(self) -> Position:
        """See ``schemas.bus.Reader.known_end``: here it costs one look."""
        return self.end()

    def end(self) -> Position:
        try:
            return end_offsets(self._file.head(self._topic), self._position)
        except (sqlite3.Error, OSError) as error:
            raise translated(error, self._file.path) from error

    def close(self) -> None:
        self._cursor.close()
        self._file.close()

    def _require(self, partitions: Sequence[int] | Mapping[int, int]) -> None:
        wrong = sorted(partition for partition in partitions if not 0 <= partition < self._topic.partitions)
        if wrong:
            raise BusError(f"topic {self._topic.name} has partitions 0 to {self._topic.partitions - 1}, not {wrong}")

    def _next(self, max_records: int) -> Batch | None:
        try:
            return self._cursor.next(max_records)
        except (sqlite3.Error, OSError) as error:
            raise translated(error, self._file.path) from error
