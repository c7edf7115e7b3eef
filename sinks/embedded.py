"""Writes to the embedded bus: each ``write`` is committed by itself, so that a reader has it within a millisecond."""

from __future__ import annotations

import sqlite3
import time
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import chain, takewhile
from operator import itemgetter

import numpy as np

from schemas.bus import RecordColumns, Records
from schemas.embedded_block import encode
from schemas.embedded_log import MAX_RECORD_BYTES, LogFile, Topic, translated
from schemas.errors import BusError, BusUnavailable, RecordTooLarge
from sinks.embedded_append import Appender, Block
from sinks.embedded_upkeep import Upkeep

BUFFER_BYTES = 8 * 1024 * 1024
BUFFER_RECORDS = 100_000
_BLOCK_BYTES = 4 * 1024 * 1024
_BLOCK_RECORDS = 65_536
_RETRY_S = 0.02


@dataclass(slots=True)
class _Queued:
    """Records of one partition that wait for their commit."""

    topic: Topic
    partition: int
    time_ms: int
    count: int
    size_bytes: int
    block: bytes | memoryview


class EmbeddedWriter:
    """Appends records to the file.

    A ``write`` that returns has committed its records, unless the file could not be written just then (a full disk, another
    process that holds it): then they are queued, in order, and every later ``write`` or ``flush`` tries again. When that has failed for
    ``patience_s``, both raise BusUnavailable; a ``write`` that raises has not taken its own records, and what was queued stays so.

    Args:
        file: a connection of its own, closed with the writer.
        upkeep: the thread that keeps the file in shape; closed with the writer. None: somebody else does it.
    """

    def __init__(self, file: LogFile, upkeep: Upkeep | None) -> None:
        self._file = file
        self._upkeep = upkeep
        self._appender = Appender(file)
        self._patience_s = file.patience_s
        self._topics: dict[str, Topic] = {}
        self._queue: deque[_Queued] = deque()
        self._queued_bytes = 0
        self._queued_records = 0
        self._failed_since_s: float | None = None
        self._tried_s = 0.0

    def write(self, records: Records | RecordColumns) -> None:
        """See ``schemas.bus.Writer.write``.

        Raises:
            UnknownTopic: with the command that creates it.
            RecordTooLarge: nothing of this call is taken.
            BusError: a partition that the topic does not have; nothing of this call is taken.
            ValueError: columns of different lengths; nothing of this call is taken.
        """
        if not len(records.keys) == len(records.partitions) == len(records):
            lengths = (len(records.partitions), len(records.keys), len(records))
            raise ValueError(f"expected columns of equal length for topic {records.topic}, found {lengths} partitions, keys, values")
        if not len(records):
            return
        if self._queue:
            self._make_room()
        queued = list(self._grouped(records))
        self._queue.extend(queued)
        self._queued_bytes += sum(part.size_bytes for part in queued)
        self._queued_records += len(records)
        if self._failed_since_s is None:
            self._try_commit()

    def flush(self, timeout_s: float = 30.0) -> None:
        """See ``schemas.bus.Writer.flush``."""
        deadline_s = time.monotonic() + timeout_s
        while self._queue:
            error = self._try_commit()
            if error is None:
                continue
            if time.monotonic() >= deadline_s:
                raise self._undelivered(error) from error
            time.sleep(_RETRY_S)
        self._file.look()

    def close(self) -> None:
        """Flush what waits, with the bus's patience, and close.

        Raises:
            BusUnavailable: some records could not be written; they are lost with this writer.
        """
        try:
            self.flush(self._patience_s)
        finally:
            if self._upkeep is not None:
                self._upkeep.close()
            self._appender.close()
            self._file.close()

    def _make_room(self) -> None:
        """Try to write what an earlier call could not; raise if that has failed for too long, wait if the buffer is full."""
        while self._queue:
            now_s = time.monotonic()
            full = self._queued_bytes >= BUFFER_BYTES or self._queued_records >= BUFFER_RECORDS
            if now_s - self._tried_s >= _RETRY_S:
                error = self._try_commit()
                if error is not None and now_s - (self._failed_since_s or now_s) >= self._patience_s:
                    raise self._undelivered(error) from error
            elif full:
                time.sleep(_RETRY_S)
            if not full:
                return

    def _undelivered(self, error: BusUnavailable) -> BusUnavailable:
        count = self._queued_records
        return BusUnavailable(f"{error}; {count} records are kept in memory and wait to be written", hint=error.hint)

    def _try_commit(self) -> BusUnavailable | None:
        """Write all that is queued; the error if that cannot be done now."""
        try:
            self._commit()
        except BusUnavailable as error:
            self._tried_s = time.monotonic()
            self._failed_since_s = self._tried_s if self._failed_since_s is None else self._failed_since_s
            return error
        self._failed_since_s = None
        return None

    def _commit(self) -> None:
        file = self._file
        file.look()
        # While it fails, each try is short: the patience is the caller's loop's.
        wait_s = self._patience_s if self._failed_since_s is None else 0.0
        with file.write_lock.held(wait_s, file.path):
            try:
                while self._queue:
                    self._commit_first()
            except (sqlite3.Error, OSError) as error:
                raise translated(error, file.path) from error

    def _commit_first(self) -> None:
        """Commit the first parts of the queue that are of one topic, and forget them: a later failure does not concern them."""
        topic = self._queue[0].topic
        parts = list(takewhile(lambda part: part.topic is topic, self._queue))
        self._appender.append(topic, [Block(part.partition, part.count, part.time_ms, part.block) for part in parts])
        for part in parts:
            self._queue.popleft()
            self._queued_bytes -= part.size_bytes
            self._queued_records -= part.count

    def _grouped(self, records: Records | RecordColumns) -> Iterator[_Queued]:
        """The records by partition, each in the order given, cut so that no blob grows too large."""
        topic = self._topics.get(records.topic)
        if topic is None:
            try:
                topic = self._topics[records.topic] = self._file.topic(records.topic)
            except sqlite3.Error as error:
                raise translated(error, self._file.path) from error
        time_ms = time.time_ns() // 1_000_000 if records.timestamp_ms < 0 else records.timestamp_ms
        partitions = np.asarray(records.partitions, np.int32)
        low, high = int(partitions.min()), int(partitions.max())
        if low < 0 or high >= topic.partitions:
            wrong = low if low < 0 else high
            raise BusError(f"topic {topic.name} has partitions 0 to {topic.partitions - 1}, not {wrong}")
        if isinstance(records, RecordColumns):
            return iter(_cut_columns(topic, time_ms, records))
        values = _present(records)
        parts: list[_Queued] = []
        if low == high:
            parts += _cut(topic, low, time_ms, records.keys, values)
        else:
            for partition, indices in _by_partition(partitions):
                parts += _cut(topic, partition, time_ms, _pick(records.keys, indices), _pick(values, indices))
        return iter(parts)


