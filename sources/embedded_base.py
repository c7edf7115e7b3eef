"""Reads a compacted topic of the embedded bus: first what compaction left, then its segments."""

from __future__ import annotations

import os

import numpy as np

from schemas.bus import Batch
from schemas.embedded_base import SparseBlock, base_frame_bytes, read_base
from schemas.embedded_log import LogFile, Topic
from schemas.embedded_segments import FRAME, Head, TopicFiles
from schemas.errors import PositionLost
from sources.embedded_columns import batch_of_sparse
from sources.embedded_segments import SegmentCursor


class CompactedCursor:
    """A place in a compacted topic. What was overwritten before it came by may be gone, the latest record of each key never is.

    Args:
        file: of which the topic is; closed by who made it.
        topic: a compacted one.
        position: the next offset by partition, of those that are read; it is moved on by ``next``.
        with_keys: fill ``Batch.keys``.
    """

    def __init__(self, file: LogFile, topic: Topic, position: dict[int, int], *, with_keys: bool) -> None:
        self._files = file.files(topic)
        self._topic = topic
        self._position = position
        self._with_keys = with_keys
        self._log = SegmentCursor(file, topic, position, with_keys=with_keys)
        self._base: _BaseCursor | None = None

    def restart(self) -> None:
        """The position was changed from outside."""
        self._leave_base()
        self._log.restart()

    def next(self, max_records: int) -> Batch | None:
        """See ``schemas.bus.Reader.poll``, without a wait.

        Raises:
            OSError: a file cannot be read.
            PositionLost: an offset to read lies behind the end.
        """
        while True:
            if self._base is not None:
                found = self._base.next(max_records)
                if found is not None:
                    return batch_of_sparse(self._topic.name, found, self._with_keys)
                self._leave_base()
            try:
                return self._log.next(max_records)
            except PositionLost:
                # Compaction has taken what was to be read next: its latest records stand in the base.
                head = self._files.head()
                if all(offset >= head.begins[partition] for partition, offset in self._position.items()):
                    raise
                self._enter_base(head)

    def _enter_base(self, head: Head) -> None:
        try:
            self._base = _BaseCursor(self._files, head, self._position)
        except FileNotFoundError:
            # There is another one since the head was read.
            if self._files.head().first_segment == head.first_segment:
                raise

    def _leave_base(self) -> None:
        if self._base is not None:
            self._base.close()
            self._base = None

    def close(self) -> None:
        self._leave_base()
        self._log.close()


class _BaseCursor:
    """A place in a base. At its end the position is where the segments begin."""

    def __init__(self, files: TopicFiles, head: Head, position: dict[int, int]) -> None:
        self._position = position
        self._begins = head.begins
        self._descriptor = os.open(files.base_path(head.first_segment), os.O_RDONLY | os.O_CLOEXEC)
        self._at = 0
        self._rest: SparseBlock | None = None

    def next(self, max_records: int) -> SparseBlock | None:
        """The next records, of one partition; None at the end."""
        while (block := self._rest or self._read()) is not None:
            self._rest = None
            wanted = self._position.get(block.partition)
            if wanted is None:
                continue
            start = int(np.searchsorted(block.offsets, wanted))
            stop = min(start + max_records, len(block.offsets))
            if start == stop:
                continue
            if stop < len(block.offsets):
                self._rest = block
            self._position[block.partition] = int(block.offsets[stop - 1]) + 1
            return block.picked(start, stop)
        for partition, offset in self._position.items():
            self._position[partition] = max(offset, self._begins[partition])
        return None

    def _read(self) -> SparseBlock | None:
        header = os.pread(self._descriptor, FRAME.size, self._at)
        if len(header) < FRAME.size:
            return None
        data = os.pread(self._descriptor, base_frame_bytes(header), self._at)
        self._at += len(data)
        return next(read_base(data))[0]

    def close(self) -> None:
        os.close(self._descriptor)
