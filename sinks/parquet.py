"""The archive as a store: records of topics become Parquet files, each row in the hour of its event time, once.

How it stays exact: within a topic, partition and hour rows are written in the order of offsets and a file appears whole, so what is
there is all up to the last offset that a name tells; who reads records again skips what lies before it. Batches, epochs and processes
do not matter.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
import pyarrow as pa
import structlog

from schemas.archive.folder import ArchiveFolder, open_folder, read_log, write_log
from schemas.archive.layout import HOUR_NS, ArchiveFile
from schemas.archive.parquet import parquet_bytes
from schemas.bus import Batch, Int64s
from schemas.dead_letters import Reject
from schemas.errors import StoreError
from schemas.store import Opening
from sinks.archive.retention import remove_expired
from sinks.archive.shelf import Shelf
from sinks.archive.table import archive_table, joined_records
from sinks.outage import Outage

RECORD_BYTES = 64
"""What a record takes in memory beside its bytes."""

CHUNK_BYTES = 4 << 20
"""Of records become rows at once: so much stays in memory that is used again and again."""

RETENTION_EVERY_S = 3600.0


@dataclass(frozen=True, slots=True)
class ArchiveSettings:
    """How the archive is kept."""

    url: str
    """A folder, or ``s3://BUCKET/PREFIX``."""
    buffer_bytes: int = 64 << 20
    """Records that wait to become files, of all topics together; with more than that the largest topic's are written."""
    file_bytes: int = 128 << 20
    """Files are joined up to this size."""
    quiet_s: float = 600.0
    """An hour to which nothing has come for so long has its files joined."""
    kept_s: float = 30 * 86_400.0
    """How long records are kept; 0: for ever."""


class ParquetStore:
    """A ``schemas.store.Store``."""

    def __init__(self, settings: ArchiveSettings, opening: Opening) -> None:
        """Raises UsageError, StoreError, StoreInterrupted: it cannot be opened, and why."""
        self._settings = settings
        self._folder: ArchiveFolder = open_folder(settings.url)
        self._outage = Outage("archive", settings.url, opening.stopping)
        self._shelves: dict[str, Shelf] = {}
        self._waiting: dict[str, Waiting] = {}
        self._is_first = opening.process == 0
        self._retained_s = -RETENTION_EVERY_S
        self._outage.until(lambda: _belong(self._folder, opening.log))

    def write(self, batch: Batch) -> Sequence[Reject]:
        if len(batch):
            waiting = self._waiting.setdefault(batch.topic, Waiting())
            waiting.add(batch)
            while sum(one.size_bytes for one in self._waiting.values()) > self._settings.buffer_bytes:
                self._roll(max(self._waiting, key=lambda topic: self._waiting[topic].size_bytes))
        return ()  # a bad record is archived as it is

    def flush(self) -> Sequence[Reject]:
        for topic in list(self._waiting):
            self._roll(topic)
        self._tidy()
        return ()

    def close(self) -> None:
        self._waiting.clear()

    def _roll(self, topic: str) -> None:
        """Write what waits of a topic."""
        found = self._waiting[topic].taken()
        shelf = self._shelf(topic)
        partitions = sorted({partition for _, partition in found})
        self._outage.until(lambda: shelf.adopt(partitions, time.monotonic()))
        for (hour, partition), tables in sorted(found.items()):
            self._put(shelf, topic, hour, partition, tables)
        del self._waiting[topic]

    def _shelf(self, topic: str) -> Shelf:
        if topic not in self._shelves:
            self._shelves[topic] = Shelf(self._folder, topic, file_bytes=self._settings.file_bytes)
        return self._shelves[topic]

    def _put(self, shelf: Shelf, topic: str, hour: int, partition: int, tables: Sequence[pa.Table]) -> None:
        fresh = [table for table in (_behind(one, shelf.last(hour, partition)) for one in tables) if len(table)]
        if not fresh:
            return
        first, last = fresh[0]["bus_offset"][0].as_py(), fresh[-1]["bus_offset"][-1].as_py()
        appended_s = max(int(table["bus_time"].cast(pa.int64()).to_numpy().max()) for table in fresh) // 1000
        data = parquet_bytes(topic, [pa.concat_tables(fresh).unify_dictionaries()])
        file = ArchiveFile(topic, hour, partition, first, last, appended_s, data.size)
        self._outage.until(lambda: self._folder.put(file.path, data))
        shelf.add(file, time.monotonic())

    def _tidy(self) -> None:
        """Join small files and let old ones go, as far as that works now: nothing waits for it."""
        now_s = time.monotonic()
        try:
            for shelf in self._shelves.values():
                shelf.compact(now_s, self._settings.quiet_s)
            if self._is_first and self._settings.kept_s and now_s - self._retained_s >= RETENTION_EVERY_S:
                remove_expired(self._folder, self._settings.kept_s, time.time())
                self._retained_s = now_s
        except OSError as error:
            structlog.get_logger().warning("archive not tidied", url=self._settings.url, error=str(error), doing="trying again later")


