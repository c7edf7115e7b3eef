"""Reads a compacted topic of the embedded bus from its table."""

from __future__ import annotations

import sqlite3
from collections import deque

from schemas.bus import Batch
from schemas.embedded_log import LogFile, Topic
from sources.embedded_columns import Row, batch_of_rows
from sources.embedded_segments import FETCH_BYTES, lost

_LOOK_S = 1.0


class RowCursor:
    """A place in the table, all partitions at once, in write order. What was overwritten before it came by is gone.

    Args:
        file: of which the topic is; closed by who made it.
        topic: a compacted one.
        position: the next offset by partition, of those that are read; it is moved on by ``next``.
        with_keys: fill ``Batch.keys``.
    """

    def __init__(self, file: LogFile, topic: Topic, position: dict[int, int], *, with_keys: bool) -> None:
        self._file = file
        self._topic = topic
        self._position = position
        self._with_keys = with_keys
        self._rows: deque[Row] = deque()
        self._row = 0
        self._target: tuple[int, list[int]] = (-1, [])
        self._version = -1

    def restart(self) -> None:
        """The position was changed from outside."""
        self._rows.clear()
        self._row = 0
        self._version = -1
        self._target = (-1, [])

    def next(self, max_records: int) -> Batch | None:
        """See ``schemas.bus.Reader.poll``, without a wait.

        Raises:
            sqlite3.Error: the file cannot be read.
            PositionLost: an offset to read lies behind the end.
        """
        if not self._rows:
            if not self._changed():
                return None
            self._fetch(max_records)
        taken = [self._rows.popleft() for _ in range(min(max_records, len(self._rows)))]
        for row in taken:
            self._position[row.partition] = row.offset + 1
        if not self._rows and self._row >= self._target[0]:
            # The last records up to here may have been overwritten.
            for partition, offset in self._position.items():
                self._position[partition] = max(offset, self._target[1][partition])
        return batch_of_rows(self._topic.name, taken, self._with_keys) if taken else None

    def _changed(self) -> bool:
        """Whether there may be rows after ``_row``: the file has changed, or the last fetch stopped before the head."""
        version = self._file.data_version()
        if version == self._version and self._row >= max(self._target[0], 0):
            self._file.look(_LOOK_S)
            return False
        self._version = version
        return True

    def _fetch(self, max_records: int) -> None:
        """Bring rows after ``_row`` until there are ``max_records``, 32 MiB, or no more."""
        head = self._file.head(self._topic)
        if self._target[0] < 0:
            for partition, offset in self._position.items():
                if offset > head.ends[partition]:
                    self.restart()
                    raise lost(self._file, self._topic, partition, offset, head)
        self._target = (head.row, head.ends)
        if head.row == self._row:
            return
        some = "" if len(self._position) == self._topic.partitions else f"AND partition IN ({','.join(map(str, self._position))}) "
        sql = f"SELECT * FROM log_{self._topic.id} WHERE row > ? AND row <= ? {some}ORDER BY row"
        cursor = self._file.db.execute(sql, (self._row, head.row))
        try:
            # Left in the middle, the query would hold the log open and keep it from being cut back: so it is closed.
            if self._keep(cursor, max_records):
                self._row = head.row
        finally:
            cursor.close()

    def _keep(self, cursor: sqlite3.Cursor, max_records: int) -> bool:
        """Queue rows; True if the query gave all it had."""
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

    def close(self) -> None:
        self._rows.clear()
