"""Where an archived row lies: names of folders and files, and which files hold what others hold already. Pure; no I/O.

``topic=market.ticks/date=2026-01-02/hour=15/PARTITION-FIRST-LAST-APPENDED.parquet``: date and hour of event time in UTC, first and last
offset of the file's rows, and when the latest of its records was appended (Unix seconds). Within a topic, partition and hour the ranges
of files are apart, or one holds another: compaction puts the larger file there before it takes its parts away.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime

HOUR_NS = 3_600 * 1_000_000_000

MANIFEST = "archive.json"
"""Says which log the archive is of."""

SUFFIX = ".parquet"

_PATH = re.compile(r"topic=([^/]+)/date=(\d{4}-\d\d-\d\d)/hour=(\d\d)/(\d+)-(\d+)-(\d+)-(\d+)\.parquet")


@dataclass(frozen=True, slots=True)
class ArchiveFile:
    """One file, known by its name alone."""

    topic: str
    hour: int
    """Hours since 1970."""
    partition: int
    first: int
    last: int
    """Offset of the last record, inclusive."""
    appended_s: int
    """When the latest of its records was appended, Unix seconds."""
    size_bytes: int = 0

    @property
    def path(self) -> str:
        """Below the archive's folder."""
        return f"{hour_folder(self.topic, self.hour)}/{self.partition}-{self.first:020d}-{self.last:020d}-{self.appended_s}{SUFFIX}"

    @property
    def start_ns(self) -> int:
        """Event time of the hour's begin."""
        return self.hour * HOUR_NS


def topic_folder(topic: str) -> str:
    """Folder of a topic."""
    return f"topic={topic}"


def day_folder(topic: str, day: int) -> str:
    """Folder of a topic's day, in days since 1970."""
    return f"{topic_folder(topic)}/{datetime.fromtimestamp(day * 86_400, UTC):date=%Y-%m-%d}"


def hour_folder(topic: str, hour: int) -> str:
    """Folder of a topic's hour, in hours since 1970."""
    return f"{topic_folder(topic)}/{datetime.fromtimestamp(hour * 3_600, UTC):date=%Y-%m-%d/hour=%H}"


def parse_path(path: str, size_bytes: int = 0) -> ArchiveFile | None:
    """The file that a path below the archive's folder names; None: it is none of ours."""
    match = _PATH.fullmatch(path)
    if not match:
        return None
    topic, date, hour, partition, first, last, appended_s = match.groups()
    start = datetime.strptime(f"{date} {hour} +0000", "%Y-%m-%d %H %z")
    return ArchiveFile(topic, int(start.timestamp()) // 3_600, int(partition), int(first), int(last), int(appended_s), size_bytes)


def split_contained(files: Iterable[ArchiveFile]) -> tuple[list[ArchiveFile], list[ArchiveFile]]:
    """Files that count, by topic, hour, partition and offset, and those whose rows another one holds, left by a compaction that died."""
    kept: list[ArchiveFile] = []
    dropped: list[ArchiveFile] = []
    for file in sorted(files, key=lambda one: (one.topic, one.hour, one.partition, one.first, -one.last, one.appended_s)):
        last = kept[-1] if kept else None
        is_same = last is not None and (last.topic, last.hour, last.partition) == (file.topic, file.hour, file.partition)
        if last is not None and is_same and file.last <= last.last:
            dropped.append(file)
        else:
            kept.append(file)
    return kept, dropped
