"""Keeps the folder of the embedded bus in shape, beside the writers: retention, compaction, what of the segments is on the disk.

Only one thread of all processes is at work at a time.
"""

from __future__ import annotations

import os
import sqlite3
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from operator import itemgetter

from schemas.embedded_log import LogFile, Topic
from schemas.embedded_segments import FRAME, Frame, Head, TopicFiles, frames
from schemas.errors import BusError
from sinks.embedded_compaction import compact, is_due

DEFAULT_RETENTION_BYTES = 10_000_000_000
_LOOK_S = 0.25
_RETENTION_S = 1.0
_STEP_BYTES = 1024 * 1024
_SLACK_MS = 1000
_SYNC_AFTER_S = 60.0
"""The system brings a written segment to the disk within half a minute by itself; asked later than that, it holds nobody."""


@dataclass(frozen=True, slots=True)
class _Bound:
    """What of a topic is too much: frames older than ``before_ms``, and frames not after ``until_ms`` beyond ``keep_bytes`` (-1: any)."""

    keep_bytes: int
    before_ms: int | None = None
    until_ms: int | None = None

    def passed(self, time_ms: int, topic_bytes: int) -> bool:
        if self.before_ms is not None and time_ms < self.before_ms:
            return True
        return 0 <= self.keep_bytes < topic_bytes and (self.until_ms is None or time_ms <= self.until_ms)


class Upkeep:
    """The thread. ``file`` is a connection of its own, closed with it.

    Args:
        retention_bytes: of all ordinary topics together; the oldest records go first.
    """

    def __init__(self, file: LogFile, retention_bytes: int = DEFAULT_RETENTION_BYTES) -> None:
        self._file = file
        self._retention_bytes = retention_bytes
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="embedded-bus-upkeep", daemon=True)

    def start(self) -> Upkeep:
        self._thread.start()
        return self

    def close(self) -> None:
        self._stop.set()
        if self._thread.ident is not None:
            self._thread.join()
        self._file.close()

    def _run(self) -> None:
        retained_s = 0.0
        while not self._stop.wait(_LOOK_S):
            if not self._file.upkeep_lock.try_take():
                continue
            try:
                if time.monotonic() - retained_s >= _RETENTION_S:
                    retained_s = time.monotonic()
                    self.retain(time.time_ns() // 1_000_000)
                    self.compact(time.time_ns() // 1_000_000)
                    self.sync(time.time() - _SYNC_AFTER_S)
            except (sqlite3.Error, OSError, BusError):
                # A full disk or a held file is told by the writer, whose records it concerns; here the next round tries again.
                continue
            finally:
                self._file.upkeep_lock.release()

    def compact(self, now_ms: int, *, at_once: bool = False) -> None:
        """Compact the topics for which it is time; ``at_once``: all that are to be compacted."""
        for topic in self._topics():
            if topic.compacted and (at_once or is_due(self._file.files(topic), self._file.head(topic))):
                compact(self._file, topic, now_ms)

    def retain(self, now_ms: int) -> None:
        """Delete what is older than its topic keeps, and what is beyond the bounds of size."""
        topics = [topic for topic in self._topics() if not topic.compacted]
        for topic in topics:
            before_ms = now_ms - topic.retention_ms if topic.retention_ms >= 0 else None
            while self._cut(topic, _Bound(before_ms=before_ms, keep_bytes=topic.retention_bytes)):
                pass
        while self._cut_oldest(topics):
            pass

    def _topics(self) -> list[Topic]:
        return [self._file.topic(name) for (name,) in self._file.db.execute("SELECT name FROM topics").fetchall()]

    def _cut_oldest(self, topics: list[Topic]) -> bool:
        """One step towards the bound of the whole file; True if there is more to do."""
        excess = sum(self._file.head(topic).bytes for topic in topics) - self._retention_bytes
        if excess <= 0:
            return False
        # By the second, not to the record: else topics that are written side by side would be cut a frame at a time.
        ages = [(next(self._first_frames(topic, self._file.head(topic)), None), topic) for topic in topics]
        oldest = sorted(((age[0].time_ms, topic) for age, topic in ages if age is not None), key=itemgetter(0))
        if not oldest:
            return False
        until_ms = oldest[1][0] + _SLACK_MS if len(oldest) > 1 else None
        topic = oldest[0][1]
        return self._cut(topic, _Bound(keep_bytes=max(self._file.head(topic).bytes - excess, 0), until_ms=until_ms))

    def _cut(self, topic: Topic, bound: _Bound) -> bool:
        """Take some of the first frames that are too old or too many; True if it did, for there may be more."""
        files, seen = self._file.files(topic), self._file.head(topic)
        kept = self._kept(topic, seen, bound)
        if (kept.first_segment, kept.first_position) == (seen.first_segment, seen.first_position):
            return False
        with self._file.write_lock.held(self._file.patience_s, self._file.path):
            # Meanwhile there may be more at the end; at the start nobody else takes any.
            head = self._file.head(topic)
            if (head.first_segment, head.first_position) != (seen.first_segment, seen.first_position):
                return True
            head.begins, head.removed = kept.begins, kept.removed
            head.first_segment, head.first_position = kept.first_segment, kept.first_position
            files.write_head(head, durable=False)
        for segment in files.segments():
            if segment < kept.first_segment:
                files.segment_path(segment).unlink(missing_ok=True)
        return True

    def _kept(self, topic: Topic, head: Head, bound: _Bound) -> Head:
        """The head as it is without the first frames that are too much."""
        for frame, segment in self._first_frames(topic, head):
            if not bound.passed(frame.time_ms, head.bytes):
                break
            head = replace(head, removed=head.removed + frame.end - frame.start, first_segment=segment, first_position=frame.end)
            head.begins[frame.partition] = frame.first_offset + frame.records
        return head

    def _first_frames(self, topic: Topic, head: Head) -> Iterator[tuple[Frame, int]]:
        """The first that are kept, some of them, each with its segment. Their ends are places in the segment."""
        files = self._file.files(topic)
        segment, position = head.first_segment, head.first_position
        while segment < head.segment and position >= files.end_of(segment, head):
            segment, position = segment + 1, files.start_bytes
        with files.segment_path(segment).open("rb") as file:
            data = os.pread(file.fileno(), min(files.end_of(segment, head) - position, _STEP_BYTES), position)
            if len(data) >= FRAME.size and next(frames(data), None) is None:
                data = os.pread(file.fileno(), FRAME.size + FRAME.unpack_from(data)[1], position)
        for frame in frames(data):
            yield frame._replace(start=position + frame.start, end=position + frame.end), segment

    def sync(self, before_s: float) -> None:
        """Note which whole segments are on the disk, of those last written before a time (Unix s): after a power failure they are right."""
        for topic in self._topics():
            _sync(self._file.files(topic), before_s)


def _sync(files: TopicFiles, before_s: float) -> None:
    head, synced = files.head(), files.synced()
    for segment in range(max(synced + 1, head.first_segment), head.segment):
        with files.segment_path(segment).open("rb") as file:
            if os.fstat(file.fileno()).st_mtime > before_s:
                return
            os.fsync(file.fileno())
        files.set_synced(segment)
