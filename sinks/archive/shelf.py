"""What the archive holds of one topic, and the work on its files: skipping what is there already, joining small files."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from schemas.archive.folder import ArchiveFolder
from schemas.archive.layout import ArchiveFile, hour_folder, split_contained, topic_folder
from schemas.archive.parquet import parquet_bytes, read_tables

FAN = 8
"""So many files of a size are joined."""

_LEAST_BYTES = 1 << 16

_Slot = tuple[int, int]
"""(hour, partition)."""


@dataclass(slots=True)
class _Folder:
    """The files of an hour and partition, by offset."""

    files: list[ArchiveFile] = field(default_factory=list)
    last: int = -1
    """Offset of the last record that was put there."""
    touched_s: float = 0.0
    """When a file came, by the monotonic clock."""


class Shelf:
    """The files of a topic's partitions that this process has been given records of; no other process touches these."""

    def __init__(self, folder: ArchiveFolder, topic: str, *, file_bytes: int) -> None:
        """``file_bytes``: files of this size are not joined any more."""
        self._folder = folder
        self._topic = topic
        self._file_bytes = file_bytes
        self._folders: dict[_Slot, _Folder] = {}
        self._partitions: set[int] = set()

    def adopt(self, partitions: Sequence[int], now_s: float) -> None:
        """Know what partitions have; what a death left there is taken away. Raises OSError."""
        fresh = set(partitions) - self._partitions
        if not fresh:
            return
        files = [file for file in self._folder.files(topic_folder(self._topic)) if file.partition in fresh]
        kept, dropped = split_contained(files)
        for file in dropped:
            self._folder.remove(file.path)
        for partition in fresh:
            self._folder.tidy(self._topic, partition)
        for file in kept:
            slot = self._folders.setdefault((file.hour, file.partition), _Folder(touched_s=now_s))
            slot.files.append(file)
            slot.last = file.last
        self._partitions |= fresh

    def last(self, hour: int, partition: int) -> int:
        """Offset of the last record that is there of an hour and partition; -1: none is."""
        found = self._folders.get((hour, partition))
        return found.last if found else -1

    def add(self, file: ArchiveFile, now_s: float) -> None:
        """Note a file that was put there, behind all others of its hour and partition."""
        found = self._folders.setdefault((file.hour, file.partition), _Folder())
        found.files.append(file)
        found.last = file.last
        found.touched_s = now_s

    def compact(self, now_s: float, quiet_s: float) -> None:
        """Join the small files of each hour and partition: some when they have become many, all when nothing has come for a while.

        Raises:
            OSError: the folder is out of reach or full. What was joined so far stays so.
        """
        for slot in self._folders.values():
            run = self._whole(slot) if now_s - slot.touched_s >= quiet_s else self._tier(slot)
            if len(run) > 1:
                try:
                    self._join(slot, run)
                except FileNotFoundError:  # too old, and gone meanwhile
                    there = set(self._folder.files(hour_folder(self._topic, run[0].hour)))
                    slot.files = [file for file in slot.files if file in there]

    def _tier(self, slot: _Folder) -> list[ArchiveFile]:
        """The last files that are of one size at most, if there are FAN of them: so each row is written again once a size."""
        bound = _LEAST_BYTES
        while bound < self._file_bytes:
            run = self._trailing(slot, bound)
            if len(run) >= FAN:
                return run
            bound *= FAN
        return []

    def _trailing(self, slot: _Folder, bound: int) -> list[ArchiveFile]:
        run: list[ArchiveFile] = []
        for file in reversed(slot.files):
            if file.size_bytes > bound or sum(one.size_bytes for one in run) > self._file_bytes:
                break
            run.insert(0, file)
        return run

    def _whole(self, slot: _Folder) -> list[ArchiveFile]:
        """The first run of files that together make one of full size at most."""
        run: list[ArchiveFile] = []
        for file in slot.files:
            if sum(one.size_bytes for one in run) + file.size_bytes > self._file_bytes:
                if len(run) > 1:
                    return run
                run = []
            run.append(file)
        return run

    def _join(self, slot: _Folder, run: Sequence[ArchiveFile]) -> None:
        """The larger file appears before its parts go: who dies between leaves parts that are known to be contained in it."""
        first, last = run[0], run[-1]
        data = parquet_bytes(self._topic, (table for file in run for table in read_tables(self._folder, file)))
        appended_s = max(file.appended_s for file in run)
        joined = ArchiveFile(self._topic, first.hour, first.partition, first.first, last.last, appended_s, data.size)
        self._folder.put(joined.path, data)
        at = slot.files.index(first)
        slot.files[at : at + len(run)] = [joined]
        for file in run:
            self._folder.remove(file.path)
