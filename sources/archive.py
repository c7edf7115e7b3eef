"""The archive as a source: its files, and the records of a topic's partition in the order of their offsets, byte for byte."""

from __future__ import annotations

from collections import deque
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from schemas.archive.folder import ArchiveFolder, open_folder, read_log
from schemas.archive.layout import HOUR_NS, ArchiveFile, day_folder, split_contained, topic_folder
from schemas.archive.parquet import read_tables
from schemas.catalog import BARE
from schemas.errors import InputFileError
from schemas.times import DAY_NS, END_OF_TIME_NS
from sources.archive_records import ArchivedRecords, records_of

MOST_DAYS = 45
"""In a longer range all folders of a topic are listed at once."""


@dataclass(slots=True)
class Archive:
    """An archive that is there. Made by ``open_archive``."""

    folder: ArchiveFolder
    log: str
    """Identity of the log that it is of."""
    incomplete: int = field(default=0, init=False)
    """Records that ``records`` left out because some of their rows are not kept any more."""

    def topics(self) -> list[str]:
        """Topics that have files."""
        return sorted({file.topic for file in self.folder.files()})

    def files(self, topics: Sequence[str] = (), start_ns: int = 0, end_ns: int = END_OF_TIME_NS) -> list[ArchiveFile]:
        """Files that may hold rows of an event time in [start, end), by topic, hour, partition and offset; no row is in two.

        Args:
            topics: empty: all.
            start_ns: event time.
            end_ns: event time, exclusive.
        """
        days = range(start_ns // DAY_NS, -(-end_ns // DAY_NS)) if end_ns - start_ns <= MOST_DAYS * DAY_NS else None
        if not topics:
            found = self.folder.files()
        elif days is None:
            found = [file for topic in topics for file in self.folder.files(topic_folder(topic))]
        else:
            found = [file for topic in topics for day in days for file in self.folder.files(day_folder(topic, day))]
        return [file for file in split_contained(found)[0] if file.start_ns < end_ns and file.start_ns + HOUR_NS > start_ns]

    def records(
        self, topic: str, partition: int, start_ns: int = 0, end_ns: int = END_OF_TIME_NS, keys: Collection[bytes] | None = None
    ) -> Iterator[ArchivedRecords]:
        """The records of a partition with an event time in [start, end), in the order of their offsets, as they stood on the bus.

        A record that is an array comes whole if one of its elements lies in the range.

        Args:
            topic: of the records.
            partition: of the bus.
            start_ns: event time.
            end_ns: event time, exclusive.
            keys: only records with one of these message keys; None: all.
        """
        for table in self.tables(topic, partition, start_ns, end_ns, keys):
            yield records_of(topic, table)

    def tables(
        self, topic: str, partition: int, start_ns: int = 0, end_ns: int = END_OF_TIME_NS, keys: Collection[bytes] | None = None
    ) -> Iterator[pa.Table]:
        """As ``records``, but the rows with their columns, by offset and index; each table has at least one row, and whole records."""
        streams = [_Stream(self.folder, files) for files in self._hours(topic, partition, start_ns, end_ns)]
        for table in _merged(streams):
            wanted = _selected(table, start_ns, end_ns, keys)
            whole = self._whole(wanted) if topic in BARE else wanted
            if len(whole):
                yield whole

    def _hours(self, topic: str, partition: int, start_ns: int, end_ns: int) -> list[list[ArchiveFile]]:
        """Files of a partition, a list an hour: those of the range, and where a record may have rows in several hours the rest's."""
        all_files = [file for file in self.files([topic]) if file.partition == partition]
        chosen = [file for file in all_files if file.start_ns < end_ns and file.start_ns + HOUR_NS > start_ns]
        if topic in BARE and chosen:
            first, last = min(file.first for file in chosen), max(file.last for file in chosen)
            chosen = [file for file in all_files if file.first <= last and file.last >= first]
        hours: dict[int, list[ArchiveFile]] = {}
        for file in chosen:
            hours.setdefault(file.hour, []).append(file)
        return list(hours.values())

    def _whole(self, table: pa.Table) -> pa.Table:
        """The rows of records of which all rows are there."""
        if not len(table) or pc.max(table["bus_count"]).as_py() == 1:
            return table
        offsets, counts = table["bus_offset"].to_numpy(), table["bus_count"].to_numpy()
        _, inverse, found = np.unique(offsets, return_inverse=True, return_counts=True)
        whole = found[inverse] == counts
        if whole.all():
            return table
        self.incomplete += len(np.unique(offsets[~whole]))
        return table.filter(pa.array(whole))


def open_archive(url: str) -> Archive:
    """The archive in a folder or an object store.

    Raises:
        InputFileError: there is none yet.
        UsageError, StoreError: the URL or what is there is none of an archive.
    """
    folder = open_folder(url)
    try:
        log = read_log(folder)
    except OSError as error:
        raise InputFileError(f"expected an archive in {url}, which cannot be read: {error}") from None
    if log is None:
        raise InputFileError(f"expected an archive in {url}, found none yet", hint="trademaster run archive")
    return Archive(folder, log)


def _selected(table: pa.Table, start_ns: int, end_ns: int, keys: Collection[bytes] | None) -> pa.Table:
    if start_ns > 0 or end_ns < END_OF_TIME_NS:
        times = table["time"].cast(pa.int64()).to_numpy()
        inside = (times >= start_ns) & (times < end_ns)
        if not inside.all():
            offsets = table["bus_offset"].to_numpy()
            table = table.filter(pa.array(np.isin(offsets, offsets[inside])))
    if keys is not None:
        table = table.filter(pc.is_in(table["bus_key"], pa.array(list(keys), pa.binary())))
    return table


class _Stream:
    """The rows of one hour of a partition, a chunk at a time."""

    def __init__(self, folder: ArchiveFolder, files: Sequence[ArchiveFile]) -> None:
        self._folder = folder
        self._files = deque(files)
        self._chunks: Iterator[pa.Table] = iter(())
        self.head: pa.Table | None = None
        self.next_offset: int | None = files[0].first
        """Least offset that is still to come; None: none is."""
        self.until = -1
        """Records up to this offset are whole in the head."""
        self._last = -1

    def load(self) -> None:
        """Have the next chunk in the head behind what is left there."""
        chunk = next(self._chunks, None)
        if chunk is None:
            file = self._files.popleft()
            self._last = file.last
            self._chunks = read_tables(self._folder, file)
            chunk = next(self._chunks)
        self.head = pa.concat_tables([self.head, chunk]) if self.head is not None and len(self.head) else chunk
        last = self.head["bus_offset"][-1].as_py()
        self.until = last if last == self._last else last - 1

    def take(self, bound: int) -> pa.Table:
        """Rows up to an offset, at most ``until``."""
        assert self.head is not None
        count = int(np.searchsorted(self.head["bus_offset"].to_numpy(), bound, "right"))
        taken, self.head = self.head.slice(0, count), self.head.slice(count)
        if len(self.head):
            self.next_offset = self.head["bus_offset"][0].as_py()
        elif self.until < self._last:
            self.next_offset = bound + 1
        else:
            self.next_offset = self._files[0].first if self._files else None
        return taken


def _merged(streams: Sequence[_Stream]) -> Iterator[pa.Table]:
    """The rows of all streams by offset and index."""
    while open_streams := [stream for stream in streams if stream.next_offset is not None]:
        open_streams.sort(key=lambda stream: stream.next_offset or 0)
        loaded = [open_streams[0]]
        while not _has_whole(loaded[0]):
            loaded[0].load()
        bound = loaded[0].until
        for stream in open_streams[1:]:
            if (stream.next_offset or 0) > bound:
                break
            while not _has_whole(stream):
                stream.load()
            loaded.append(stream)
            bound = min(bound, stream.until)
        parts = [stream.take(bound) for stream in loaded]
        table = pa.concat_tables([part for part in parts if len(part)]).unify_dictionaries()
        yield (table.sort_by([("bus_offset", "ascending"), ("bus_index", "ascending")]) if len(parts) > 1 else table)


def _has_whole(stream: _Stream) -> bool:
    return stream.head is not None and len(stream.head) > 0 and stream.until >= (stream.next_offset or 0)
