"""Appends blocks to the segments of a topic of the embedded bus, and commits them with its head."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import NamedTuple

from schemas.embedded_log import LogFile, Topic
from schemas.embedded_segments import SEGMENT_BYTES, Head, SegmentStart, TopicFiles, frame_header, sync_folder, write_all


class Block(NamedTuple):
    """Records of one partition."""

    partition: int
    records: int
    time_ms: int
    data: bytes | memoryview


class Appender:
    """Holds the segments open that it writes to. Not thread-safe.

    Args:
        file: whose write lock the caller holds during ``append``.
    """

    def __init__(self, file: LogFile) -> None:
        self._file = file
        self._open: dict[int, tuple[int, int]] = {}
        """By topic: number and descriptor of its segment."""

    def append(self, topic: Topic, blocks: Sequence[Block]) -> None:
        """All or none of the blocks.

        Raises:
            OSError: none was written, as far as any reader can tell.
        """
        files = self._file.files(topic)
        head = files.head()
        if head.position >= SEGMENT_BYTES:
            self._next_segment(files, head)
        descriptor = self._descriptor(topic, files, head)
        buffers: list[bytes | memoryview] = []
        row, ends, appended = head.row, head.ends, head.appended
        for partition, count, time_ms, data in blocks:
            row += 1
            buffers += (frame_header((row, partition, count, ends[partition], time_ms), data), data)
            ends[partition] += count
            appended += len(data)
        head.position += write_all(descriptor, buffers, head.position)
        head.row, head.appended = row, appended
        if self._file.durable:
            os.fdatasync(descriptor)
        files.write_head(head, durable=self._file.durable)

    def _next_segment(self, files: TopicFiles, head: Head) -> None:
        """Only the commit that follows makes it the topic's: until then the next writer makes it again."""
        files.begin_segment(head.segment + 1, SegmentStart(head.position, head.row, head.appended, head.ends))
        head.segment += 1
        head.position = files.start_bytes

    def _descriptor(self, topic: Topic, files: TopicFiles, head: Head) -> int:
        segment, descriptor = self._open.get(topic.id, (0, -1))
        # The first frame of a segment: it may have been made again since.
        if segment != head.segment or head.position == files.start_bytes:
            if descriptor >= 0:
                os.close(self._open.pop(topic.id)[1])
            descriptor = os.open(files.segment_path(head.segment), os.O_RDWR | os.O_CLOEXEC)
            self._open[topic.id] = (head.segment, descriptor)
            if self._file.durable:
                sync_folder(self._file.folder)
        return descriptor

    def close(self) -> None:
        for _, descriptor in self._open.values():
            os.close(descriptor)
        self._open.clear()