def _present(records: Records) -> Sequence[bytes]:
    """The values, a tombstone as the empty one it is stored as."""
    values = [b"" if value is None else value for value in records.values]
    largest = max(map(len, chain(values, records.keys)))
    if largest > MAX_RECORD_BYTES:
        raise RecordTooLarge(f"a record of topic {records.topic} has {largest} bytes; the embedded bus takes at most {MAX_RECORD_BYTES}")
    return values


def _by_partition(partitions: np.typing.NDArray[np.int32]) -> Iterator[tuple[int, list[int]]]:
    order = np.argsort(partitions, kind="stable")
    ordered = partitions[order]
    bounds = np.flatnonzero(np.diff(ordered)) + 1
    indices = order.tolist()
    for start, end in zip([0, *bounds.tolist()], [*bounds.tolist(), len(indices)], strict=True):
        yield int(ordered[start]), indices[start:end]


def _pick(column: Sequence[bytes], indices: list[int]) -> Sequence[bytes]:
    if len(indices) == 1:
        return (column[indices[0]],)
    picked: tuple[bytes, ...] = itemgetter(*indices)(column)
    return picked


def _cut(topic: Topic, partition: int, time_ms: int, keys: Sequence[bytes], values: Sequence[bytes]) -> list[_Queued]:
    size = sum(map(len, values)) + sum(map(len, keys))
    if len(values) == 1 or (size <= _BLOCK_BYTES and len(values) <= _BLOCK_RECORDS):
        # Encoded here, not under the lock: what cannot be encoded shall never be queued.
        return [_Queued(topic, partition, time_ms, len(values), size, encode(keys, values))]
    half = len(values) // 2
    return _cut(topic, partition, time_ms, keys[:half], values[:half]) + _cut(topic, partition, time_ms, keys[half:], values[half:])


def _cut_columns(topic: Topic, time_ms: int, records: RecordColumns) -> list[_Queued]:
    """As ``_cut``, for all partitions: a block of each, of at most so many records and bytes that one of them could hold all."""
    # Imported here: it costs the compiler's start, and who writes columns has compiled code already.
    from sinks.embedded_columns import blobs

    count, size = len(records), len(records.values.data) + len(records.keys.data)
    if count == 1 or (size <= _BLOCK_BYTES and count <= _BLOCK_RECORDS):
        largest = max(len(records.values.data), len(records.keys.data))
        if count == 1 and largest > MAX_RECORD_BYTES:
            raise RecordTooLarge(f"a record of topic {topic.name} has {largest} bytes; the embedded bus takes at most {MAX_RECORD_BYTES}")
        return [
            _Queued(topic, partition, time_ms, number, len(blob) - 8 * number, blob)
            for partition, number, blob in blobs(records, topic.partitions)
        ]
    half = count // 2
    return [
        part
        for start, stop in ((0, half), (half, count))
        for part in _cut_columns(
            topic,
            time_ms,
            RecordColumns(topic.name, records.partitions[start:stop], records.keys.part(start, stop), records.values.part(start, stop)),
        )
    ]
