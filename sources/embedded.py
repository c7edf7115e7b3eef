"""Reads a topic of the embedded bus."""

from __future__ import annotations

import sqlite3
import time
from collections import deque
from collections.abc import Mapping, Sequence

import numpy as np

from schemas.bus import Batch, Position
from schemas.embedded_block import Block, decode
from schemas.embedded_log import LogFile, Topic, translated
from schemas.errors import BusError, PositionLost
from sources.embedded_columns import Row, batch_of_blocks, batch_of_rows

FETCH_BYTES = 32 * 1024 * 1024
_PAUSES_S = ((0.1, 0.0005), (1.0, 0.001), (float("inf"), 0.002))
"""Idle for less than so long: so long between two looks. A look costs some 50 us of CPU with its sleep, and there are many readers."""
_LOOK_S = 1.0


class EmbeddedReader:
    """Reads some partitions of one topic, all with one query, in the order in which they were written.

    Of a compacted topic it gives the latest record of each key; what was overwritten before it came by is gone.

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
        self._with_keys = with_keys
        wanted = range(topic.partitions) if partitions is None else partitions
        begins = file.head(topic).begins
        self._require(wanted)
        self._position = {partition: begins[partition] for partition in wanted}
        self._blocks: deque[Block] = deque()
        self._rows: deque[Row] = deque()
        self._row = -1
        self._target: tuple[int, list[int]] = (-1, [])
        self._version = -1
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
        self._blocks.clear()
        self._rows.clear()
        self._row = -1
        self._version = -1

    def known_end(self) -> Position:
        """See ``schemas.bus.Reader.known_end``: here it costs one look."""
        return self.end()

    def end(self) -> Position:
        try:
            ends = self._file.head(self._topic).ends
        except sqlite3.Error as error:
            raise translated(error, self._file.path) from error
        return {partition: ends[partition] for partition in self._position}

    def close(self) -> None:
        self._file.close()

    def _require(self, partitions: Sequence[int] | Mapping[int, int]) -> None:
        wrong = sorted(partition for partition in partitions if not 0 <= partition < self._topic.partitions)
        if wrong:
            raise BusError(f"topic {self._topic.name} has partitions 0 to {self._topic.partitions - 1}, not {wrong}")

    def _next(self, max_records: int) -> Batch | None:
        if not self._blocks and not self._rows:
            try:
                if not self._changed():
                    return None
                if self._row < 0:
                    self._locate()
                self._fetch(max_records)
            except sqlite3.Error as error:
                raise translated(error, self._file.path) from error
        batch = self._take_rows(max_records) if self._topic.compacted else self._take_blocks(max_records)
        if not self._blocks and not self._rows and self._row >= self._target[0]:
            self._reach_head(batch is None)
        return batch

    def _reach_head(self, at_once: bool) -> None:
        """All rows up to the head are read: account for records that had none."""
        for partition, offset in self._position.items():
            end = self._target[1][partition]
            if offset >= end:
                continue
            if self._topic.compacted:
                self._position[partition] = end
            elif at_once:
                raise self._lost(partition, offset)
            else:
                self._version = -1

    def _changed(self) -> bool:
        """Whether there may be rows after ``_row``: the file has changed, or the last fetch stopped before the head."""
        version = self._file.data_version()
        if version == self._version and self._row >= max(self._target[0], 0):
            self._file.look(_LOOK_S)
            return False
        self._version = version
        return True

    def _locate(self) -> None:
        """Find the row before the first one to read."""
        head = self._file.head(self._topic)
        rows = [head.row]
        for partition, offset in self._position.items():
            if offset > head.ends[partition] or (offset < head.begins[partition] and not self._topic.compacted):
                raise self._lost(partition, offset)
            if offset < head.ends[partition]:
                rows.append(self._row_before(partition, offset, head.row))
        self._row = min(rows)
        self._target = (-1, [])

    def _row_before(self, partition: int, offset: int, last_row: int) -> int:
        """A row before the one with this offset, found by halving the signposts; a compacted topic is read from its start."""
        if self._topic.compacted:
            return 0
        posts = f"signposts_{self._topic.id}"
        low, high = self._file.db.execute(f"SELECT min(post), max(post) FROM {posts}").fetchone()
        row = 0
        while low is not None and low <= high:
            middle = (low + high) // 2
            found = self._file.db.execute(
                f"SELECT post, row, ends FROM {posts} WHERE post BETWEEN ? AND ? ORDER BY post LIMIT 1", (middle, high)
            ).fetchone()
            if found is None or int(np.frombuffer(found[2], "<i8")[partition]) > offset:
                high = middle - 1
            else:
                low, row = found[0] + 1, found[1]
        return min(row, last_row)

    def _fetch(self, max_records: int) -> None:
        """Bring rows after ``_row`` until there are ``max_records``, 32 MiB, or no more."""
        head = self._file.head(self._topic)
        self._target = (head.row, head.ends)
        if head.row == self._row:
            return
        some = "" if len(self._position) == self._topic.partitions else f"AND partition IN ({','.join(map(str, self._position))}) "
        sql = f"SELECT * FROM log_{self._topic.id} WHERE row > ? AND row <= ? {some}ORDER BY row"
        cursor = self._file.db.execute(sql, (self._row, head.row))
        try:
            # Left in the middle, the query would hold the log open and keep it from being cut back: so it is closed.
            done = self._keep_rows(cursor, max_records) if self._topic.compacted else self._keep_blocks(cursor, max_records)
        finally:
            cursor.close()
        if done:
            self._row = head.row

    def _keep_blocks(self, cursor: sqlite3.Cursor, max_records: int) -> bool:
        """Queue blocks; True if the query gave all it had."""
        records = size = 0
        for row, partition, first_offset, count, time_ms, blob in cursor:
            self._row = row
            next_offset = self._position.get(partition)
            if next_offset is None or first_offset + count <= next_offset:
                continue
            block = decode(partition, first_offset, count, time_ms, blob)
            if first_offset < next_offset:
                block = block.split(next_offset - first_offset)[1]
            self._blocks.append(block)
            records += len(block.value_sizes)
            size += len(blob)
            if records >= max_records or size >= FETCH_BYTES:
                return False
        return True

    def _keep_rows(self, cursor: sqlite3.Cursor, max_records: int) -> bool:
        size = 0
        for row, *record in cursor:
            self._row = row
            kept = Row._make(record)
            if kept.partition in self._position and kept.offset >= self._position[kept.partition]:
                self._rows.append(kept)
                size += len(kept.value)
                if len(self._rows) >= max_records or size >= FETCH_BYTES:
                    return False
        return True

    def _take_blocks(self, max_records: int) -> Batch | None:
        taken: list[Block] = []
        room = max_records
        while self._blocks and room > 0:
            if self._blocks[0].first_offset != self._position[self._blocks[0].partition]:
                if taken:
                    break
                raise self._lost(self._blocks[0].partition, self._position[self._blocks[0].partition])
            block = self._blocks.popleft()
            if len(block.value_sizes) > room:
                block, rest = block.split(room)
                self._blocks.appendleft(rest)
            count = len(block.value_sizes)
            self._position[block.partition] += count
            room -= count
            taken.append(block)
        return batch_of_blocks(self._topic.name, taken, self._with_keys) if taken else None

    def _take_rows(self, max_records: int) -> Batch | None:
        taken = [self._rows.popleft() for _ in range(min(max_records, len(self._rows)))]
        for row in taken:
            self._position[row.partition] = row.offset + 1
        return batch_of_rows(self._topic.name, taken, self._with_keys) if taken else None

    def _lost(self, partition: int, offset: int) -> PositionLost:
        """The error; the reader stays where it is, so that the next ``poll`` says the same until there is a ``seek``."""
        self.seek({})
        head = self._file.head(self._topic)
        return PositionLost(
            f"topic {self._topic.name} of {self._file.path} keeps offsets {head.begins[partition]} to {head.ends[partition]} "
            f"of partition {partition}; {offset} was to be read",
            hint="retention removed it (raise retention_bytes, or read sooner), or the file is another one: start from the beginning",
        )
