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

from schemas.archive_folder import ArchiveFolder, open_folder, read_log, write_log
from schemas.archive_layout import HOUR_NS, ArchiveFile
from schemas.archive_parquet import parquet_bytes
from schemas.bus import Batch, Int64s
from schemas.dead_letters import Reject
from schemas.errors import StoreError
from schemas.store import Opening
from sinks.archive_patience import Patience
from sinks.archive_retention import remove_expired
from sinks.archive_shelf import Shelf
from sinks.archive_table import archive_table, joined_records

RECORD_BYTES = 64
"""What a record takes in memory beside its bytes."""

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
        self._patience = Patience(settings.url, opening.stopping)
        self._shelves: dict[str, Shelf] = {}
        self._pending: dict[str, list[Batch]] = {}
        self._bytes: dict[str, int] = {}
        self._is_first = opening.process == 0
        self._retained_s = -RETENTION_EVERY_S
        self._patience.until(lambda: _belong(self._folder, opening.log))

    def write(self, batch: Batch) -> Sequence[Reject]:
        if len(batch):
            self._pending.setdefault(batch.topic, []).append(batch)
            self._bytes[batch.topic] = self._bytes.get(batch.topic, 0) + len(batch.data) + RECORD_BYTES * len(batch)
        while sum(self._bytes.values()) > self._settings.buffer_bytes:
            self._roll(max(self._bytes, key=self._bytes.__getitem__))
        return ()  # a bad record is archived as it is

    def flush(self) -> Sequence[Reject]:
        for topic in list(self._pending):
            self._roll(topic)
        self._tidy()
        return ()

    def close(self) -> None:
        self._pending.clear()
        self._bytes.clear()

    def _roll(self, topic: str) -> None:
        """Write what waits of a topic."""
        batches = self._pending[topic]
        records = joined_records(batches)
        shelf = self._shelf(topic)
        self._patience.until(lambda: shelf.adopt(np.unique(records.partition).tolist(), time.monotonic()))
        table = archive_table(records)
        for hour, partition, rows in _by_hour(table):
            self._put(shelf, topic, hour, partition, rows)
        del self._pending[topic], self._bytes[topic]

    def _shelf(self, topic: str) -> Shelf:
        if topic not in self._shelves:
            self._shelves[topic] = Shelf(self._folder, topic, file_bytes=self._settings.file_bytes)
        return self._shelves[topic]

    def _put(self, shelf: Shelf, topic: str, hour: int, partition: int, rows: pa.Table) -> None:
        offsets = rows["bus_offset"].to_numpy()
        fresh = int(np.searchsorted(offsets, shelf.last(hour, partition), "right"))
        if fresh == len(offsets):
            return
        rows = rows.slice(fresh)
        appended_s = int(rows["bus_time"].cast(pa.int64()).to_numpy().max()) // 1000
        data = parquet_bytes(topic, [rows])
        file = ArchiveFile(topic, hour, partition, int(offsets[fresh]), int(offsets[-1]), appended_s, data.size)
        self._patience.until(lambda: self._folder.put(file.path, data))
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
            self._patience.log.warning("archive not tidied", url=self._settings.url, error=str(error), doing="trying again later")


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