def _belong(folder: ArchiveFolder, log: str) -> None:
    """Be the archive of a log. Raises StoreError: it is another one's."""
    known = read_log(folder)
    if known is None:
        write_log(folder, log)
    elif known != log:
        raise StoreError(
            f"expected the archive in {folder.url} to be of the log {log}, found one of {known}: its offsets are other events",
            hint="give archive.url another folder, or take the old one away",
        )


def _behind(table: pa.Table, offset: int) -> pa.Table:
    """The rows with a larger offset."""
    return table.slice(int(np.searchsorted(table["bus_offset"].to_numpy(), offset, "right")))


class Waiting:
    """Records of a topic that are not in files yet: the last ones as they came, those before as rows."""

    def __init__(self) -> None:
        self.size_bytes = 0
        self._batches: list[Batch] = []
        self._fresh_bytes = 0
        self._rows: dict[tuple[int, int], list[pa.Table]] = {}

    def add(self, batch: Batch) -> None:
        """Take a batch."""
        self._batches.append(batch)
        self._fresh_bytes += len(batch.data)
        self.size_bytes += len(batch.data) + RECORD_BYTES * len(batch)
        if self._fresh_bytes >= CHUNK_BYTES:
            self._convert()

    def taken(self) -> dict[tuple[int, int], list[pa.Table]]:
        """All as rows, by hour and partition in the order of offsets."""
        self._convert()
        return self._rows

    def _convert(self) -> None:
        if self._batches:
            for hour, partition, rows in _by_hour(archive_table(joined_records(self._batches))):
                self._rows.setdefault((hour, partition), []).append(rows)
        self._batches, self._fresh_bytes = [], 0


def _by_hour(table: pa.Table) -> Iterator[tuple[int, int, pa.Table]]:
    """(hour, partition, rows in the order of offsets) of each that there is."""
    hours: Int64s = table["time"].cast(pa.int64()).to_numpy() // HOUR_NS
    partitions: Any = table["bus_partition"].to_numpy()
    changes = np.flatnonzero((np.diff(hours) != 0) | (np.diff(partitions) != 0)) + 1
    if len(changes) and _are_mixed(hours, partitions, changes):
        order = np.lexsort((hours, partitions))
        table, hours, partitions = table.take(pa.array(order)).combine_chunks(), hours[order], partitions[order]
        changes = np.flatnonzero((np.diff(hours) != 0) | (np.diff(partitions) != 0)) + 1
    bounds = [0, *changes.tolist(), len(table)]
    for first, last in pairwise(bounds):
        yield int(hours[first]), int(partitions[first]), table.slice(first, last - first)


def _are_mixed(hours: Int64s, partitions: Any, changes: Int64s) -> bool:
    """Whether an hour of a partition comes again behind another one."""
    starts = [0, *changes.tolist()]
    return len({(hours[at], partitions[at]) for at in starts}) < len(starts)
